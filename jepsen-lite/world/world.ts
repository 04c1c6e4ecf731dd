import type { ClientAddress } from '../client/connection.ts'
import type { LinkFault, LinkStats } from '../proxy/link-fault.ts'
import type { Direction } from '../proxy/link-proxy.ts'
import type { OpDraft } from '../op.ts'
import type { Random } from '../../src/ports.ts'

/**
 * The cluster under test and everything that can be done to it. Nemeses and workloads know nothing
 * else of it. All promises reject with a sentence when the world itself fails, which ends the run.
 */
export interface World {
  readonly nodes: readonly string[]
  /** Started with a token, which lets an empty folder in as a new member; missing: none is. */
  readonly joined?: ReadonlySet<string>
  /** Nodes that are gone for good, by a fault that no node has to survive. Nobody waits for them; they stay in `nodes`. */
  readonly out: ReadonlySet<string>
  /** So many nodes may be gone, whichever they are, and every partition still has a majority. */
  readonly tolerates: number
  /** For the report: of the server, of the machine. */
  readonly versions: Readonly<Record<string, string>>
  /** Why this world cannot do such a thing, or undefined when it can. */
  lacks(need: Need): Lack | undefined
  /** Every node is up and serves. */
  start(): Promise<void>
  /** Ends everything that `start` began. May be called twice. */
  stop(): Promise<void>
  /** Where the harness's clients reach a node. */
  clientAddress(node: string): ClientAddress
  /** The process is gone, without a chance to tidy up. */
  kill(node: string): Promise<void>
  /** The process is asked to stop politely, and is gone when this settles. */
  terminate(node: string): Promise<void>
  /**
   * Starts a node that is down, unless it is out; settles when it has been started, not when it
   * serves. `points`: FLOTILLA_FAULTS of this life, for servers that know them.
   */
  restart(node: string, points?: string): Promise<void>
  pause(node: string): Promise<void>
  resume(node: string): Promise<void>
  /** The node's event loop does nothing for `ms`, while its sockets stay open. */
  stall(node: string, ms: number): Promise<void>
  /** How the node's last life ended, when nobody here ended it: exit code or signal, and its last words. */
  endOf(node: string): NodeEnd | undefined
  /**
   * From now on the node may end by itself, if its words match; undefined: no longer. Everything else
   * stays a finding. `out`: a node that ends so is out.
   */
  allowEnd(node: string, words: RegExp | undefined, then?: 'restart' | 'out'): void
  /** The node is out from now on. */
  giveUp(node: string): Promise<void>
  /** What happens when a server is started with another identity, while `node` is down. Nothing of it stays. */
  tryImpostor(node: string, kind: Impostor): Promise<ImpostorEnd>
  disk(node: string): NodeDisk | undefined
  clock(node: string): NodeClock | undefined
  /** Undefined: this world cannot touch that link. */
  link(from: string, to: string): Link | undefined
  clientLink(node: string): Link | undefined
  /** Whether the node answers at all; it may still be catching up, or cut off. */
  isAlive(node: string): Promise<boolean>
  /** Whether the node says that it serves. */
  isReady(node: string): Promise<boolean>
  roles(): Promise<Roles>
  /** The group of a topic, as `roles` calls it; undefined: nobody can tell. */
  locate(topic: string): Promise<string | undefined>
  /** Facts for the history: `cluster-state`, `ring`, `digest`, `log`. What cannot be reached is left out. */
  observe(final: boolean): Promise<OpDraft[]>
  /** Missing: the members of this world cannot be changed. */
  readonly administrator?: Administrator
}

/** What a nemesis cannot do without. */
export type Need = 'processes' | 'pauses' | 'links' | 'disk' | 'clock' | 'members'

export interface Lack {
  readonly why: string
  /** `tool`: another machine would have it, so the fault is skipped and the verdict says so. `world`: never here. */
  readonly kind: 'tool' | 'world'
}

export interface NodeEnd {
  readonly how: string
  readonly words: string
}

/** `data`: with another node's folder. `name`: under a name that nobody has. `secret`: with the file of another cluster. */
export const impostors = ['data', 'name', 'secret'] as const
export type Impostor = (typeof impostors)[number]

export interface ImpostorEnd {
  /** It did not serve, and ended by itself. */
  readonly refused: boolean
  /** It said that it serves; neither: it was still waiting for something at the deadline. */
  readonly served?: boolean
  readonly words: string
}

