import { describe, expect, test } from 'vitest'
import {
  GrpcReader,
  putRequest,
  readWatchResponse,
  watchRequest,
} from '../../bench/peers/etcd/etcd-messages.ts'

const bytes = (...parts: (number | string)[]) =>
  Buffer.concat(
    parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : Buffer.from(part))),
  )

/** A field that holds bytes, its length below 128. */
const field = (number: number, value: Buffer) =>
  Buffer.concat([Buffer.of((number << 3) | 2, value.length), value])

const event = (key: string, value: string) => {
  const revision = Buffer.of((3 << 3) | 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01) // 41 bits
  const keyValue = Buffer.concat([
    field(1, Buffer.from(key)),
    revision,
    field(5, Buffer.from(value)),
  ])
  return field(11, Buffer.concat([Buffer.of(1 << 3, 0), field(2, keyValue)]))
}

describe('requests', () => {
  test('a put', () => {
    expect(putRequest('k1', 'abc')).toEqual(bytes(0, 0, 0, 0, 9, 0x0a, 2, 'k1', 0x12, 3, 'abc'))
  })

  test.for([
    [127, [127]],
    [128, [0x80, 1]],
    [300, [0xac, 2]],
    [16_383, [0xff, 0x7f]],
    [16_384, [0x80, 0x80, 1]],
  ] as const)('a value of %i bytes', ([length, varint]) => {
    const value = 'v'.repeat(length)
    const request = putRequest('k', value)
    expect(request).toEqual(
      Buffer.concat([request.subarray(0, 5), bytes(0x0a, 1, 'k', 0x12, ...varint, value)]),
    )
    expect(request[0]).toBe(0)
    expect(request.readUInt32BE(1)).toBe(request.length - 5)
  })

  test('a watch of a prefix ends where the next one begins', () => {
    expect(watchRequest('bench/')).toEqual(
      bytes(0, 0, 0, 0, 18, 0x0a, 16, 0x0a, 6, 'bench/', 0x12, 6, 'bench0'),
    )
  })
})

describe('responses', () => {
  test('a watch that begins', () => {
    const header = field(1, bytes(1 << 3, 5))
    const values: string[] = []
    const created = Buffer.concat([header, bytes(2 << 3, 1, 3 << 3, 1)])
    expect(readWatchResponse(created, (value) => values.push(value.toString()))).toBe(true)
    expect(values).toEqual([])
  })

  test('several events in one', () => {
    const values: string[] = []
    const response = Buffer.concat([event('bench/1', 'eins'), event('bench/2', 'zwei')])
    expect(readWatchResponse(response, (value) => values.push(value.toString()))).toBe(false)
    expect(values).toEqual(['eins', 'zwei'])
  })

  test('messages from chunks cut at every byte', () => {
    const framed = (text: string) => bytes(0, 0, 0, 0, text.length, text)
    const stream = Buffer.concat([framed('first'), framed(''), framed('third')])
    for (let cut = 0; cut <= stream.length; cut++) {
      const reader = new GrpcReader()
      const messages: string[] = []
      const take = (part: Buffer) =>
        reader.take(part, (message) => messages.push(message.toString()))
      take(stream.subarray(0, cut))
      take(stream.subarray(cut))
      expect(messages, `cut at ${cut}`).toEqual(['first', '', 'third'])
    }
  })
})
