import type { OpDraft } from '../op.ts'

/** What a node tells on its admin address; only the fields that are read here. */
export interface Status {
  readonly node: {
    readonly index: number
    readonly name: string
    readonly bootId: string
    readonly version: string
  }
  readonly groups: readonly {
    readonly group: number
    readonly role: string
    readonly term: number
    readonly commit: number
    readonly applied: number
    readonly voters: readonly number[]
    readonly learners: readonly number[]
    readonly joint: boolean
    /** Missing: the server does not tell which of its replicas of the group this is. */
    readonly opened?: number
  }[]
  readonly members: readonly { readonly index: number; readonly name: string }[]
}

interface RingReport {
  readonly version: number
  readonly hash: string
  readonly partitions: readonly {
    readonly partition: number
    readonly replicas: readonly string[]
  }[]
}

interface DigestReport {
  readonly groups: readonly {
    readonly group: number
    readonly applied: number
    readonly digest: string
  }[]
}

/** A digest takes a look at all data of a node. ms */
const digestDeadlineMs = 30_000

/** The admin endpoints of one node, read only. Whatever does not answer in time is undefined. */
export class AdminView {
  readonly #base: string
  readonly #deadlineMs: number

  constructor(address: string, deadlineMs: number) {
    this.#base = `http://${address}`
    this.#deadlineMs = deadlineMs
  }

  async isAlive(): Promise<boolean> {
    return (await this.#get('/healthz'))?.ok === true
  }

  async isReady(): Promise<boolean> {
    return (await this.#get('/readyz'))?.ok === true
  }

  async status(): Promise<Status | undefined> {
    return this.#json<Status>('/v1/status')
  }

  async ring(): Promise<RingReport | undefined> {
    return this.#json<RingReport>('/v1/ring')
  }

  /** The group of a topic, as `groupName` calls it. */
  async locate(topic: string): Promise<string | undefined> {
    const path = `/v1/locate?topic=${encodeURIComponent(topic)}`
    const found = await this.#json<{ readonly partition: number }>(path)
    return found === undefined ? undefined : groupName(found.partition)
  }

  async digest(): Promise<DigestReport | undefined> {
    return this.#json<DigestReport>('/v1/digest', digestDeadlineMs)
  }

  async #json<T>(path: string, deadlineMs = this.#deadlineMs): Promise<T | undefined> {
    const response = await this.#get(path, deadlineMs)
    if (!response?.ok) return undefined
    // The body may break off when the node dies in the middle of it.
    return response.json().then(
      (body) => body as T,
      () => undefined,
    )
  }

  #get(path: string, deadlineMs = this.#deadlineMs): Promise<Response | undefined> {
    return fetch(this.#base + path, { signal: AbortSignal.timeout(deadlineMs) }).catch(
      () => undefined,
    )
  }
}

/** A node's digests as facts of the history. */
export function digestFacts(node: string, report: DigestReport | undefined): OpDraft[] {
  return (report?.groups ?? []).map(({ group, applied, digest }) => ({
    process: 'observer',
    type: 'ok',
    f: 'digest',
    node,
    key: groupName(group),
    value: { applied, digest },
  }))
}

/** Whether each group has one applied index in all reports that have it. */
export function agreeOnIndexes(reports: readonly (DigestReport | undefined)[]): boolean {
  const first = new Map<number, number>()
  for (const { group, applied } of reports.flatMap((report) => report?.groups ?? [])) {
    if ((first.get(group) ?? applied) !== applied) return false
    first.set(group, applied)
  }
  return true
}

/** Group 0 is meta. */
export function groupName(group: number): string {
  return group === 0 ? 'meta' : `p${group}`
}

/** A node's answers as facts of the history. Group 0 is meta. */
export function factsOf(
  node: string,
  status: Status | undefined,
  ring: RingReport | undefined,
  options: {
    readonly final: boolean
    readonly replicas: number
    readonly idle?: boolean
    /** Which life of its data the node is in. */
    readonly data?: number | string
  },
): OpDraft[] {
  const seen = { process: 'observer', type: 'ok', node } as const
  const facts: OpDraft[] = []
  if (status) {
    const nameOf = new Map(status.members.map(({ index, name }) => [index, name]))
    const names = (nodes: readonly number[]) => nodes.map((it) => nameOf.get(it) ?? String(it))
    const groups = status.groups.map(({ group, voters, learners, ...rest }) => ({
      group: groupName(group),
      role: rest.role,
      term: rest.term,
      commit: rest.commit,
      applied: rest.applied,
      voters: names(voters),
      learners: names(learners),
      joint: rest.joint,
      ...(rest.opened !== undefined && { opened: rest.opened }),
    }))
    const value = {
      boot: status.node.bootId,
      groups,
      ...(options.data !== undefined && { data: options.data }),
      ...(options.final && { final: true }),
    }
    facts.push({ ...seen, f: 'cluster-state', value })
  }
  if (ring) {
    const partitions = Object.fromEntries(
      ring.partitions.map(({ partition, replicas }) => [partition, replicas]),
    )
    const value = {
      applied: ring.version,
      hash: ring.hash,
      ...(options.final && { partitions, replicas: options.replicas, idle: options.idle ?? true }),
    }
    facts.push({ ...seen, f: 'ring', value })
  }
  return facts
}
