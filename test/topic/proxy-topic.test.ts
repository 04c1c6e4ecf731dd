import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { DataEvent } from '../../src/chat/event.ts'
import { parseUserId } from '../../src/ids/user-id.ts'
import { grpTopic } from '../../src/ids/topic-name.ts'
import { Attachment } from '../../src/topic/attachment.ts'
import { ProxyTopic } from '../../src/topic/proxy-topic.ts'
import type { Frame } from '../../src/topic/frame.ts'

const uid = parseUserId('usrFYHpffQQIhE')!
const other = parseUserId('usrsQy347iHEIk')!
const mode = 0x0f // JRWP

function message(seq: number, skipSid = ''): DataEvent {
  return { kind: 'data', seq, from: other, ts: seq, head: null, content: `${seq}`, skipSid }
}

/** A session that keeps the seqs it was given. */
function listener(sid: string) {
  const seqs: number[] = []
  const attachment = new Attachment(
    {
      sid,
      uid,
      level: 'auth',
      userAgent: '',
      isSlow: false,
      knowsNotices: false,
      keep() {},
      deliver(frame: Frame) {
        const { data } = JSON.parse(frame.json)
        if (data) seqs.push(data.seq)
        return true
      },
    },
    false,
  )
  return { attachment, seqs }
}

function world() {
  const asked: { low: number; high: number }[] = []
  const proxy = new ProxyTopic(grpTopic(1, 2), 1, {
    now: () => 0,
    meSessions: () => [],
    isAttached: () => false,
    behind() {},
    catchUp: (_topic, low, high) => void asked.push({ low, high }),
    listChanged() {},
    detached() {},
    idle() {},
  })
  const enter = (sid: string, seq: number) => {
    const { attachment, seqs } = listener(sid)
    proxy.sessions.set(sid, attachment)
    proxy.enter(attachment, mode, mode, seq)
    return seqs
  }
  const answer = () => {
    const { low, high } = asked.shift()!
    const page = Array.from({ length: Math.min(100, high - low) }, (_, i) => message(low + i))
    proxy.caughtUp(page, high, high - low > 100)
  }
  return { proxy, asked, enter, answer }
}

test('a session gets every message from its attach point on, once and in order', () => {
  const { proxy, enter } = world()
  const seqs = enter('a', 5)
  proxy.events(1, [message(6), message(7), message(7), message(6), message(8)])
  expect(seqs).toEqual([6, 7, 8])
})

test('what comes between the request and the answer is not missed, what is history is not repeated', () => {
  const { proxy } = world()
  const { attachment, seqs } = listener('a')
  proxy.sessions.set('a', attachment)
  proxy.events(1, [message(5), message(6), message(7)])
  expect(seqs).toEqual([])
  proxy.enter(attachment, mode, mode, 5)
  proxy.events(1, [message(8)])
  expect(seqs).toEqual([6, 7, 8])
})

test('a gap is filled before anything later is passed on', () => {
  const { proxy, asked, enter, answer } = world()
  const seqs = enter('a', 0)
  proxy.events(1, [message(1), message(4), message(5)])
  expect(seqs).toEqual([1])
  expect(asked).toEqual([{ low: 2, high: 4 }])
  proxy.events(1, [message(6)])
  answer()
  expect(seqs).toEqual([1, 2, 3, 4, 5, 6])
})

test('a new owner: what was missed comes first, in as many pages as it takes', () => {
  const { proxy, enter, answer, asked } = world()
  const seqs = enter('a', 0)
  proxy.events(1, [message(1)])
  proxy.attaching()
  proxy.events(2, [message(252), message(253)])
  proxy.attached(2, 251, [[uid, mode, mode, true, false]])
  while (asked.length > 0) answer()
  expect(seqs).toEqual(Array.from({ length: 253 }, (_, i) => i + 1))
})

test('a stream of an older term is not listened to', () => {
  const { proxy, enter } = world()
  const seqs = enter('a', 0)
  proxy.events(3, [message(1)])
  proxy.events(2, [message(2)])
  expect(seqs).toEqual([1])
})

test('a publisher who asked for no echo gets none; his other sessions do', () => {
  const { proxy, enter } = world()
  const a = enter('a', 0)
  const b = enter('b', 0)
  proxy.events(1, [message(1, 'a')])
  expect([a, b]).toEqual([[], [1]])
})

test('without R in effect nothing is delivered; the change takes effect in its place in the stream', () => {
  const { proxy, enter } = world()
  const seqs = enter('a', 0)
  proxy.events(1, [
    message(1),
    { kind: 'modes', uid, want: mode, given: 0x0d, member: true },
    message(2),
    { kind: 'modes', uid, want: mode, given: mode, member: true },
    message(3),
  ])
  expect(seqs).toEqual([1, 3])
})

test('whatever is lost, repeated or late on the way: once, in order, without a gap', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('publish' as const), lost: fc.boolean(), twice: fc.boolean() }),
    fc.record({ do: fc.constant('answer' as const) }),
    fc.record({ do: fc.constant('new owner' as const) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { proxy, asked, enter, answer } = world()
      const seqs = enter('a', 0)
      let last = 0
      let term = 1
      for (const it of steps) {
        if (it.do === 'publish') {
          const event = message(++last)
          if (!it.lost) proxy.events(term, it.twice ? [event, event] : [event])
        } else if (it.do === 'answer') {
          if (asked.length > 0) answer()
        } else {
          term++
          proxy.attaching()
          proxy.attached(term, last, [[uid, mode, mode, true, false]])
        }
        expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, i) => i + 1))
      }
      proxy.events(term, [message(++last)])
      for (let i = 0; i < 50 && asked.length > 0; i++) answer()
      expect(seqs).toEqual(Array.from({ length: last }, (_, i) => i + 1))
    }),
  )
})
