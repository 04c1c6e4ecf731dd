import fc from 'fast-check'
import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { frameHeaderBytes, maskedLength, type PeerMessage } from '../../src/wire/peer-frames.ts'
import { encodeFrames, newReader, newWriter } from './framing.ts'
import { minPeerVersion } from '../../src/wire/versions.ts'

const sample: readonly PeerMessage[] = [
  [16, 1, 2, 3],
  [17, 'text', null, true, 2 ** 40, -5, 0.5],
  [18, Buffer.from('bytes'), [1, [2, ['three']]]],
  [19, { a: 1, b: ['x'] }],
]

function readAll(chunks: readonly Buffer[], reader = newReader()) {
  const messages: PeerMessage[] = []
  let fault = null
  for (const chunk of chunks) {
    fault = reader.push(chunk, (message) => {
      messages.push(message)
    })
  }
  return { messages, fault, midFrame: reader.midFrame }
}

function bytesOf(messages: readonly PeerMessage[], options = {}): Buffer {
  return Buffer.concat(encodeFrames(messages, options))
}

describe('a stream of frames', () => {
  test('cut at every byte gives the same messages', () => {
    const stream = Buffer.concat([bytesOf(sample), bytesOf([[20]]), bytesOf(sample)])
    const expected = [...sample, [20], ...sample]
    for (let cut = 0; cut <= stream.length; cut++) {
      const read = readAll([stream.subarray(0, cut), stream.subarray(cut)])
      expect(read).toEqual({ messages: expected, fault: null, midFrame: false })
    }
    const single = Array.from({ length: stream.length }, (_, at) => stream.subarray(at, at + 1))
    expect(readAll(single).messages).toEqual(expected)
  })

  const value = fc.oneof(
    fc.integer(),
    fc.maxSafeInteger(),
    fc.string(),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
    fc.array(fc.maxSafeNat(), { maxLength: 4 }),
  )
  const messages = fc.array(
    fc.tuple(fc.nat(300), value, value).map((m): PeerMessage => m),
    { maxLength: 40 },
  )

  test('any messages, any frame size, any cuts', () => {
    fc.assert(
      fc.property(
        messages,
        fc.integer({ min: 1, max: 400 }),
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }),
        (sent, wishedFrameBytes, sizes) => {
          const frames = encodeFrames(sent, { wishedFrameBytes })
          const stream = Buffer.concat(frames)
          const chunks: Buffer[] = []
          for (let at = 0, n = 0; at < stream.length; n++) {
            const size = sizes[n % sizes.length] as number
            chunks.push(stream.subarray(at, at + size))
            at += size
          }
          expect(readAll(chunks)).toEqual({ messages: sent, fault: null, midFrame: false })
        },
      ),
    )
  })
})

