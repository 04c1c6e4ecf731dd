import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  clientTopicName,
  fndTopic,
  grpTopic,
  kindOf,
  meTopic,
  otherUser,
  p2pName,
  p2pUsers,
  parseTopicName,
  resolveTopic,
  slfTopic,
  soleUser,
  sysTopic,
} from '../../src/ids/topic-name.ts'
import type { TopicName } from '../../src/ids/topic-name.ts'
import { topicFromKey, topicKey, topicKeyBytes } from '../../src/ids/topic-key.ts'
import { userIdFromBigInt } from '../../src/ids/user-id.ts'

const alice = userIdFromBigInt(1234567890123456789n)
const bob = userIdFromBigInt(9876543210987654321n)
const p2p = 'p2pFYHpffQQIhGxDLfjuIcQiQ' as TopicName
const group = 'grpFYHpffQQIhE' as TopicName

const anyUser = fc.bigInt({ min: 1n, max: (1n << 64n) - 1n }).map(userIdFromBigInt)
const half = fc.nat(0xffff_ffff)
const anyGroup = fc.tuple(half, half).filter(([high, low]) => high + low > 0)
const anyTopic = fc.oneof(
  anyUser.map(meTopic),
  anyUser.map(fndTopic),
  anyUser.map(slfTopic),
  fc
    .tuple(anyUser, anyUser)
    .filter(([a, b]) => a !== b)
    .map(([a, b]) => p2pName(a, b)),
  anyGroup.map(([high, low]) => grpTopic(high, low)),
  fc.constant(sysTopic),
)

describe('what a client may call a topic', () => {
  test.each([
    ['me', { name: alice, as: 'plain' }],
    ['fnd', { name: 'fndFYHpffQQIhE', as: 'plain' }],
    ['slf', { name: 'slfFYHpffQQIhE', as: 'plain' }],
    ['sys', { name: 'sys', as: 'plain' }],
    [bob, { name: p2p, as: 'plain' }],
    ['usrsQy347iHEIn', { name: p2p, as: 'plain' }],
    ['grpFYHpffQQIhE', { name: group, as: 'plain' }],
    ['grpFYHpffQQIhH', { name: group, as: 'plain' }],
    ['chnFYHpffQQIhE', { name: group, as: 'chan' }],
    ['chnFYHpffQQIhG', { name: group, as: 'chan' }],
    ['new', { create: 'grp' }],
    ['new103912', { create: 'grp' }],
    ['nch', { create: 'chn' }],
    ['nchX', { create: 'chn' }],
    [alice, { error: 'self' }],
    ['usrFYHpffQQIhH', { error: 'self' }],
    ['usrFYHpffQQIh', { error: 'malformed' }],
    ['usrAAAAAAAAAAA', { error: 'malformed' }],
    ['usr+YHpffQQIhE', { error: 'malformed' }],
    ['grpAAAAAAAAAAA', { error: 'not-found' }],
    ['grp', { error: 'not-found' }],
    ['chnFYHpffQQI', { error: 'not-found' }],
    ['grp!YHpffQQIhE', { error: 'not-found' }],
    ['', { error: 'not-found' }],
    ['m', { error: 'not-found' }],
    ['ME', { error: 'not-found' }],
    ['sysx', { error: 'not-found' }],
    ['xyzFYHpffQQIhE', { error: 'not-found' }],
    [p2p, { error: 'not-found' }],
    ['fndFYHpffQQIhE', { error: 'not-found' }],
    ['slfFYHpffQQIhE', { error: 'not-found' }],
    ['fndsQy347iHEIk', { error: 'not-found' }],
    ['slfsQy347iHEIk', { error: 'not-found' }],
  ])('%j from Alice', (clientName, resolved) => {
    expect(resolveTopic(clientName, alice)).toEqual(resolved)
  })

  test('a name told to a receiver leads that receiver back to the topic', () => {
    fc.assert(
      fc.property(anyTopic, fc.boolean(), (name, asChan) => {
        const kind = kindOf(name)
        const receiver = kind === 'p2p' ? p2pUsers(name)[1] : (soleUser(name) ?? alice)
        const told = clientTopicName(name, receiver, asChan)
        expect(resolveTopic(told, receiver)).toEqual({
          name,
          as: kind === 'grp' && asChan ? 'chan' : 'plain',
        })
      }),
    )
  })

  test('whatever a client says, the answer is a canonical name that it may reach', () => {
    const text = fc.tuple(
      fc.constantFrom('usr', 'grp', 'chn', 'p2p', 'fnd', 'slf', 'me', 'sys', ''),
      fc.string({ unit: 'binary', maxLength: 24 }),
    )
    fc.assert(
      fc.property(text, anyUser, ([prefix, rest], self) => {
        const resolved = resolveTopic(prefix + rest, self)
        if (!('name' in resolved)) return
        expect(parseTopicName(resolved.name)).toBe(resolved.name)
        expect(soleUser(resolved.name) ?? self).toBe(self)
      }),
    )
  })
})

