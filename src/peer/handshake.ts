import { createHmac, timingSafeEqual } from 'node:crypto'
import { Packr } from 'msgpackr'
import { planted } from '../fault-points.ts'
import { isNodeIndex, type NodeIndex } from '../ids/node-index.ts'
import type { PeerMessage } from '../wire/peer-frames.ts'
import { peerKinds } from '../wire/peer-kinds.ts'
import { isCount, isName } from '../wire/shapes.ts'
import { commonPeerVersion, minPeerVersion, peerVersion } from '../wire/versions.ts'
import type { BootId, Members, PeerAddress, PeerIdentity, PeerSelf } from './identity.ts'

/**
 * Both sides prove that they know the cluster secret without showing it, and who they are:
 *
 *     dialer                                                    acceptor
 *       hello      versions, cluster, who I am, whom I want, nonce, my disk  ──▶
 *       ◀──  challenge   version, who I am, nonce, my disk, HMAC over all of it
 *       proof      HMAC over all of it  ──▶
 *       ◀──  welcome     (or refuse, with the reason, instead of any step)
 *
 * The HMACs (SHA-256) cover every field of hello and challenge and name the side that made them,
 * so nothing can be replayed, reflected or swapped. A refusal carries one as well, because some
 * refusals end the node that is told. The acceptor proves itself before it judges the dialer: a node
 * that lost its disk, and with it the members, is to hear from them what it is.
 */
export type Refusal = keyof typeof refusals

export const refusals = {
  malformed: 'it does not speak the peer protocol',
  deadline: 'it did not finish the handshake in time',
  'other-version': 'no version of the peer protocol in common',
  'other-cluster': 'it belongs to another cluster',
  'unknown-member': 'its index and name are not in the member list',
  'own-index': 'it uses the index of this node',
  'other-target': 'the node that answered is not the one that was dialled',
  'bad-proof': 'the cluster secrets differ',
  'stale-boot': 'a later start of the same node has been seen',
  removed: 'it was removed from the cluster',
  'wiped-disk': 'its data folder is not the one that this member had: it was emptied or replaced',
  'old-copy': 'its data folder is an older copy: the cluster has seen a later start of it',
  busy: 'too many bulk streams from this node are open',
} as const

/** What a node that is told it, with a proof, cannot go on with: no later try will be answered otherwise. */
export type Expulsion = Extract<Refusal, 'removed' | 'wiped-disk' | 'old-copy'>

export function isExpulsion(refusal: Refusal): refusal is Expulsion {
  return refusal === 'removed' || refusal === 'wiped-disk' || refusal === 'old-copy'
}

export const purposes = { link: 0, bulk: 1 } as const
export type Purpose = keyof typeof purposes

export interface HandshakeContext {
  readonly self: PeerSelf
  readonly secret: Uint8Array
  readonly members: () => Members
  /** Was a member once and is none any more. */
  readonly isRemoved: (index: NodeIndex) => boolean
  /** The largest boot id that a node has proved to have, 0 for none. */
  readonly newestBoot: (index: NodeIndex) => BootId
}

/** What to do after a message: send something, believe who the peer is, or give up. */
export interface HandshakeStep {
  readonly send: PeerMessage | null
  /** Set once: the peer is who it says, and both sides know. */
  readonly peer: PeerIdentity | null
  readonly refusal: Refusal | null
  /** The other side refused us: nothing to tell it. */
  readonly told: boolean
  /** The refusal that we were told came from a node that knows the secret, and was meant for us. */
  readonly proven: boolean
}

export const nonceBytes = 32

/** The side that connects. It wants one certain node. */
export class DialerHandshake {
  readonly #context: HandshakeContext
  readonly #target: NodeIndex
  readonly #hello: PeerMessage
  #told: readonly unknown[] = []
  #acceptor: PeerIdentity | null = null

