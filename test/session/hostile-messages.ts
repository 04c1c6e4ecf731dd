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
      send: { pub: { id, topic }, extra: { producer: 'p' } },
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
      name: 'a producer of 65 letters',
      send: { pub: { id, topic }, extra: { producer: 'p'.repeat(65), n: 1 } },
      code: 400,
      id,
    },
    {
      name: 'publish number 0',
      send: { pub: { id, topic }, extra: { producer: 'p', n: 0 } },
      code: 400,
      id,
    },
    {
      name: 'publish number 1.5',
      send: { pub: { id, topic }, extra: { producer: 'p', n: 1.5 } },
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

function impossibleNames({ self, peer }: Names): HostileMessage[] {
  const sub = (topic: unknown): object => ({ sub: { id, topic } })
  const rest = self.slice(3)
  return [
    { name: 'no topic', send: { sub: { id } }, code: 400, id, topic: null },
    { name: 'an empty topic', send: sub(''), code: 400, id, topic: null },
    { name: 'a zero byte in a topic', send: sub('grp\0abc'), code: 400, id },
    { name: 'a user id that is too short', send: sub('usrabc'), code: 400, id, topic: 'usrabc' },
    { name: 'a user id outside the alphabet', send: sub('usr' + '!'.repeat(11)), code: 400, id },
    { name: 'user zero', send: sub('usrAAAAAAAAAAA'), code: 400, id },
    { name: 'oneself', send: sub(self), code: 403, text: 'permission denied', id, topic: self },
    {
      name: 'a group that is too short',
      send: sub('grpabc'),
      code: 404,
      text: 'topic not found',
      id,
    },
    { name: 'a channel outside the alphabet', send: sub('chn' + '*'.repeat(11)), code: 404, id },
    { name: 'an inner p2p name', send: sub('p2p' + 'A'.repeat(22)), code: 404, id },
    { name: "the inner name of somebody's fnd", send: sub('fnd' + peer.slice(3)), code: 404, id },
    { name: 'the inner name of the own slf', send: sub('slf' + rest), code: 404, id },
    { name: 'an unknown kind of topic', send: sub('xyz' + rest), code: 404, id },
    { name: 'a name of the prototype', send: sub('__proto__'), code: 404, id },
    { name: 'a topic of 100,000 letters', send: sub('grp' + 'a'.repeat(100_000)), code: 404, id },
    {
      name: 'a new topic outside of sub',
      send: { get: { id, topic: 'new1', what: 'desc' } },
      code: 404,
      id,
    },
    {
      name: 'a query about an impossible topic',
      send: { get: { id, topic: 'me', what: 'sub', sub: { topic: 'xyz' } } },
      code: 404,
      id,
    },
    {
      name: 'a query about an impossible user',
      send: { get: { id, topic: 'me', what: 'sub', sub: { user: 'usr' } } },
      code: 400,
      id,
    },
  ]
}

function impossibleNumbers({ group: topic }: Names): HostileMessage[] {
  const del = (delseq: unknown): object => ({ del: { id, topic, delseq } })
  const get = (data: object): object => ({ get: { id, topic, what: 'data', data } })
  return [
    { name: 'a delete of no message', send: del([]), code: 400, id, topic },
    { name: 'a delete of message 0', send: del([{ low: 0, hi: 5 }]), code: 400, id },
    { name: 'a delete of message -1', send: del([{ low: -1 }]), code: 400, id },
    { name: 'a delete of message 1.5', send: del([{ low: 1.5 }]), code: 400, id },
    { name: 'a delete of message 1e300', send: del([{ low: 1e300 }]), code: 400, id },
    { name: 'a delete of message "one"', send: del([{ low: 'one' }]), code: 400, id },
    { name: 'a delete of an empty range', send: del([{ low: 5, hi: 5 }]), code: 400, id },
    { name: 'a delete backwards', send: del([{ low: 5, hi: 2 }]), code: 400, id },
    { name: 'a delete that is no list', send: del({ low: 1 }), code: 400, id },
    { name: 'a delete of 1,025 ranges', send: del(Array(1_025).fill({ low: 1 })), code: 400, id },
    { name: 'a delete of messages to come', send: del([{ low: 4_000_000_000 }]), code: 400, id },
    { name: 'a limit below zero', send: get({ limit: -1 }), code: 400, id },
    { name: 'history since 1.5', send: get({ since: 1.5 }), code: 400, id },
    { name: 'history before a word', send: get({ before: 'now' }), code: 400, id },
    {
      name: 'history of 1,025 ranges',
      send: get({ ranges: Array(1_025).fill({ low: 1 }) }),
      code: 400,
      id,
    },
    {
      name: 'an empty range of history',
      send: get({ ranges: [{ low: 3, hi: 3 }] }),
      code: 204,
      id,
    },
    {
      name: 'a time that is none',
      send: { get: { id, topic, what: 'desc', desc: { ims: 'yesterday' } } },
      code: 400,
      id,
    },
    { name: 'a read mark below zero', send: { note: { topic, what: 'read', seq: -5 } }, code: 0 },
    { name: 'a read mark of 1e300', send: { note: { topic, what: 'read', seq: 1e300 } }, code: 0 },
  ]
}

function outOfTurn({
  self,
  peer,
  group: topic,
  expired,
  foreign,
  tampered,
}: Names): HostileMessage[] {
  const token = (secret: string): object => ({ login: { id, scheme: 'token', secret } })
  const verbs = {
    sub: { id, topic },
    leave: { id, topic },
    pub: { id, topic, content: 1 },
    get: { id, topic, what: 'desc' },
    set: { id, topic, tags: [] },
    del: { id, topic, what: 'topic' },
  }
  const entries = Object.entries(verbs)
  return [
    ...[
      ...entries,
      ['login', { id, scheme: 'token', secret: 'YQ==' }],
      ['acc', { id, user: 'new' }],
    ].map(([verb, body]) => ({
      name: `${verb as string} before hi`,
      as: 'new' as const,
      send: { [verb as string]: body },
      code: 409,
      text: 'command out of sequence',
      id,
      topic: null,
    })),
    ...entries.map(([verb, body]) => ({
      name: `${verb} before login`,
      as: 'hello' as const,
      send: { [verb]: body },
      code: 401,
      text: 'authentication required',
      id,
      topic,
    })),
    { name: 'a note before hi', as: 'new', send: { note: { topic, what: 'kp' } }, code: 0 },
    { name: 'a note before login', as: 'hello', send: { note: { topic, what: 'kp' } }, code: 0 },
    { name: 'hi without a version', as: 'new', send: { hi: { id } }, code: 400, id },
    { name: 'hi of a word', as: 'new', send: { hi: { id, ver: 'latest' } }, code: 400, id },
    { name: 'hi of a number', as: 'new', send: { hi: { id, ver: 0.25 } }, code: 400, id },
    {
      name: 'hi from long ago',
      as: 'new',
      send: { hi: { id, ver: '0.15' } },
      code: 505,
      text: 'version not supported',
      id,
    },
    { name: 'hi of another version', send: { hi: { id, ver: '0.24' } }, code: 409, id },
    {
      name: 'a login without secret',
      as: 'hello',
      send: { login: { id, scheme: 'token' } },
      code: 400,
      id,
    },
    { name: 'a login with a broken secret', as: 'hello', send: token('*'), code: 400, id },
    {
      name: 'a login by an expired token',
      as: 'hello',
      send: token(expired),
      code: 401,
      text: 'authentication failed',
      id,
    },
    {
      name: 'a login by a token of another cluster',
      as: 'hello',
      send: token(foreign),
      code: 401,
      id,
    },
    { name: 'a login by a tampered token', as: 'hello', send: token(tampered), code: 401, id },
    { name: 'a second login', send: token(tampered), code: 409, text: 'already authenticated', id },
    {
      name: 'an account for somebody who is there',
      as: 'hello',
      send: { acc: { id, user: self, scheme: 'basic' } },
      code: 401,
      id,
    },
    {
      name: "another's account",
      send: { acc: { id, user: peer, scheme: 'basic', secret: 'OnNlY3JldDEy' } },
      code: 403,
      id,
    },
    { name: "another's end", send: { del: { id, what: 'user', user: peer } }, code: 403, id },
  ]
}
