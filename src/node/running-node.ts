import type { Logger, Metrics } from '../ports.ts'
import type { Administration } from './administration.ts'
import type { NodeConfig } from './config.ts'
import type { NodeFacts } from './facts.ts'
import type { ClusterKeys } from './secrets.ts'
import type { System } from './system.ts'

/** What a node takes of the process it runs in. Five of them may live in one process. */
export interface NodeDeps extends System {
  readonly logger: Logger
  readonly metrics: Metrics
  readonly keys: ClusterKeys
  /** Of the package, for `hi` and /v1/status. */
  readonly version: string
  /** The node's state is in doubt, or its disk failed: the process must end (P11). */
  fatal(error: unknown): void
}

export interface RunningNode {
  readonly facts: NodeFacts
  readonly administration: Administration
  /** Hands over and tells clients to move. A second call waits for the first. */
  drain(): Promise<void>
  /** Closes everything, drained or not. May be called twice. */
  close(): Promise<void>
}

/** Opens the stores, joins the group, links to the peers and listens to clients. Rejects when it cannot. */
export type StartNode = (config: NodeConfig, deps: NodeDeps) => Promise<RunningNode>
