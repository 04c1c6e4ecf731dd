import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parted } from '../../jepsen-lite/client/page.ts'

const frame = (seq: number) => ({ topic: 't', seq })
const seqs = (frames: readonly { readonly seq: number }[]): number[] => frames.map(({ seq }) => seq)
const all = { since: 1, limit: 40 }

function part(frames: readonly number[], count: number, place?: number): number[][] {
  const { page, live } = parted(frames.map(frame), all, { count, place })
  return [seqs(page), seqs(live)]
}

test.for([
  ['nothing but the page', [3, 2, 1], 3, 3, [[1, 2, 3], []]],
  ['no page', [7, 8], 0, 6, [[], [7, 8]]],
  [
    'live frames that are late',
    [4, 1, 2, 3, 4, 3, 2, 1],
    4,
    0,
    [
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ],
  ],
  [
    'the same, and nobody told the place',
    [4, 1, 2, 3, 4, 3, 2, 1],
    4,
    undefined,
    [
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ],
  ],
  ['a live frame below the page', [4, 3, 2], 2, 1, [[3, 4], [2]]],
  ['a live frame above the page', [4, 3, 2], 2, 3, [[2, 3], [4]]],
  ['a page with a hole', [5, 6, 3, 2], 3, 5, [[2, 3, 5], [6]]],
  [
    'a live frame twice',
    [4, 3, 5, 5, 2],
    3,
    4,
    [
      [2, 3, 4],
      [5, 5],
    ],
  ],
  ['a live frame from far back', [9, 2, 8], 2, 9, [[8, 9], [2]]],
] as const)('%s', ([, frames, count, place, expected]) => {
  expect(part(frames, count, place)).toEqual(expected)
})

/** A page that falls from `top`, a stream that rises behind `place`, and which of them comes when. */
const mixes = fc.record({
  place: fc.nat(20),
  ahead: fc.nat(5),
  limit: fc.integer({ min: 1, max: 12 }),
  turns: fc.array(fc.boolean(), { maxLength: 30 }),
})

test('a page and a stream without a fault are told apart, however they are mixed', () => {
  fc.assert(
    fc.property(mixes, ({ place, ahead, limit, turns }) => {
      const top = place + ahead
      const page = Array.from({ length: Math.min(limit, top) }, (_, i) => top - i)
      const live: number[] = []
      const rest = [...page]
      const frames: number[] = []
      for (const isLive of turns) {
        const next = isLive ? place + live.length + 1 : rest.shift()
        if (next === undefined) continue
        if (isLive) live.push(next)
        frames.push(next)
      }
      expect(part([...frames, ...rest], page.length, place)).toEqual([page.toReversed(), live])
    }),
  )
})

const faults = {
  repeat: (live: number[], at: number) => live.toSpliced(at, 0, live[at - 1] ?? 0),
  hole: (live: number[], at: number) => live.toSpliced(at - 1, 1),
  swap: (live: number[], at: number) => live.toSpliced(at - 1, 2, live[at] ?? 0, live[at - 1] ?? 0),
} as const

test.for(Object.keys(faults) as (keyof typeof faults)[])(
  'a %s in the stream always shows',
  (fault) => {
    fc.assert(
      fc.property(mixes, fc.nat(), ({ place, limit, turns }, where) => {
        const page = Array.from({ length: Math.min(limit, place) }, (_, i) => place - i)
        const good = turns.map((_, i) => place + i + 1)
        fc.pre(good.length > 1)
        const rest = [...page]
        const live = faults[fault](good, 1 + (where % (good.length - 1)))
        const frames = live.flatMap((seq, i) => [...(turns[i] ? rest.splice(0, 1) : []), seq])
        const [gotPage = [], gotLive = []] = part([...frames, ...rest], page.length, place)
        const isGood =
          gotPage.every((seq, i) => i === 0 || seq === (gotPage[i - 1] ?? 0) + 1) &&
          gotLive.every((seq, i) => seq === place + i + 1)
        expect(isGood).toBe(false)
      }),
    )
  },
)
