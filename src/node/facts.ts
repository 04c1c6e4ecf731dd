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
  /** The members, what the table gives each, and what each has by now. */
  nodes(): Promise<NodesReport>
  /** Of what every group's rows are now, each at an applied index of its own; takes a look at all of them. */
  digest(): Promise<DigestReport>
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
  /** Of the data: what this node can read, and what all nodes write (docs/operating/upgrading.md). */
  readonly format: { readonly reads: number; readonly cluster: number }
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
  /** Node indexes; in a joint phase those of the new half. */
  readonly voters: readonly number[]
  readonly learners: readonly number[]
  /** Two sets of voters decide together: the members are being changed. */
  readonly joint: boolean
  /** It does not vote until it is refilled: this node lost records of it, or had given it up. */
  readonly muted: boolean
  /** Grows with every replica that this process opens: a group that left and came back has a larger one. */
  readonly opened: number
}

export interface DigestReport {
  /** Without groups that are being opened, closed or replaced. */
  readonly groups: readonly GroupDigest[]
}

export interface GroupDigest {
  readonly group: number
  readonly applied: number
  /** The same on every replica that has applied as much (I17). */
  readonly digest: string
}

export interface NodesReport {
  readonly tableVersion: number
  /** Partitions that are not yet where the table wants them, as far as this node has been told. */
  readonly moving: number
  /** Those that are not removed. */
  readonly nodes: readonly MemberProgress[]
}

export interface MemberProgress {
  readonly index: number
  readonly name: string
  readonly peer: string
  readonly client: string
  readonly zone: string
  /** `joining`, `active` or `draining`. */
  readonly state: string
  /** Linked to the node that was asked. */
  readonly up: boolean
  /** Partitions that the table gives it, and of those the ones it should lead. */
  readonly wished: PartitionCounts
  /** Partitions that count on it, and those that it leads. */
  readonly actual: PartitionCounts
  /** Partitions that it copies and that do not count on it yet. */
  readonly catchingUp: number
}

export interface PartitionCounts {
  readonly replicas: number
  readonly leads: number
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
