import { assert } from '../assert.ts'
import { canonicalEnd, isBase64url, swapBytes, wordAt, wordsToText } from './base64url.ts'
import {
  canonicalTail,
  compareUserIds,
  highHalf,
  idText,
  lowHalf,
  parseUserId,
  userIdFromHalves,
  userIdLength,
} from './user-id.ts'
import type { UserId } from './user-id.ts'

/**
 * A topic in the one canonical, cluster-wide spelling: `usr…` (that user's `me`), `fnd…` and `slf…`
 * (same id), `p2p` and 22 characters (both ids, little-endian, the smaller number first), `grp…`
 * (also what channel readers reach as `chn…`), `sys`. Clients see other names: clientTopicName.
 */
export type TopicName = string & { readonly __topic: 'TopicName' }

export type TopicKind = 'me' | 'fnd' | 'slf' | 'p2p' | 'grp' | 'sys'

export const sysTopic = 'sys' as TopicName
const p2pLength = 25

export function kindOf(name: TopicName): TopicKind {
  switch (name.charCodeAt(0)) {
    case 0x75:
      return 'me'
    case 0x66:
      return 'fnd'
    case 0x70:
      return 'p2p'
    case 0x67:
      return 'grp'
    default:
      return name === sysTopic ? 'sys' : 'slf'
  }
}

export function meTopic(user: UserId): TopicName {
  return user as string as TopicName
}

export function fndTopic(user: UserId): TopicName {
  return ('fnd' + user.slice(3)) as TopicName
}

export function slfTopic(user: UserId): TopicName {
  return ('slf' + user.slice(3)) as TopicName
}

/** From the unsigned 32-bit halves of a minted id. Zero is no group: asserted (IDS-1). */
export function grpTopic(high: number, low: number): TopicName {
  assert(high !== 0 || low !== 0, 'IDS-1', { high, low })
  return ('grp' + idText(high, low)) as TopicName
}

/** The conversation of two users, whoever asks. A user has none with itself: asserted (IDS-4). */
export function p2pName(a: UserId, b: UserId): TopicName {
  const order = compareUserIds(a, b)
  assert(order !== 0, 'IDS-4', { a })
  const [low, high] = order < 0 ? [a, b] : [b, a]
  const text = wordsToText([
    wordAt(low, 3, 0),
    wordAt(low, 3, 32),
    wordAt(high, 3, 0),
    wordAt(high, 3, 32),
  ])
  return ('p2p' + text) as TopicName
}

/** Both ends of a p2p topic, the smaller number first. */
export function p2pUsers(name: TopicName): [UserId, UserId] {
  assert(name.length === p2pLength && name.startsWith('p2p'), 'IDS-5', { name })
  return [p2pEnd(name, 0), p2pEnd(name, 64)]
}

/** The peer of `user` in a p2p topic, which must be one of the two: asserted (IDS-6). */
export function otherUser(name: TopicName, user: UserId): UserId {
  const [first, second] = p2pUsers(name)
  assert(user === first || user === second, 'IDS-6', { name, user })
  return user === first ? second : first
}

/** The one user of a `me`, `fnd` or `slf` topic; null for the other kinds. */
export function soleUser(name: TopicName): UserId | null {
  const kind = kindOf(name)
  if (kind === 'me') return name as string as UserId
  return kind === 'fnd' || kind === 'slf' ? (('usr' + name.slice(3)) as UserId) : null
}

/**
 * Reads a name in the internal spelling, as peers and operators write it. Null unless it is
 * exactly canonical: inside the cluster a second spelling is an error, not a courtesy.
 */
export function parseTopicName(text: string): TopicName | null {
  if (text === sysTopic) return sysTopic
  switch (text.slice(0, 3)) {
    case 'usr':
    case 'fnd':
    case 'slf':
    case 'grp':
      return canonicalTail(text) === text ? (text as TopicName) : null
    case 'p2p':
      return isP2p(text) ? (text as TopicName) : null
    default:
      return null
  }
}

