import { expect, test } from 'vitest'
import { noMetrics } from '../../src/ports.ts'
import type { Repeat } from '../../src/topic/calls.ts'
import { Calls } from '../../src/topic/calls.ts'
import type { TopicMessage } from '../../src/topic/messages.ts'
import { VirtualTime } from '../peer/virtual-time.ts'

type World = ReturnType<typeof world>

function world() {
  const time = new VirtualTime()
  const sent: { to: number; call: number }[] = []
  const reachable = new Set([1, 2, 3])
  const calls = new Calls({
    partitions: 4,
    post: (to, message) => {
      if (!reachable.has(to)) return false
      sent.push({ to, call: message[1] as number })
      return true
    },
    clock: time,
    timers: time,
    metrics: noMetrics,
  })
  const ends: string[] = []
  const call = (
    name: string,
    ms = 1_000,
    verdict: 'done' | 'more' | 'again' = 'done',
    repeat: Repeat = 'keyed',
  ): void =>
    calls.call(
      2,
      (id) => [32, id, name, { kind: 'card' }] as TopicMessage,
      ms,
      (): 'done' | 'more' | 'again' => {
        ends.push(`${name} answered`)
        return verdict
      },
      (why) => ends.push(`${name} ${why}`),
      repeat,
    )
  const answer = (id: number) => calls.answer(id, [33, id, null])
  return { time, sent, reachable, calls, ends, call, answer }
}

test('calls wait for an owner and then go in the order in which they were made', () => {
  const { sent, calls, call } = world()
  call('a')
  call('b')
  expect(sent).toEqual([])
  calls.owns(2, 3, 1)
  call('c')
  expect(sent).toEqual([
    { to: 3, call: 1 },
    { to: 3, call: 2 },
    { to: 3, call: 3 },
  ])
})

test('a new owner in a higher term gets all that is open again, in order; an older term changes nothing', () => {
  const { sent, calls, call, answer } = world()
  calls.owns(2, 3, 5)
  call('a')
  call('b')
  answer(1)
  sent.length = 0
  calls.owns(2, 1, 4)
  expect(sent).toEqual([])
  call('c')
  calls.owns(2, 1, 6)
  expect(sent).toEqual([
    { to: 3, call: 3 },
    { to: 1, call: 4 },
    { to: 1, call: 5 },
  ])
})

test('a lost link holds calls back until there is an owner again', () => {
  const { time, sent, calls, call } = world()
  calls.owns(2, 3, 1)
  call('a')
  calls.down(3)
  time.advance(200)
  expect(sent).toEqual([{ to: 3, call: 1 }])
  calls.owns(2, 3, 1)
  expect(sent).toEqual([
    { to: 3, call: 1 },
    { to: 3, call: 2 },
  ])
})

test('not the owner: the hint is followed when it is newer', () => {
  const { sent, calls, call } = world()
  calls.owns(2, 3, 1)
  call('a')
  calls.refused(3, [36, 1, 'not-owner', 2, 2])
  expect(sent.at(-1)).toEqual({ to: 2, call: 2 })
})

test('a full queue ends the call: certainly not done', () => {
  const { calls, ends, call } = world()
  calls.owns(2, 3, 1)
  call('a')
  calls.refused(3, [36, 1, 'queue-full', 3, 1])
  expect(ends).toEqual(['a queue-full'])
})

test.for([
  ['nobody owns the partition', (): void => {}, 'a no-owner'],
  [
    'the owner cannot be reached',
    ({ calls, reachable }: World): void => {
      reachable.clear()
      calls.owns(2, 3, 1)
    },
    'a no-owner',
  ],
  [
    'it was sent and not answered',
    ({ calls }: World): void => void calls.owns(2, 3, 1),
    'a no-answer',
  ],
] as const)('at the deadline, %s', ([, before, end]) => {
  const it = world()
  before(it)
  it.call('a', 500)
  it.time.advance(450)
  expect(it.ends).toEqual([])
  it.time.advance(100)
  expect(it.ends).toEqual([end])
})

test('late and repeated answers are dropped', () => {
  const { calls, ends, call, answer } = world()
  calls.owns(2, 3, 1)
  call('a')
  answer(1)
  answer(1)
  answer(77)
  expect(ends).toEqual(['a answered'])
})

