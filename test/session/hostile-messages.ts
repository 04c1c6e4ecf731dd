import { impossibleNames, impossibleNumbers, outOfTurn } from './hostile-topics.ts'

/** Messages that no decent client sends, and what each must get. Used by hostile.test.ts. */
export interface HostileMessage {
  readonly name: string
  /** How far the session has got; default: logged in. */
  readonly as?: 'new' | 'hello' | 'auth'
  /** An object is sent as JSON text, a string as it is, bytes in a binary frame. */
  readonly send: object | string | Buffer
  /** The session speaks msgpack. */
  readonly msgpack?: boolean
  /** Code of the ctrl; 0: no answer at all, and the connection lives. */
  readonly code: number
  readonly text?: string
  /** The ctrl carries this id, this topic; null: it must carry none. */
  readonly id?: string | null
  readonly topic?: string | null
}

export interface Names {
  readonly self: string
  readonly peer: string
  /** Attached, without messages. */
  readonly group: string
  readonly expired: string
  readonly foreign: string
  readonly tampered: string
}

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
const id = '7'

export function hostileMessages(names: Names): HostileMessage[] {
  return [
    ...notAnObject(names),
    ...binaries(names),
    ...wrongShapes(names),
    ...impossibleNames(names),
    ...impossibleNumbers(names),
    ...outOfTurn(names),
  ]
}

function notAnObject({ group }: Names): HostileMessage[] {
  const pub = (content: string): string =>
    `{"pub":{"id":"7","topic":"${group}","content":${content}}}`
  const keys = (count: number): string =>
    JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 1])))
  return [
    { name: 'not JSON', send: 'hello there', code: 400, text: 'malformed', id: null, topic: null },
    { name: 'an empty frame', send: '', code: 400 },
    { name: 'null', send: 'null', code: 400 },
    { name: 'a number', send: '42', code: 400 },
    { name: 'a probe with a space', send: ' 1', code: 400 },
    { name: 'a string', send: '"pub"', code: 400 },
    { name: 'an array', send: '[{"hi":{}}]', code: 400 },
    { name: 'an empty object', send: '{}', code: 400 },
    { name: 'an unknown verb', send: { shout: { id } }, code: 400, text: 'malformed' },
    { name: 'a verb of the server', send: { ctrl: { id, code: 200 } }, code: 400 },
    { name: 'a verb of the prototype', send: '{"constructor":{"id":"7"}}', code: 400 },
    {
      name: 'two objects in a frame',
      send: '{"get":{"topic":"me","what":"desc"}}{"hi":{}}',
      code: 400,
    },
    { name: 'cut JSON', send: pub('"abc').slice(0, -2), code: 400 },
    { name: 'a trailing comma', send: '{"get":{"topic":"me","what":"desc",}}', code: 400 },
    { name: 'a comment', send: '{/* hi */"get":{"topic":"me","what":"desc"}}', code: 400 },
    { name: '33 arrays in one another', send: pub(nested(33)), code: 400 },
    { name: '50,000 arrays in one another', send: pub(nested(50_000)), code: 400 },
    { name: '10,000 keys', send: pub(keys(10_000)), code: 400 },
    { name: 'a polluting key', send: pub('{"__proto__":{"polluted":true}}'), code: 202, id },
    { name: 'half a surrogate pair', send: pub('"\\ud800"'), code: 202, id },
  ]
}

function binaries({ group }: Names): HostileMessage[] {
  const msgpack = true
  const noise = Buffer.from(Array.from({ length: 300 }, (_, i) => (i * 73 + 41) & 255))
  const deep = Buffer.concat([
    Buffer.from([0x81, 0xa3]),
    Buffer.from('pub'),
    Buffer.alloc(200, 0x91),
    Buffer.from([0xc0]),
  ])
  return [
    { name: 'binary noise', send: noise, code: 400 },
    {
      name: 'JSON with broken UTF-8 in a binary frame',
      send: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]),
      code: 400,
    },
    {
      name: 'JSON in a binary frame',
      send: Buffer.from(`{"get":{"id":"7","topic":"${group}","what":"desc"}}`),
      code: 204,
      id,
    },
    { name: 'binary noise as msgpack', msgpack, send: noise, code: 400 },
    { name: 'no bytes as msgpack', msgpack, send: Buffer.alloc(0), code: 400 },
    {
      name: 'cut msgpack',
      msgpack,
      send: Buffer.from([0x81, 0xa3, 0x70, 0x75, 0x62, 0x82, 0xa2]),
      code: 400,
    },
    {
      name: 'msgpack of four billion elements',
      msgpack,
      send: Buffer.from([0xdd, 255, 255, 255, 255]),
      code: 400,
    },
    {
      name: 'msgpack of a four gigabyte string',
      msgpack,
      send: Buffer.from([0xdb, 255, 255, 255, 255, 65]),
      code: 400,
    },
    {
      name: 'a msgpack extension',
      msgpack,
      send: Buffer.from([0x81, 0xa3, 0x70, 0x75, 0x62, 0xd4, 0x72, 0x40]),
      code: 400,
    },
    { name: 'msgpack that is no object', msgpack, send: Buffer.from([0x93, 1, 2, 3]), code: 400 },
    { name: 'two msgpack objects', msgpack, send: Buffer.from([0x80, 0x80]), code: 400 },
    { name: 'deep msgpack', msgpack, send: deep, code: 400 },
  ]
}