/**
 * What a client's topic name means. `as: 'chan'`: the group was named `chn…`, as its readers do.
 * `create`: `new…` or `nch…` asks for a new group or channel. `self`: a p2p topic with oneself.
 */
export type ResolvedTopic =
  | { readonly name: TopicName; readonly as: 'plain' | 'chan' }
  | { readonly create: 'grp' | 'chn' }
  | { readonly error: 'self' | 'not-found' | 'malformed' }

const notFound: ResolvedTopic = { error: 'not-found' }
const malformed: ResolvedTopic = { error: 'malformed' }
const withSelf: ResolvedTopic = { error: 'self' }
const newGroup: ResolvedTopic = { create: 'grp' }
const newChannel: ResolvedTopic = { create: 'chn' }
const system: ResolvedTopic = { name: sysTopic, as: 'plain' }

/**
 * Reads the topic that the user `self` named. Internal names (`p2p…`, `fnd<user>`, `slf<user>`) are
 * not found: a client that could say them would reach other people's topics.
 */
export function resolveTopic(clientName: string, self: UserId): ResolvedTopic {
  switch (clientName.slice(0, 3)) {
    case 'usr': {
      const peer = parseUserId(clientName)
      if (peer === null) return malformed
      return peer === self ? withSelf : { name: p2pName(self, peer), as: 'plain' }
    }
    case 'grp': {
      const name = canonicalTail(clientName)
      return name === null ? notFound : { name: name as TopicName, as: 'plain' }
    }
    case 'chn': {
      const name = canonicalTail(clientName)
      return name === null ? notFound : { name: ('grp' + name.slice(3)) as TopicName, as: 'chan' }
    }
    case 'new':
      return newGroup
    case 'nch':
      return newChannel
    default:
      return resolveShort(clientName, self)
  }
}

/**
 * The name that `receiver` is told: the peer's id for p2p, the short names for its own `me`, `fnd`
 * and `slf`, `chn…` for channel readers (`asChan`). Another user's `me` is that user's id.
 */
export function clientTopicName(name: TopicName, receiver: UserId, asChan = false): string {
  const kind = kindOf(name)
  switch (kind) {
    case 'me':
      return (name as string) === receiver ? 'me' : name
    case 'p2p':
      return otherUser(name, receiver)
    case 'grp':
      return asChan ? 'chn' + name.slice(3) : name
    case 'fnd':
    case 'slf':
    case 'sys':
      return kind
  }
}

function resolveShort(clientName: string, self: UserId): ResolvedTopic {
  switch (clientName) {
    case 'me':
      return { name: meTopic(self), as: 'plain' }
    case 'fnd':
      return { name: fndTopic(self), as: 'plain' }
    case 'slf':
      return { name: slfTopic(self), as: 'plain' }
    case 'sys':
      return system
    default:
      return notFound
  }
}

function p2pEnd(name: string, bit: 0 | 64): UserId {
  return userIdFromHalves(swapBytes(wordAt(name, 3, bit + 32)), swapBytes(wordAt(name, 3, bit)))
}

/** Both ids non-zero, the smaller first, no second spelling. */
function isP2p(text: string): boolean {
  if (text.length !== p2pLength || !isBase64url(text, 3, p2pLength)) return false
  if (canonicalEnd(text, 4) !== text) return false
  const first = 'usr' + text.slice(3, 3 + userIdLength - 3)
  const smallHigh = highHalf(first, 3)
  const smallLow = lowHalf(first, 3)
  if (smallHigh === 0 && smallLow === 0) return false
  const largeHigh = swapBytes(wordAt(text, 3, 96))
  const largeLow = swapBytes(wordAt(text, 3, 64))
  return smallHigh < largeHigh || (smallHigh === largeHigh && smallLow < largeLow)
}