test('an answer that is none yet makes the call go again a little later', () => {
  const { time, sent, calls, call, answer } = world()
  calls.owns(2, 3, 1)
  call('a', 1_000, 'again')
  answer(1)
  expect(sent).toHaveLength(1)
  time.advance(50)
  expect(sent).toHaveLength(2)
})

test.each([
  ['was refused before for certain', 'not-owner', 'queue-full'],
  ['may have been done by an earlier owner', 'term-changed', 'no-answer'],
] as const)('queue-full for a call that %s', (_what, before, end) => {
  const { time, calls, call, sent, ends } = world()
  calls.owns(2, 3, 1)
  call('a')
  calls.refused(3, [36, 1, before, 1, 2])
  time.advance(30)
  expect(sent.map(({ to }) => to)).toEqual([3, 1])
  calls.refused(1, [36, 2, 'queue-full', 1, 2])
  expect(ends).toEqual([`a ${end}`])
})

test('queue-full after the link to an earlier owner broke, or the owner changed without a word: not known', () => {
  const { calls, call, ends } = world()
  calls.owns(2, 3, 1)
  call('a')
  calls.down(3)
  calls.owns(2, 1, 2)
  call('b')
  calls.owns(2, 2, 3)
  call('c')
  for (const id of [4, 5, 6]) calls.refused(2, [36, id, 'queue-full', 2, 3])
  expect(ends).toEqual(['a no-answer', 'b no-answer', 'c queue-full'])
})

test('without a key each try has its own number, and only the answer to the last counts', () => {
  const { sent, calls, call, answer, ends } = world()
  calls.owns(2, 3, 1)
  call('a', 1_000, 'done', 'again')
  call('b', 1_000, 'done', 'again')
  calls.down(3)
  calls.up(3)
  expect(sent.map((each) => each.call)).toEqual([1, 2, 3, 4])
  answer(2)
  calls.refused(3, [36, 1, 'internal', 0, 0])
  expect(ends).toEqual([])
  for (const id of [3, 4, 3]) answer(id)
  expect(ends).toEqual(['a answered', 'b answered'])
})

test('with a key the answer to an earlier try counts, too, and says that it is one', () => {
  const { calls } = world()
  const heard: [number, boolean][] = []
  const answered = (m: TopicMessage, isLast: boolean): 'done' | 'more' => {
    heard.push([m[1] as number, isLast])
    return isLast ? 'done' : 'more'
  }
  calls.owns(2, 3, 1)
  calls.call(
    2,
    (id) => [32, id, 'x', { kind: 'card' }],
    1_000,
    answered,
    () => {},
    'keyed',
  )
  calls.owns(2, 1, 2)
  for (const id of [1, 2, 1]) calls.answer(id, [33, id, null])
  expect(heard).toEqual([
    [1, false],
    [2, true],
  ])
})

test.each<[string, (w: World) => void]>([
  ['the link to its owner breaks', ({ calls }) => calls.down(3)],
  ['its owner gave up its term', ({ calls }) => calls.refused(3, [36, 1, 'term-changed', 1, 2])],
])(
  'what may not be done twice is not sent again, and not known, when %s',
  (_when, lose: (w: World) => void) => {
    const w = world()
    w.calls.owns(2, 3, 1)
    w.call('a', 1_000, 'done', 'once')
    lose(w)
    w.calls.owns(2, 1, 3)
    expect(w.sent).toEqual([{ to: 3, call: 1 }])
    expect(w.ends).toEqual(['a no-answer'])
    w.answer(1)
    expect(w.ends).toHaveLength(1)
  },
)

test('what may not be done twice goes on when it certainly was not done', () => {
  const { calls, call, sent, ends, answer } = world()
  calls.owns(2, 3, 1)
  call('a', 1_000, 'done', 'once')
  calls.refused(3, [36, 1, 'not-owner', 1, 2])
  expect(sent).toEqual([
    { to: 3, call: 1 },
    { to: 1, call: 2 },
  ])
  answer(2)
  expect(ends).toEqual(['a answered'])
})

test('what may not be done twice waits for the word of the owner before', () => {
  const { calls, call, sent, ends, answer, time } = world()
  calls.owns(2, 3, 1)
  call('a', 1_000, 'done', 'once')
  call('b', 1_000, 'done', 'once')
  calls.owns(2, 1, 2)
  expect(sent).toHaveLength(2)
  answer(1)
  time.advance(1_100)
  expect(ends).toEqual(['a answered', 'b no-answer'])
})
