/**
 * What a running node tells about itself. The node implements this; the admin endpoints and, through
 * them, the command line read it. Names and shapes are stable: scripts parse the JSON.
 */
export interface NodeFacts {
  ready(): Readiness
  status(): NodeStatus
  ring(): RingReport
  /** Who holds a topic. `topic` is any name or id; whether such a topic exists is not looked up. */
  locate(topic: string): LocateReport
  /** Hands over leadership and takes no new work. Settles when that is done; a second call waits for the first. */
  drain(): Promise<void>
}

export interface Readiness {
  readonly ready: boolean
  /** Why not: `not a member yet`, `group 12 is behind`, `no link to n2`, `draining`. Empty when ready. */
  readonly reasons: readonly string[]
}

export interface NodeStatus {
  readonly node: {
    readonly index: number
    readonly name: string
    readonly bootId: string
    readonly version: string
    readonly uptimeS: number
  }
  readonly cluster: { readonly id: string; readonly name: string }
  readonly members: readonly MemberReport[]
  readonly groups: readonly GroupReport[]
  /** Client connections on this node. */
  readonly sessions: number
  /** Topics loaded on this node as owner or proxy. */
  readonly topics: number
}

export interface MemberReport {
  readonly index: number
  readonly name: string
  readonly peer: string
  readonly client: string
  /** `voter`, `learner`, `draining` or `gone`. */
  readonly state: string
  /** Linked to this node now; a node is linked to itself. */
  readonly up: boolean
  /** Of its present life, when known. */
  readonly bootId: string | null
  readonly rttMs: number | null
}

export interface GroupReport {
  readonly group: number
  readonly role: string
  readonly term: number
  /** Node index of the leader; 0 or null: not known. */
  readonly lead: number | null
  readonly commit: number
  readonly applied: number
  readonly last: number
  readonly voters: readonly number[]
}

export interface RingReport {
  readonly version: number
  /** The same on every node that has this version of the table. */
  readonly hash: string
  readonly partitions: readonly PartitionReport[]
}

export interface PartitionReport {
  readonly partition: number
  /** Node names, in order of preference. */
  readonly replicas: readonly string[]
  readonly wished: string
  /** Who leads as far as this node knows; null: nobody that it knows of. */
  readonly actual: string | null
  readonly term: number
}

export interface LocateReport extends PartitionReport {
  readonly topic: string
}