function wrongShapes({ group: topic, peer }: Names): HostileMessage[] {
  return [
    { name: 'a verb that is a number', send: { pub: 5 }, code: 400, id: null },
    { name: 'a verb that is an array', send: { sub: [] }, code: 400 },
    { name: 'a topic that is a number', send: { pub: { id, topic: 5 } }, code: 400, id },
    { name: 'an id that is a number', send: { pub: { id: 7, topic } }, code: 400, id: null },
    { name: 'a head that is an array', send: { pub: { id, topic, head: [] } }, code: 400, id },
    { name: 'noecho that is a word', send: { pub: { id, topic, noecho: 'yes' } }, code: 400, id },
    { name: 'extra that is a list', send: { pub: { id, topic }, extra: [] }, code: 400, id },
    {
      name: 'a producer without number',
      send: { pub: { id, topic }, extra: { producer: '1zyx0123456' } },
      code: 400,
      id,
      topic,
    },
    {
      name: 'a number without producer',
      send: { pub: { id, topic }, extra: { n: 1 } },
      code: 400,
      id,
    },
    {
      name: 'a producer with a blank',
      send: { pub: { id, topic }, extra: { producer: 'a b', n: 1 } },
      code: 400,
      id,
    },
    {
      name: 'a producer from the far future',
      send: { pub: { id, topic }, extra: { producer: 'zzzzzzzzzzzz', n: 1 } },
      code: 400,
      id,
    },
    {
      name: 'publish number 0',
      send: { pub: { id, topic }, extra: { producer: '1zyx0123456', n: 0 } },
      code: 400,
      id,
    },
    {
      name: 'publish number 1.5',
      send: { pub: { id, topic }, extra: { producer: '1zyx0123456', n: 1.5 } },
      code: 400,
      id,
    },
    {
      name: 'on behalf of another, by nobody special',
      send: { pub: { id, topic }, extra: { obo: peer } },
      code: 403,
      id,
      topic,
    },
    {
      name: 'a level that is not his',
      send: { get: { id, topic, what: 'desc' }, extra: { authlevel: 'root' } },
      code: 403,
      id,
    },
    { name: 'a set of nothing', send: { set: { id, topic } }, code: 400, id, topic },
    {
      name: 'a set for nobody',
      send: { set: { id, topic, sub: { user: 'usrX' } } },
      code: 400,
      id,
    },
    {
      name: 'a sub for somebody else',
      send: { sub: { id, topic: 'me', set: { sub: { user: peer } } } },
      code: 400,
      id,
    },
    { name: 'tags that are one word', send: { set: { id, topic, tags: 'a' } }, code: 400, id },
    {
      name: '2,000 tags',
      send: { set: { id, topic, tags: Array(2_000).fill('a') } },
      code: 400,
      id,
    },
    { name: 'aux that is a list', send: { set: { id, topic, aux: [1] } }, code: 400, id },
    {
      name: 'a get of nothing known',
      send: { get: { id, topic, what: 'money' } },
      code: 400,
      id,
      topic,
    },
    {
      name: 'a delete of the unknown',
      send: { del: { id, topic, what: 'everything' } },
      code: 400,
      id,
    },
    { name: 'a delete of no member', send: { del: { id, topic, what: 'sub' } }, code: 400, id },
    { name: 'unsub that is a number', send: { leave: { id, topic, unsub: 1 } }, code: 400, id },
    { name: 'a note of wrong types', send: { note: { topic, what: 5 } }, code: 0 },
    { name: 'a note of the unknown', send: { note: { topic, what: 'sing' } }, code: 0 },
    {
      name: 'a note that reads a fraction',
      send: { note: { topic, what: 'read', seq: 1.5 } },
      code: 0,
    },
    { name: 'a note to nowhere', send: { note: { topic: 'xyz', what: 'kp' } }, code: 0 },
  ]
}
