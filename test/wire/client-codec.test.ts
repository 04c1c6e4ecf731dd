import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Packr } from 'msgpackr'
import {
  clientObjectLimits,
  decodeClient,
  encodeClient,
  packClient,
  type ClientCodec,
} from '../../src/wire/client-codec.ts'
import { commonPeerVersion, peerVersion } from '../../src/wire/versions.ts'

const codecs: readonly ClientCodec[] = ['json', 'msgpack']

function bytes(codec: ClientCodec, value: object): Buffer {
  const encoded = encodeClient(codec, value)
  return typeof encoded === 'string' ? Buffer.from(encoded) : encoded
}

describe.for(codecs)('%s', (codec) => {
  test('any JSON object comes back as it was', () => {
    const json = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 }))
    fc.assert(
      fc.property(json, (sent) => {
        const expected: unknown = JSON.parse(JSON.stringify(sent))
        expect(decodeClient(codec, bytes(codec, sent))).toEqual({ ok: true, value: expected })
      }),
      { numRuns: 200 },
    )
  })

  test.for([
    ['depth at the bound', nested(32), true],
    ['depth above the bound', nested(33), 'too-deep'],
    ['keys at the bound', { a: Array(8_191).fill(0) }, true],
    ['keys above the bound', { a: Array(8_192).fill(0) }, 'too-many-keys'],
    ['keys of many objects', { a: Array(4_100).fill({ b: 1 }) }, 'too-many-keys'],
    ['bytes above the bound', { a: 'x'.repeat(clientObjectLimits.maxBytes) }, 'too-large'],
    ['an array', [1, 2], 'not-an-object'],
  ] as const)('%s', ([, value, expected]) => {
    const decoded = decodeClient(codec, bytes(codec, value))
    expect(decoded.ok || decoded.fault).toBe(expected)
  })

  test('any bytes are read or refused, never thrown about', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (any) => {
        const decoded = decodeClient(codec, Buffer.from(any))
        expect(typeof decoded.ok).toBe('boolean')
      }),
      { numRuns: 500 },
    )
  })

  test('depth far beyond the stack is refused, not run into', () => {
    const levels = 20_000
    const deep =
      codec === 'json'
        ? Buffer.from('{"a":'.repeat(levels) + '1' + '}'.repeat(levels))
        : Buffer.concat([Buffer.from('81a161'.repeat(levels), 'hex'), Buffer.from([1])])
    expect(decodeClient(codec, deep)).toEqual({ ok: false, fault: 'too-deep' })
  })

  test('a prefix is never taken for the whole', () => {
    const whole = bytes(codec, {
      pub: { id: '1', topic: 'grpx', content: [1, 'two', { 3: null }] },
    })
    for (let cut = 0; cut < whole.length; cut++) {
      const decoded = decodeClient(codec, whole.subarray(0, cut))
      expect(decoded).toEqual({ ok: false, fault: 'malformed' })
    }
  })
})

describe('msgpack from strangers', () => {
  const full = new Packr({ useRecords: true, moreTypes: true })

  test.for([
    ['an array of 2^32-1 elements', '81a161ddffffffff', 'malformed'],
    ['a map of 2^32-1 pairs', '81a161dfffffffff', 'malformed'],
    ['a text of 2^32-1 bytes', '81a161dbffffffff', 'malformed'],
    ['an extension', '81a161d60000000000', 'malformed'],
    ['a key that is no text', '810101', 'malformed'],
    ['infinity', '81a161cb7ff0000000000000', 'malformed'],
    ['an integer above 2^53', '81a161cfffffffffffffffff', 'malformed'],
    ['two values', '81a161018001', 'malformed'],
    ['nil', 'c0', 'not-an-object'],
  ] as const)('%s', ([, hex, fault]) => {
    expect(decodeClient('msgpack', Buffer.from(hex, 'hex'))).toEqual({ ok: false, fault })
  })

  test('records, which make code, are refused', () => {
    const record = full.pack({ a: 1, b: 2 })
    expect(decodeClient('msgpack', record)).toMatchObject({ ok: false })
  })

  test('bytes become base64, as in JSON; integers of every width are numbers', () => {
    const numbers = [0, 127, 128, 65_535, 2 ** 32, 2 ** 53 - 1, -1, -32, -33, -129, -40_000, -3e9]
    const packed = packClient({ secret: Buffer.from('me:pw'), numbers, big: 10n, half: 0.5 })
    expect(decodeClient('msgpack', packed)).toEqual({
      ok: true,
      value: { secret: 'bWU6cHc=', numbers, big: 10, half: 0.5 },
    })
  })

  test('a key named __proto__ is a key', () => {
    const packed = Buffer.concat([
      Buffer.from([0x81, 0xa9]),
      Buffer.from('__proto__'),
      packClient({ x: 1 }),
    ])
    const decoded = decodeClient('msgpack', packed)
    expect(decoded.ok && Object.getPrototypeOf(decoded.value)).toBe(Object.prototype)
    expect(decoded.ok && Object.keys(decoded.value)).toEqual(['__proto__'])
  })
})

describe('versions', () => {
  test.for([
    [{ min: 1, max: peerVersion }, peerVersion],
    [{ min: peerVersion, max: peerVersion + 3 }, peerVersion],
    [{ min: peerVersion + 1, max: peerVersion + 3 }, 0],
    [{ min: 0, max: 0 }, 0],
  ] as const)('peer %j speaks %i', ([range, version]) => {
    expect(commonPeerVersion(range)).toBe(version)
  })
})

/** Objects inside one another, `depth` of them. */
function nested(depth: number): object {
  let value: object = {}
  for (let n = 1; n < depth; n++) value = { a: value }
  return value
}