  constructor(context: HandshakeContext, target: NodeIndex, purpose: Purpose, nonce: Buffer) {
    const { self } = context
    this.#context = context
    this.#target = target
    this.#hello = [
      peerKinds.hello,
      minPeerVersion,
      peerVersion,
      self.clusterId,
      self.index,
      self.name,
      self.bootId,
      target,
      purposes[purpose],
      nonce,
      self.incarnation,
      self.previousBoot,
    ]
  }

  hello(): PeerMessage {
    return this.#hello
  }

  receive(message: PeerMessage): HandshakeStep {
    const { secret } = this.#context
    if (message[0] === peerKinds.refuse) {
      return refusedBy(message, (reason) =>
        prove(secret, 'acceptor refuses', this.#hello, [...this.#told, reason]),
      )
    }
    if (this.#acceptor === null) return this.#challenge(message)
    if (message[0] !== peerKinds.welcome) return refuse('malformed')
    return believed(this.#acceptor, null)
  }

  #challenge(message: PeerMessage): HandshakeStep {
    const [kind, version, index, name, bootId, nonce, incarnation, previousBoot, proof] = message
    if (kind !== peerKinds.challenge || message.length !== 9) return refuse('malformed')
    if (!isIdentity(index, name, bootId) || !isNonce(nonce)) return refuse('malformed')
    if (!isDisk(incarnation, previousBoot)) return refuse('malformed')
    if (version !== peerVersion && version !== minPeerVersion) return refuse('other-version')
    const told = message.slice(0, 8)
    this.#told = told
    const { secret, members, newestBoot } = this.#context
    if (!isProof(proof, prove(secret, 'acceptor', this.#hello, told))) return refuse('bad-proof')
    if (index !== this.#target) return refuse('other-target')
    const member = members().get(index as NodeIndex)
    if (member === undefined || member.name !== name) return refuse('other-target')
    const fault = diskFault(member, bootId as BootId, incarnation as string, previousBoot as BootId)
    if (fault !== null) return this.#expel(fault)
    if (isStale(member, bootId as BootId, newestBoot(index as NodeIndex))) {
      return refuse('stale-boot')
    }
    this.#acceptor = { index: index as NodeIndex, name: name as string, bootId: bootId as BootId }
    const answer: PeerMessage = [peerKinds.proof, prove(secret, 'dialer', this.#hello, told)]
    return { send: answer, peer: null, refusal: null, told: false, proven: false }
  }

  #expel(reason: Expulsion): HandshakeStep {
    const { secret } = this.#context
    const proof = prove(secret, 'dialer refuses', this.#hello, [...this.#told, reason])
    return refuse(reason, proof)
  }
}

/** The side that was connected to. */
export class AcceptorHandshake {
  /** What the dialer wants, once its hello was accepted. */
  purpose: Purpose = 'link'
  readonly #context: HandshakeContext
  readonly #nonce: Buffer
  #hello: PeerMessage | null = null
  #challenge: PeerMessage | null = null

  constructor(context: HandshakeContext, nonce: Buffer) {
    this.#context = context
    this.#nonce = nonce
  }

  receive(message: PeerMessage): HandshakeStep {
    if (message[0] === peerKinds.refuse) {
      const { secret } = this.#context
      const told = [...(this.#challenge ?? [])]
      return refusedBy(message, (reason) =>
        prove(secret, 'dialer refuses', this.#hello ?? [], [...told, reason]),
      )
    }
    return this.#hello === null ? this.#answer(message) : this.#check(message)
  }

  #answer(message: PeerMessage): HandshakeStep {
    const [kind, min, max, clusterId, index, name, bootId, target, purpose, nonce] = message
    const [incarnation, previousBoot] = message.slice(10)
    const { self, secret } = this.#context
    if (kind !== peerKinds.hello || message.length !== 12) return refuse('malformed')
    if (!isCount(min) || !isCount(max) || !isNonce(nonce)) return refuse('malformed')
    if (purpose !== purposes.link && purpose !== purposes.bulk) return refuse('malformed')
    const version = commonPeerVersion({ min, max })
    if (version === 0) return refuse('other-version')
    if (clusterId !== self.clusterId) return refuse('other-cluster')
    if (target !== self.index) return refuse('other-target')
    if (!isIdentity(index, name, bootId)) return refuse('malformed')
    if (!isDisk(incarnation, previousBoot)) return refuse('malformed')
    if (index === self.index) return refuse('own-index')
    this.purpose = purpose === purposes.bulk ? 'bulk' : 'link'
    this.#hello = message
    const told = [
      peerKinds.challenge,
      version,
      self.index,
      self.name,
      self.bootId,
      this.#nonce,
      self.incarnation,
      self.previousBoot,
    ] as const
    this.#challenge = told
    const proof = prove(secret, 'acceptor', message, told)
    return { send: [...told, proof], peer: null, refusal: null, told: false, proven: false }
  }

  /** Bound to the nonces of both: whoever hears it can do nothing with it but believe it. */
  #expel(reason: Expulsion): HandshakeStep {
    const told = [...(this.#challenge as PeerMessage), reason]
    const hello = this.#hello as PeerMessage
    return refuse(reason, prove(this.#context.secret, 'acceptor refuses', hello, told))
  }

  #check(message: PeerMessage): HandshakeStep {
    const [kind, proof] = message
    const hello = this.#hello as PeerMessage
    const { secret, members, isRemoved, newestBoot } = this.#context
    if (kind !== peerKinds.proof || message.length !== 2) return refuse('malformed')
    const expected = prove(secret, 'dialer', hello, this.#challenge as PeerMessage)
    if (!isProof(proof, expected)) return refuse('bad-proof')
    const index = hello[4] as NodeIndex
    const bootId = hello[6] as BootId
    const [incarnation, previousBoot] = hello.slice(10) as [string, BootId]
    // Only now: an unproven hello must not be able to fence anybody.
    if (isRemoved(index)) return this.#expel('removed')
    const member = members().get(index)
    if (member === undefined || member.name !== hello[5]) return refuse('unknown-member')
    const fault = diskFault(member, bootId, incarnation, previousBoot)
    if (fault !== null) return this.#expel(fault)
    if (isStale(member, bootId, newestBoot(index))) return refuse('stale-boot')
    const peer: PeerIdentity = { index, name: hello[5] as string, bootId }
    return believed(peer, [peerKinds.welcome])
  }
}

/** The message that tells the other side why it is refused. */
export function refusalMessage(reason: Refusal, proof?: Buffer): PeerMessage {
  return proof === undefined ? [peerKinds.refuse, reason] : [peerKinds.refuse, reason, proof]
}

function prove(
  secret: Uint8Array,
  side: 'dialer' | 'acceptor' | 'dialer refuses' | 'acceptor refuses',
  hello: readonly unknown[],
  challenge: readonly unknown[],
): Buffer {
  const transcript = packr.pack(['flotilla peer handshake 1', side, hello, challenge])
  return createHmac('sha256', secret).update(transcript).digest()
}

function isProof(given: unknown, expected: Buffer): boolean {
  return (
    given instanceof Uint8Array &&
    given.length === expected.length &&
    timingSafeEqual(given, expected)
  )
}

function isNonce(value: unknown): value is Buffer {
  return value instanceof Uint8Array && value.length === nonceBytes
}

function isIdentity(index: unknown, name: unknown, bootId: unknown): boolean {
  return isNodeIndex(index) && isName(name, 64) && isCount(bootId)
}

/** 32 hex digits, or '' from a node that has none. */
function isDisk(incarnation: unknown, previousBoot: unknown): boolean {
  const isHex = typeof incarnation === 'string' && /^(?:[0-9a-f]{32})?$/.test(incarnation)
  return isHex && isCount(previousBoot)
}

/**
 * Is the disk the one that the cluster knows the member by? A folder that was put back from a copy
 * has missed starts that the cluster has seen: what it promised since the copy is forgotten.
 */
function diskFault(
  member: PeerAddress,
  bootId: BootId,
  incarnation: string,
  previousBoot: BootId,
): Expulsion | null {
  if (planted('K26')) return null
  const known = member.incarnation ?? ''
  if (known !== '' && incarnation !== known) return 'wiped-disk'
  const knownBoot = member.bootId ?? 0
  return bootId > knownBoot && previousBoot < knownBoot ? 'old-copy' : null
}

function isStale(member: PeerAddress | undefined, bootId: BootId, newestSeen: BootId): boolean {
  return bootId < newestSeen || bootId < (member?.bootId ?? 0)
}

function believed(peer: PeerIdentity, send: PeerMessage | null): HandshakeStep {
  return { send, peer, refusal: null, told: false, proven: false }
}

function refuse(refusal: Refusal, proof?: Buffer): HandshakeStep {
  const send = refusalMessage(refusal, proof)
  return { send, peer: null, refusal, told: false, proven: false }
}

function refusedBy(message: PeerMessage, proofOf: (reason: Refusal) => Buffer): HandshakeStep {
  const [, reason, proof] = message
  const isKnown = typeof reason === 'string' && Object.hasOwn(refusals, reason)
  const refusal = isKnown ? (reason as Refusal) : 'malformed'
  const proven = isKnown && isProof(proof, proofOf(refusal))
  return { send: null, peer: null, refusal, told: true, proven }
}

const packr = new Packr({ useRecords: false })
