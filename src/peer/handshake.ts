import { createHmac, timingSafeEqual } from 'node:crypto'
import { Packr } from 'msgpackr'
import { isNodeIndex, type NodeIndex } from '../ids/node-index.ts'
import type { PeerMessage } from '../wire/peer-frames.ts'
import { peerKinds } from '../wire/peer-kinds.ts'
import { isCount, isName } from '../wire/shapes.ts'
import { commonPeerVersion, minPeerVersion, peerVersion } from '../wire/versions.ts'
import type { BootId, Members, PeerIdentity, PeerSelf } from './identity.ts'

/**
 * Both sides prove that they know the cluster secret without showing it, and who they are:
 *
 *     dialer                                                    acceptor
 *       hello      versions, cluster, who I am, whom I want, nonce  ──▶
 *       ◀──  challenge   version, who I am, nonce, HMAC over all of it
 *       proof      HMAC over all of it  ──▶
 *       ◀──  welcome     (or refuse, with the reason, instead of any step)
 *
 * The HMACs (SHA-256) cover every field of hello and challenge and name the side that made them,
 * so nothing can be replayed, reflected or swapped.
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
  busy: 'too many bulk streams from this node are open',
} as const

export const purposes = { link: 0, bulk: 1 } as const
export type Purpose = keyof typeof purposes

export interface HandshakeContext {
  readonly self: PeerSelf
  readonly secret: Uint8Array
  readonly members: () => Members
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
}

export const nonceBytes = 32

/** The side that connects. It wants one certain node. */
export class DialerHandshake {
  readonly #context: HandshakeContext
  readonly #target: NodeIndex
  readonly #hello: PeerMessage
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
    ]
  }

  hello(): PeerMessage {
    return this.#hello
  }

  receive(message: PeerMessage): HandshakeStep {
    if (message[0] === peerKinds.refuse) return refusedBy(message)
    if (this.#acceptor === null) return this.#challenge(message)
    if (message[0] !== peerKinds.welcome) return refuse('malformed')
    return { send: null, peer: this.#acceptor, refusal: null, told: false }
  }

  #challenge(message: PeerMessage): HandshakeStep {
    const [kind, version, index, name, bootId, nonce, proof] = message
    if (kind !== peerKinds.challenge || message.length !== 7) return refuse('malformed')
    if (!isIdentity(index, name, bootId) || !isNonce(nonce)) return refuse('malformed')
    if (version !== peerVersion && version !== minPeerVersion) return refuse('other-version')
    const told = message.slice(0, 6)
    const { secret, members, newestBoot } = this.#context
    if (!isProof(proof, prove(secret, 'acceptor', this.#hello, told))) return refuse('bad-proof')
    if (index !== this.#target) return refuse('other-target')
    if (members().get(index as NodeIndex)?.name !== name) return refuse('other-target')
    if ((bootId as BootId) < newestBoot(index as NodeIndex)) return refuse('stale-boot')
    this.#acceptor = { index: index as NodeIndex, name: name as string, bootId: bootId as BootId }
    const answer: PeerMessage = [peerKinds.proof, prove(secret, 'dialer', this.#hello, told)]
    return { send: answer, peer: null, refusal: null, told: false }
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
    if (message[0] === peerKinds.refuse) return refusedBy(message)
    return this.#hello === null ? this.#answer(message) : this.#check(message)
  }

  #answer(message: PeerMessage): HandshakeStep {
    const [kind, min, max, clusterId, index, name, bootId, target, purpose, nonce] = message
    const { self, members, secret } = this.#context
    if (kind !== peerKinds.hello || message.length !== 10) return refuse('malformed')
    if (!isCount(min) || !isCount(max) || !isNonce(nonce)) return refuse('malformed')
    if (purpose !== purposes.link && purpose !== purposes.bulk) return refuse('malformed')
    const version = commonPeerVersion({ min, max })
    if (version === 0) return refuse('other-version')
    if (clusterId !== self.clusterId) return refuse('other-cluster')
    if (target !== self.index) return refuse('other-target')
    if (!isIdentity(index, name, bootId)) return refuse('malformed')
    if (index === self.index) return refuse('own-index')
    if (members().get(index as NodeIndex)?.name !== name) return refuse('unknown-member')
    this.purpose = purpose === purposes.bulk ? 'bulk' : 'link'
    this.#hello = message
    const told = [
      peerKinds.challenge,
      version,
      self.index,
      self.name,
      self.bootId,
      this.#nonce,
    ] as const
    this.#challenge = told
    const proof = prove(secret, 'acceptor', message, told)
    return { send: [...told, proof], peer: null, refusal: null, told: false }
  }

  #check(message: PeerMessage): HandshakeStep {
    const [kind, proof] = message
    const hello = this.#hello as PeerMessage
    const { secret, newestBoot } = this.#context
    if (kind !== peerKinds.proof || message.length !== 2) return refuse('malformed')
    const expected = prove(secret, 'dialer', hello, this.#challenge as PeerMessage)
    if (!isProof(proof, expected)) return refuse('bad-proof')
    const index = hello[4] as NodeIndex
    const bootId = hello[6] as BootId
    // Only now: an unproven hello must not be able to fence anybody.
    if (bootId < newestBoot(index)) return refuse('stale-boot')
    const peer: PeerIdentity = { index, name: hello[5] as string, bootId }
    return { send: [peerKinds.welcome], peer, refusal: null, told: false }
  }
}

/** The message that tells the other side why it is refused. */
export function refusalMessage(reason: Refusal): PeerMessage {
  return [peerKinds.refuse, reason]
}

function prove(
  secret: Uint8Array,
  side: 'dialer' | 'acceptor',
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

function refuse(refusal: Refusal): HandshakeStep {
  return { send: refusalMessage(refusal), peer: null, refusal, told: false }
}

function refusedBy(message: PeerMessage): HandshakeStep {
  const reason = message[1]
  const known = typeof reason === 'string' && Object.hasOwn(refusals, reason)
  return { send: null, peer: null, refusal: known ? (reason as Refusal) : 'malformed', told: true }
}

const packr = new Packr({ useRecords: false })