describe('what a receiver is told', () => {
  test.each([
    [meTopic(alice), alice, false, 'me'],
    [meTopic(alice), bob, false, alice],
    [fndTopic(alice), alice, false, 'fnd'],
    [slfTopic(alice), alice, false, 'slf'],
    [p2p, alice, false, bob],
    [p2p, bob, false, alice],
    [group, alice, false, 'grpFYHpffQQIhE'],
    [group, alice, true, 'chnFYHpffQQIhE'],
    [sysTopic, alice, false, 'sys'],
  ])('%s to %s (reader: %s) is %s', (name, receiver, asChan, told) => {
    expect(clientTopicName(name, receiver, asChan)).toBe(told)
  })
})

describe('p2p', () => {
  test('golden: both ids, the smaller first, whoever asks', () => {
    expect(p2pName(alice, bob)).toBe(p2p)
    expect(p2pName(bob, alice)).toBe(p2p)
    expect(p2pUsers(p2p)).toEqual([alice, bob])
    expect(otherUser(p2p, alice)).toBe(bob)
    expect(otherUser(p2p, bob)).toBe(alice)
  })

  test('one name for two users, and the users from the name', () => {
    fc.assert(
      fc.property(anyUser, anyUser, (a, b) => {
        fc.pre(a !== b)
        const name = p2pName(a, b)
        expect(p2pName(b, a)).toBe(name)
        expect(new Set(p2pUsers(name))).toEqual(new Set([a, b]))
        expect(parseTopicName(name)).toBe(name)
      }),
    )
  })

  test('IDS-4, IDS-5, IDS-6: oneself, another kind, a stranger', () => {
    expect(() => p2pName(alice, alice)).toThrow('IDS-4')
    expect(() => p2pUsers(group)).toThrow('IDS-5')
    expect(() => otherUser(p2p, userIdFromBigInt(7n))).toThrow('IDS-6')
  })
})

describe('names inside the cluster', () => {
  test.each([
    ['usrFYHpffQQIhF', 'another spelling'],
    ['grpFYHpffQQIhF', 'another spelling'],
    ['p2pFYHpffQQIhGxDLfjuIcQiR', 'another spelling'],
    ['p2psQy347iHEIkVgel99BAiEQ', 'the larger first'],
    ['p2pFYHpffQQIhEVgel99BAiEQ', 'a user with itself'],
    ['p2pAAAAAAAAAACxDLfjuIcQiQ', 'zero'],
    ['p2pFYHpffQQIhGxDLfjuIcQi', 'too short'],
    ['chnFYHpffQQIhE', 'a client name'],
    ['me', 'a client name'],
    ['', 'nothing'],
  ])('%j is refused: %s', (text) => {
    expect(parseTopicName(text)).toBeNull()
  })

  test.each([
    [meTopic(alice), 'me', alice],
    [fndTopic(alice), 'fnd', alice],
    [slfTopic(alice), 'slf', alice],
    [p2p, 'p2p', null],
    [group, 'grp', null],
    [sysTopic, 'sys', null],
  ])('%s is of kind %s', (name, kind, user) => {
    expect(kindOf(name)).toBe(kind)
    expect(soleUser(name)).toBe(user)
    expect(parseTopicName(name)).toBe(name)
  })

  test('IDS-1: no group is zero', () => {
    expect(() => grpTopic(0, 0)).toThrow('IDS-1')
  })
})

describe('topic key', () => {
  test.each([
    [meTopic(alice), '01112210f47de981150000000000000000'],
    [fndTopic(alice), '02112210f47de981150000000000000000'],
    [slfTopic(alice), '03112210f47de981150000000000000000'],
    [p2p, '04112210f47de98115891087b8e3b70cb1'],
    [group, '05112210f47de981150000000000000000'],
    [sysTopic, '0600000000000000000000000000000000'],
  ])('%s (golden: on disk)', (name, hex) => {
    expect(Buffer.from(topicKey(name)).toString('hex')).toBe(hex)
    expect(topicFromKey(Buffer.from('ff' + hex, 'hex'), 1)).toBe(name)
  })

  test('fixed width, one to one', () => {
    fc.assert(
      fc.property(anyTopic, (name) => {
        const key = topicKey(name)
        expect(key.length).toBe(topicKeyBytes)
        expect(topicFromKey(key)).toBe(name)
        expect(parseTopicName(name)).toBe(name)
      }),
    )
  })

  test('IDS-7: an unknown kind or missing bytes', () => {
    expect(() => topicFromKey(new Uint8Array(topicKeyBytes))).toThrow('IDS-7')
    expect(() => topicFromKey(topicKey(group).subarray(1))).toThrow('IDS-7')
  })
})
