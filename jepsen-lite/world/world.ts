import type { ClientAddress } from '../client/connection.ts'
import type { LinkFault } from '../proxy/link-fault.ts'
import type { Direction } from '../proxy/link-proxy.ts'
import type { OpDraft } from '../op.ts'

/**
 * The cluster under test and everything that can be done to it. Nemeses and workloads know nothing
 * else of it. All promises reject with a sentence when the world itself fails, which ends the run.
 */
export interface World {
  readonly nodes: readonly string[]
  /** So many nodes may be gone, whichever they are, and every partition still has a majority. */
  readonly tolerates: number
  /** For the report: of the server, of the machine. */
  readonly versions: Readonly<Record<string, string>>
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
  /** Starts a node that is down; settles when it has been started, not when it serves. */
  restart(node: string): Promise<void>
  pause(node: string): Promise<void>
  resume(node: string): Promise<void>
  /** Undefined: this world cannot touch that link. */
  link(from: string, to: string): Link | undefined
  clientLink(node: string): Link | undefined
  /** Whether the node answers at all; it may still be catching up, or cut off. */
  isAlive(node: string): Promise<boolean>
  /** Whether the node says that it serves. */
  isReady(node: string): Promise<boolean>
  roles(): Promise<Roles>
  /** Facts for the history: `cluster-state`, `ring`, `digest`, `log`. What cannot be reached is left out. */
  observe(final: boolean): Promise<OpDraft[]>
}

/** One directed link, whose faults can be changed at any time. */
export interface Link {
  setFault(fault: LinkFault, direction?: Direction): void
  heal(): void
  /** Grows with everything that the present fault does: bytes swallowed, connections reset, ... */
  readonly effects: number
}

/** Who holds what, as far as the nodes tell. */
export interface Roles {
  readonly metaLeader: string | undefined
  /** Node → number of partitions that it leads. */
  readonly led: ReadonlyMap<string, number>
}

/** The fewest nodes that are more than half. */
export function majorityOf(nodes: number): number {
  return Math.floor(nodes / 2) + 1
}
