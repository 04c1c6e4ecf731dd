import type { GroupHost, GroupStatus } from '../group/group-host.ts'
import { metaGroup } from '../ids/group-id.ts'
import type { GroupId } from '../ids/group-id.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import { partitionOf } from '../ids/routing-key.ts'
import { parseTopicName } from '../ids/topic-name.ts'
import type { MetaGroup } from '../meta/meta-group.ts'
import { liveMembers } from '../meta/meta-state.ts'
import type { Peers } from '../peer/peers.ts'
import type { Cancel, Clock, Timers } from '../ports.ts'
import { tableHash } from '../ring/table.ts'
import { dataFormat } from '../wire/versions.ts'
import type { Hub } from '../topic/hub.ts'
import type {
  GroupReport,
  DigestReport,
  LocateReport,
  NodeFacts,
  NodesReport,
  NodeStatus,
  PartitionReport,
  Readiness,
  RingReport,
} from './facts.ts'
import type { Identity } from './identity.ts'
import { nodesReport } from './nodes-report.ts'
import type { LedBy } from './nodes-report.ts'

/** Entries that a group may lag behind its leader and still count as caught up. */
const maxLagEntries = 1_000

/** A group without a leader for less than this is electing, which is no reason to send clients away, ms. */
const leaderlessMs = 2_000
/** How often groups are looked at, ms. */
const lookEveryMs = 250

/** What the facts are read from. */
export interface FactSources {
  readonly identity: Identity
  readonly clusterName: string
  readonly version: string
  readonly clock: Clock
  readonly timers: Timers
  readonly startedAt: number
  readonly peers: Peers
  readonly groups: GroupHost
  readonly meta: MetaGroup
  readonly hub: Hub
  sessions(): number
  bootIdOf(node: NodeIndex): number | undefined
  isDraining(): boolean
  /** No id can be minted until the clock has caught up. */
  isClockBehind(): boolean
  digest(): Promise<DigestReport>
  /** What nodes said lately of the groups that they lead. */
  reports(): LedBy
  drain(): Promise<void>
}

/** What a node tells about itself, read from its rooms when asked. */
export class Facts implements NodeFacts {
  readonly #of: FactSources
  readonly #looking: Cancel
  /** Since when a group has had no leader that this node knows of. */
  readonly #leaderless = new Map<GroupId, number>()
  /** All groups had a leader at some time since the start. */
  #settled = false

  constructor(sources: FactSources) {
    this.#of = sources
    this.#looking = sources.timers.every(lookEveryMs, () => this.#look())
  }

  close(): void {
    this.#looking()
  }

