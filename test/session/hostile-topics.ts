import type { HostileMessage, Names } from './hostile-messages.ts'

/** Hostile requests about topics, numbers and turns; see hostile-messages.ts. */
const id = '7'

export function impossibleNames({ self, peer }: Names): HostileMessage[] {
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

export function impossibleNumbers({ group: topic }: Names): HostileMessage[] {
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

export function outOfTurn({
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