describe('damage', () => {
  const stream = bytesOf(sample)

  test('one flipped bit anywhere yields no wrong message', () => {
    for (let at = 0; at < stream.length; at++) {
      const damaged = Buffer.from(stream)
      damaged[at] = (damaged[at] as number) ^ (1 << (at % 8))
      const { messages, fault } = readAll([damaged])
      expect(messages).toEqual([])
      // A length that grew must not leave the reader waiting: the link would look alive and be deaf.
      expect(fault).not.toBe(null)
    }
  })

  function reframe(edit: (body: Buffer) => Buffer): Buffer {
    const body = edit(Buffer.from(stream.subarray(frameHeaderBytes)))
    const header = Buffer.alloc(frameHeaderBytes)
    header.writeUInt32BE(body.length, 0)
    header.writeUInt32BE(maskedLength(body.length), 4)
    header.writeUInt32BE(crc32(body), 8)
    return Buffer.concat([header, body])
  }

  function lengthOf(length: number, again = maskedLength(length)): Buffer {
    const header = Buffer.alloc(frameHeaderBytes)
    header.writeUInt32BE(length, 0)
    header.writeUInt32BE(again, 4)
    return header
  }

  test.for([
    ['a length above the bound', lengthOf(0x7fff_ffff), 'frame-too-large'],
    ['a length below any frame', lengthOf(1), 'frame-too-large'],
    ['a length that changed', lengthOf(4_242, maskedLength(146)), 'frame-length'],
    ['zeroes', Buffer.alloc(64), 'frame-length'],
    ['bytes that changed', flip(stream, 20), 'frame-checksum'],
    ['a future version', reframe((body) => ((body[0] = 200), body)), 'frame-version'],
    ['no msgpack', reframe((body) => ((body[1] = 0xc1), body)), 'frame-malformed'],
    ['bytes left over', reframe((b) => Buffer.concat([b, Buffer.from([1])])), 'frame-malformed'],
    ['cut short inside', reframe((body) => body.subarray(0, -3)), 'frame-malformed'],
    ['no message inside', reframe(() => Buffer.from('01dd0000000107', 'hex')), 'frame-malformed'],
  ] as const)('%s', ([, bytes, fault]) => {
    const reader = newReader()
    expect(readAll([bytes], reader)).toMatchObject({ messages: [], fault })
    expect(readAll([stream], reader)).toMatchObject({ messages: [], fault })
  })

  test('a stream begins with the oldest version, so that any peer with one in common reads the hello', () => {
    const writer = newWriter()
    writer.add([1])
    expect(writer.take()[0]?.[frameHeaderBytes]).toBe(minPeerVersion)
    writer.version = 200
    writer.add([2])
    expect(readAll([...writer.take()])).toMatchObject({ messages: [], fault: 'frame-version' })
  })

  test('after frames in order, a bad one stops the stream there', () => {
    const read = readAll([Buffer.concat([stream, flip(stream, 15), stream])])
    expect(read).toMatchObject({ messages: sample, fault: 'frame-checksum' })
  })
})

describe('sizes', () => {
  test('WIRE-1: a batch is cut so that no frame passes the bound', () => {
    const many = Array.from({ length: 500 }, (_, n): PeerMessage => [16, n, Buffer.alloc(n)])
    const frames = encodeFrames(many, { maxFrameBytes: 600, wishedFrameBytes: 4_000 })
    expect(frames.length).toBeGreaterThan(100)
    for (const frame of frames) expect(frame.length - frameHeaderBytes).toBeLessThanOrEqual(600)
    expect(readAll([...frames]).messages).toEqual(many)
  })

  test('a message that fits in no frame is refused and leaves the others alone', () => {
    const writer = newWriter({ maxFrameBytes: 100 })
    expect(writer.add([1, Buffer.alloc(40)])).toBe(true)
    expect(writer.add([2, Buffer.alloc(200)])).toBe(false)
    expect(writer.add([3])).toBe(true)
    const frames = writer.take()
    expect(readAll([...frames]).messages.map(([kind]) => kind)).toEqual([1, 3])
    expect(writer.take()).toEqual([])
  })

  test('the writer tells how many bytes wait, and frames it gave stay as they are', () => {
    const writer = newWriter()
    const edited: [number, number[]] = [1, [7]]
    writer.add(edited)
    edited[1][0] = 8
    const waiting = writer.bytes
    const first = Buffer.concat([...writer.take()])
    expect(first.length).toBe(waiting)
    expect(writer.bytes).toBe(0)
    for (let n = 0; n < 5_000; n++) writer.add([2, n, 'padding padding padding'])
    writer.take()
    expect(readAll([first]).messages).toEqual([[1, [7]]])
  })

  test('reading stops where the taker says so', () => {
    const seen: number[] = []
    const reader = newReader()
    reader.push(bytesOf([[1], [2], [3]]), ([kind]) => seen.push(kind) < 2)
    reader.push(bytesOf([[4]]), ([kind]) => void seen.push(kind))
    expect(seen).toEqual([1, 2])
  })
})

function flip(bytes: Buffer, at: number): Buffer {
  const damaged = Buffer.from(bytes)
  damaged[at] = (damaged[at] as number) ^ 0x10
  return damaged
}