  ready(): Readiness {
    const { meta, groups, peers, identity } = this.#of
    const reasons: string[] = []
    if (this.#of.isDraining()) reasons.push('draining')
    if (this.#of.isClockBehind()) {
      reasons.push(
        'the clock of this machine was set back: no ids can be minted until it has caught up',
      )
    }
    const state = meta.state()
    const member = state?.members.find((it) => it.index === identity.index)
    if (member === undefined || member.state === 'removed') reasons.push('not a member')
    // Until the cluster knows this disk, nobody would notice that it was emptied.
    else if (member.incarnation !== identity.incarnation) {
      reasons.push('the cluster has not taken the announcement of this node yet')
    }
    if (!this.#settled) this.#look()
    const now = this.#of.clock.monotonic()
    const leaderless = [...this.#leaderless.values()].filter(
      (since) => !this.#settled || now - since > leaderlessMs,
    )
    if (leaderless.length > 0) {
      reasons.push(`${leaderless.length} groups have no leader that this node knows of`)
    }
    const behind = groups.statuses().filter((it) => it.applied + maxLagEntries < it.commit)
    if (behind.length > 0) reasons.push(`${behind.length} groups are catching up`)
    const others = (state === null ? [] : liveMembers(state)).filter(
      (it) => it.index !== identity.index,
    )
    const linked = others.filter((it) => peers.isUp(it.index)).length + 1
    if (linked * 2 <= others.length + 1) {
      reasons.push(`linked to ${linked - 1} of ${others.length} other nodes: a minority`)
    }
    return { ready: reasons.length === 0, reasons }
  }

  status(): NodeStatus {
    const { identity, clock, startedAt, meta, groups, peers } = this.#of
    const state = meta.state()
    const voters = new Set(groups.statuses().find((it) => it.group === metaGroup)?.voters ?? [])
    return {
      node: {
        index: identity.index,
        name: identity.name,
        bootId: String(identity.bootId),
        version: this.#of.version,
        uptimeS: Math.floor((clock.monotonic() - startedAt) / 1000),
      },
      cluster: { id: identity.clusterId, name: this.#of.clusterName },
      format: { reads: dataFormat, cluster: state?.formatVersion ?? dataFormat },
      members: (state?.members ?? []).map((member) => ({
        index: member.index,
        name: member.name,
        peer: member.address,
        client: member.clientAddress,
        state:
          member.state === 'removed'
            ? 'gone'
            : member.state === 'draining'
              ? 'draining'
              : voters.has(member.index)
                ? 'voter'
                : 'learner',
        up: peers.isUp(member.index),
        bootId: textOrNull(
          member.index === identity.index ? identity.bootId : this.#of.bootIdOf(member.index),
        ),
        rttMs: peers.rtt(member.index) ?? null,
      })),
      groups: groups.statuses().map(groupReport),
      sessions: this.#of.sessions(),
      topics: this.#of.hub.topics,
    }
  }

  ring(): RingReport {
    const table = this.#of.meta.state()?.table
    if (table === undefined) return { version: 0, hash: '', partitions: [] }
    return {
      version: table.version,
      hash: tableHash(table),
      partitions: table.partitions.map((_, at) => this.#partition(at + 1)),
    }
  }

  locate(topic: string): LocateReport {
    const count = this.#of.meta.state()?.partitions ?? 1
    const name = parseTopicName(topic) ?? topic
    return { topic, ...this.#partition(partitionOf(name, count)) }
  }

  async nodes(): Promise<NodesReport> {
    const { meta, peers } = this.#of
    const state = meta.state()
    if (state === null) return { tableVersion: 0, moving: 0, nodes: [] }
    return nodesReport(state, this.#of.reports(), (node) => peers.isUp(node))
  }

  digest(): Promise<DigestReport> {
    return this.#of.digest()
  }

  drain(): Promise<void> {
    return this.#of.drain()
  }

  #look(): void {
    const now = this.#of.clock.monotonic()
    const statuses = this.#of.groups.statuses()
    const here = new Set(statuses.map(({ group }) => group))
    // A partition that has moved away is somebody else's concern.
    for (const group of this.#leaderless.keys())
      if (!here.has(group)) this.#leaderless.delete(group)
    for (const { group, lead } of statuses) {
      if (lead !== 0) this.#leaderless.delete(group)
      else if (!this.#leaderless.has(group)) this.#leaderless.set(group, now)
    }
    if (this.#leaderless.size === 0 && statuses.length > 0) this.#settled = true
  }

  #partition(partition: number): PartitionReport {
    const { meta, hub } = this.#of
    const replicas = (meta.state()?.table.partitions[partition - 1]?.replicas ?? []).map((node) =>
      this.#name(node),
    )
    const owner = hub.ownerOf(partition)
    return {
      partition,
      replicas,
      wished: replicas[0] ?? '',
      actual: owner === 0 ? null : this.#name(owner),
      term: hub.termOf(partition),
    }
  }

  #name(node: NodeIndex): string {
    return this.#of.meta.state()?.members.find((it) => it.index === node)?.name ?? String(node)
  }
}

function groupReport(status: GroupStatus): GroupReport {
  const { group, role, term, lead, commit, applied, last, voters, config, isMuted, opened } = status
  const { learners, outgoing } = config
  const joint = outgoing.length > 0
  return {
    group,
    role,
    term,
    lead,
    commit,
    applied,
    last,
    voters,
    learners,
    joint,
    muted: isMuted,
    opened,
  }
}

function textOrNull(bootId: number | undefined): string | null {
  return bootId === undefined ? null : String(bootId)
}