/** What a disk can be told to do to the calls of its node; all at once if wanted. */
export interface DiskOrders {
  /** Writes fail with ENOSPC. */
  readonly noSpace?: boolean
  /** The n-th write, or sync, from now fails with EIO, once. */
  readonly failWriteIn?: number
  readonly failSyncIn?: number
  readonly syncDelayMs?: number
  /** Syncs do not return while this is in force. */
  readonly hangSync?: boolean
}

/** Since the cluster was started. */
export interface DiskCounts {
  readonly writes: number
  readonly syncs: number
  readonly failedWrites: number
  readonly failedSyncs: number
  readonly slowedSyncs: number
  readonly hungSyncs: number
  /** Mean time of the syncs so far, ms; undefined before the first. */
  readonly syncMs: number | undefined
}

/** The disk of one node. Everything but orders and counts needs the node to be down. */
export interface NodeDisk {
  /** What is not ordered ends. */
  order(orders: DiskOrders): void
  readonly counts: DiskCounts
  /** Takes away what was never synced. `torn`: leaves a random part of it, with garbage at its end. Tells what it took. */
  losePower(random: Random, torn: boolean): Promise<LostWrites>
  /** Spoils one of the node's files; tells which and how. */
  damage(random: Random, kind: DamageKind): Promise<string>
  wipe(): Promise<void>
  /** A copy of everything, and back to it. */
  copy(): Promise<void>
  restoreCopy(): Promise<void>
}

export type DamageKind = 'flip' | 'zero' | 'truncate'

export interface LostWrites {
  readonly files: number
  readonly bytes: number
}

export interface NodeClock {
  /** Seconds to add to the true time, and how fast it runs. The monotonic clock stays true. */
  set(offset: number, rate?: number): void
  /** True again. A clock that is far ahead stays there: to step back is a fault of its own, which a node waits out. */
  heal(): void
}

/**
 * Changes of who belongs to the cluster, as an administrator makes them. A change that was accepted
 * goes on by itself; `settled` tells when it is through. A refusal, or no answer in time, rejects
 * with ChangeRefused: the world is well, the cluster would not.
 */
export interface Administrator {
  /**
   * A new node, started and asked to join; its name is in `World.nodes` from then on. `as`: under the
   * name and at the place of one that was removed, with an empty disk.
   */
  join(as?: string): Promise<string>
  /** A node that was removed is started again as it was, with the disk that it had; it is gone again when this settles. */
  comeBack(node: string): Promise<ImpostorEnd>
  /** The node gives up its partitions and keeps none; it stays a member. */
  drain(node: string): Promise<void>
  /** The node takes partitions again. */
  activate(node: string): Promise<void>
  /** A member no longer, nor in `World.nodes`; fine when it is none already. Its process is gone when this settles. */
  remove(node: string, options: { readonly dead: boolean }): Promise<void>
  /** Whether every partition is where the table wants it. */
  settled(): Promise<boolean>
}

/** The cluster did not take a change of members. */
export class ChangeRefused extends Error {
  override readonly name = 'ChangeRefused'
}

/** One directed link, whose faults can be changed at any time. */
export interface Link {
  setFault(fault: LinkFault, direction?: Direction): void
  heal(): void
  /** Grows with everything that the present fault does: bytes swallowed, connections reset, ... */
  readonly effects: number
  readonly openConnections: number
  /** The same in detail. */
  readonly stats: Readonly<LinkStats>
}

/** Who holds what, as far as the nodes tell. */
export interface Roles {
  readonly metaLeader: string | undefined
  /** The highest term of the meta group that any node told; rises with every election. */
  readonly metaTerm: number
  /** Node → number of partitions that it leads. */
  readonly led: ReadonlyMap<string, number>
  /** `meta`, `p1`, `p2`, ... as far as any node told of them. */
  readonly groups: ReadonlyMap<string, GroupRoles>
}

export interface GroupRoles {
  /** Undefined: nobody says that it leads. Of two, the one of the later term. */
  readonly leader: string | undefined
  /** Names; none while they are being changed. */
  readonly voters: readonly string[]
}

/** The fewest nodes that are more than half. */
export function majorityOf(nodes: number): number {
  return Math.floor(nodes / 2) + 1
}
