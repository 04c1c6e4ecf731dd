import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BrokenInvariant } from '../../src/assert.ts'
import type { Entry, Snapshot } from '../../src/raft/entry.ts'
import { message, messageKinds, type Message } from '../../src/raft/message.ts'
import { encodeFrames, newReader } from './framing.ts'
import {
  decodeHeartbeats,
  encodeHeartbeats,
  isPlainHeartbeat,
} from '../../src/wire/heartbeat-frames.ts'
import type { PeerMessage } from '../../src/wire/peer-frames.ts'
import {
  decodeRaft,
  encodeRaft,
  kindNumbers,
  type GroupMessage,
} from '../../src/wire/raft-frames.ts'

/** Through bytes and back. */
function carried(sent: PeerMessage): PeerMessage {
  let received: PeerMessage | null = null
  for (const frame of encodeFrames([sent])) {
    newReader().push(frame, (m) => void (received = m))
  }
  return received as unknown as PeerMessage
}

const count = fc.maxSafeNat()
const bytes = fc.uint8Array({ maxLength: 50 }).map((b) => Buffer.from(b))
const ids = fc.array(fc.integer({ min: 1, max: 1023 }), { maxLength: 5 })
const group = fc.nat(4096)
const entries = fc
  .record({
    first: fc.nat(2 ** 45),
    step: fc.constantFrom(0, 1),
    bodies: fc.array(
      fc.record({ term: count, kind: fc.constantFrom('normal', 'conf-change'), data: bytes }),
      { maxLength: 6 },
    ),
  })
  .map(({ first, step, bodies }): Entry[] =>
    bodies.map((body, n) => ({ ...body, index: first + n * step }) as Entry),
  )
const snapshot: fc.Arbitrary<Snapshot> = fc.record({
  meta: fc.record({
    index: count,
    term: count,
    conf: fc.record({
      voters: ids,
      outgoing: ids,
      learners: ids,
      learnersNext: ids,
      autoLeave: fc.boolean(),
    }),
  }),
  data: bytes,
})
const anyMessage: fc.Arbitrary<Message> = fc.record({
  kind: fc.constantFrom(...messageKinds),
  from: fc.nat(1023),
  to: fc.nat(1023),
  term: count,
  logTerm: count,
  index: count,
  commit: count,
  entries,
  snapshot: fc.option(snapshot),
  reject: fc.boolean(),
  rejectHint: count,
  context: count,
})

describe('one Raft message', () => {
  test('kinds have the numbers of raft/message.ts', () => {
    expect(Object.keys(kindNumbers)).toEqual([...messageKinds])
    expect(Object.values(kindNumbers)).toEqual(messageKinds.map((_, n) => n))
  })

  test.for(messageKinds)('%s with nothing else set', (kind) => {
    const sent = message(kind, { from: 1, to: 2 })
    expect(decodeRaft(carried(encodeRaft(9, sent)))).toEqual({ group: 9, message: sent })
  })

  test('any message of any kind comes back as it was', () => {
    fc.assert(
      fc.property(group, anyMessage, (g, sent) => {
        expect(decodeRaft(carried(encodeRaft(g, sent)))).toEqual({ group: g, message: sent })
      }),
      { numRuns: 300 },
    )
  })

  test('any other shape is refused, not misread', () => {
    const junk = fc.array(fc.oneof(fc.anything(), count), { maxLength: 16 })
    fc.assert(
      fc.property(junk, (rest) => {
        const decoded = decodeRaft([16, ...rest])
        if (decoded !== null) expect(encodeRaft(decoded.group, decoded.message)[1]).toBe(rest[0])
        expect(decodeHeartbeats([17, 1, 2, ...rest, 'x'])).toBeNull()
      }),
    )
    const good = encodeRaft(
      1,
      message('append', { entries: [entry(5, 'x')] }),
    ) as readonly unknown[]
    for (const [at, bad] of [
      [1, 5_000],
      [2, 99],
      [5, -1],
      [6, 'x'],
      [12, [5, 2]],
      [12, [5, 1, 1, 7, Buffer.alloc(0)]],
      [12, [5, 1, 1, 0, 'text']],
    ] as const) {
      expect(decodeRaft(good.with(at, bad) as unknown as PeerMessage)).toBeNull()
    }
  })

  test('WIRE-2: entries with a hole are never written', () => {
    const holed = message('append', { entries: [entry(5, 'a'), entry(7, 'b')] })
    expect(() => encodeRaft(1, holed)).toThrow(BrokenInvariant)
  })
})

describe('memory that decoded entries hold on to', () => {
  function kept(data: Buffer, padding: number): Uint8Array {
    const frames = encodeFrames([
      encodeRaft(1, message('append', { entries: [entry(1, data)] })),
      [99, Buffer.alloc(padding)],
    ])
    // As from a socket: memory of exactly the bytes read.
    const chunk = Buffer.allocUnsafeSlow(frames[0]?.length ?? 0)
    frames[0]?.copy(chunk)
    let found: Uint8Array | undefined
    newReader().push(chunk, (m) => {
      if (m[0] === 16) found = decodeRaft(m)?.message.entries[0]?.data
    })
    expect(Buffer.from(found as Uint8Array)).toEqual(data)
    return found as Uint8Array
  }

  test('a small entry in a large frame is copied out', () => {
    expect(kept(Buffer.from('small'), 50_000).buffer.byteLength).toBe(5)
  })

  test('entries that fill their frame are views of it', () => {
    expect(kept(Buffer.alloc(40_000, 7), 10).buffer.byteLength).toBeGreaterThan(40_000)
  })
})

describe('heartbeats of many groups', () => {
  const beat = fc.record({ group, term: count, index: count, commit: count, context: count })

  test.for(['heartbeat', 'heartbeat-response'] as const)('%s', (kind) => {
    fc.assert(
      fc.property(fc.array(beat, { minLength: 1, maxLength: 50 }), (beats) => {
        const sent = beats.map(({ group: g, ...rest }): GroupMessage => {
          return { group: g, message: message(kind, { from: 3, to: 4, ...rest }) }
        })
        expect(decodeHeartbeats(carried(encodeHeartbeats(sent)))).toEqual(sent)
      }),
    )
  })

  test('only plain ones fit', () => {
    expect(isPlainHeartbeat(message('heartbeat', { context: 4, commit: 2 }))).toBe(true)
    expect(isPlainHeartbeat(message('heartbeat-response', { reject: true }))).toBe(false)
    expect(isPlainHeartbeat(message('append', {}))).toBe(false)
  })

  test('WIRE-3: one vector is for one pair of nodes and one kind, and not empty', () => {
    const one = { group: 1, message: message('heartbeat', { from: 1, to: 2 }) }
    const two = { group: 2, message: message('heartbeat', { from: 1, to: 3 }) }
    expect(() => encodeHeartbeats([one, two])).toThrow(BrokenInvariant)
    expect(() => encodeHeartbeats([])).toThrow(BrokenInvariant)
  })
})

function entry(index: number, data: string | Buffer): Entry {
  return { term: 1, index, kind: 'normal', data: Buffer.from(data) }
}
