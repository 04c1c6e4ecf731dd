import { assert } from '../assert.ts'
import {
  fndTopic,
  grpTopic,
  kindOf,
  meTopic,
  p2pName,
  p2pUsers,
  slfTopic,
  sysTopic,
} from './topic-name.ts'
import type { TopicKind, TopicName } from './topic-name.ts'
import { highHalf, lowHalf, readWord, userIdFromHalves, writeWord } from './user-id.ts'
import type { UserId } from './user-id.ts'

/** One kind byte, then 16 bytes. Frozen: it is on disk. */
export const topicKeyBytes = 17

/** Frozen: on disk. 0 is free, so that no key starts like padding. */
const kindBytes = { me: 1, fnd: 2, slf: 3, p2p: 4, grp: 5, sys: 6 } as const satisfies Record<
  TopicKind,
  number
>

/** Kind bytes of topics with messages, all that lie between included. */
export const conversationKinds = { first: kindBytes.slf, last: kindBytes.sys } as const

/**
 * A topic as a fixed-width database key: the kind, then its one or two ids as big-endian numbers,
 * then zeros. Byte order is kind, then numeric order of the ids.
 */
export function topicKey(name: TopicName): Uint8Array {
  const key = new Uint8Array(topicKeyBytes)
  const kind = kindOf(name)
  key[0] = kindBytes[kind]
  if (kind === 'p2p') {
    const [first, second] = p2pUsers(name)
    writeId(key, 1, first)
    writeId(key, 9, second)
  } else if (kind !== 'sys') {
    writeId(key, 1, name)
  }
  return key
}

/** The topic of a key, which may stand at `at` inside longer bytes. Asserts that it is one (IDS-7). */
export function topicFromKey(bytes: Uint8Array, at = 0): TopicName {
  assert(bytes.length >= at + topicKeyBytes, 'IDS-7', { length: bytes.length, at })
  const kind: number = bytes[at]!
  switch (kind) {
    case kindBytes.me:
      return meTopic(readUser(bytes, at + 1))
    case kindBytes.fnd:
      return fndTopic(readUser(bytes, at + 1))
    case kindBytes.slf:
      return slfTopic(readUser(bytes, at + 1))
    case kindBytes.p2p:
      return p2pName(readUser(bytes, at + 1), readUser(bytes, at + 9))
    case kindBytes.grp:
      return grpTopic(readWord(bytes, at + 1), readWord(bytes, at + 5))
    case kindBytes.sys:
      return sysTopic
    default:
      assert(false, 'IDS-7', { kind })
  }
}

function writeId(key: Uint8Array, at: number, name: string): void {
  writeWord(key, at, highHalf(name, 3))
  writeWord(key, at + 4, lowHalf(name, 3))
}

function readUser(bytes: Uint8Array, at: number): UserId {
  return userIdFromHalves(readWord(bytes, at), readWord(bytes, at + 4))
}
