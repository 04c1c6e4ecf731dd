import { join } from 'node:path'
import type { BenchSession } from './bench-session.ts'
import { ownCluster } from './bench-target.ts'
import type { BenchTarget } from './bench-target.ts'
import { BenchUsers } from './bench-users.ts'
import { diskUseMib } from './disk-use.ts'
import { Latencies, rounded } from './latencies.ts'
import { numberOf, payload } from './payload.ts'

export interface RetainSettings {
  readonly messages: number
  /** Messages that a topic keeps. */
  readonly keep: number
  readonly topics: number
  readonly inflight: number
  readonly size: number
  /** Messages between two looks at the disks. */
  readonly every: number
  /** Calm at the end, in which the rest is removed, s. */
  readonly restS: number
}

export interface RetainRow {
  readonly messages: number
  readonly acksPerS: number | null
  readonly p99Ms: number | null
  /** MiB, by node. */
  readonly log: readonly (number | null)[]
  readonly data: readonly (number | null)[]
}

export interface RetainResult {
  readonly rows: readonly RetainRow[]
  /** Rough size of what is kept, MiB, on each node. */
  readonly liveMib: number | null
  /** Kept messages that were not there, or not where their acknowledgement said. */
  readonly missing: number
  /** Messages that are still there and should have been trimmed: at most a step for each topic. */
  readonly excess: number
  readonly errors: number
  readonly clean: boolean
}

const trimStep = 256

/** Very many messages in topics that keep few: what the disks hold must follow what is kept. */
export async function benchRetain(
  target: BenchTarget,
  settings: RetainSettings,
  say: (line: string) => void,
): Promise<RetainResult> {
  const users = new BenchUsers(target.urls, 1_000)
  const sessions: BenchSession[] = []
  await users.connectMany(target.urls.length, (session, i) => void (sessions[i] = session))
  const topics: Kept[] = []
  for (let i = 0; i < settings.topics; i++) {
    const topic = new Kept(await users.newTopic(i), settings.keep)
    topics.push(topic)
    await Promise.all(sessions.map((session) => session.attach(topic.name)))
  }
  const folders = ownCluster(target).folder.nodes.map((node) => node.data)
  const rows: RetainRow[] = []
  let errors = 0
  let sent = 0
  let acked = 0
  let looked = { at: performance.now(), latencies: new Latencies() }
  const look = () => {
    const seconds = (performance.now() - looked.at) / 1_000
    const row = {
      messages: acked,
      acksPerS: rounded(looked.latencies.count / seconds, 0),
      p99Ms: rounded(looked.latencies.quantile(0.99), 1),
      log: folders.map((folder) => rounded(diskUseMib(join(folder, 'log')), 0)),
      data: folders.map((folder) => rounded(diskUseMib(join(folder, 'data')), 0)),
    }
    rows.push(row)
    say(
      `  ${row.messages} messages, ${row.acksPerS}/s, p99 ${row.p99Ms} ms: log ${row.log.join(' ')} MiB, data ${row.data.join(' ')} MiB`,
    )
    looked = { at: performance.now(), latencies: new Latencies() }
  }
  look()
  const worker = async (w: number) => {
    const session = sessions[w % sessions.length]!
    const topic = topics[w % topics.length]!
    while (sent < settings.messages) {
      const n = sent++
      const began = performance.now()
      try {
        topic.took(await session.publish(topic.name, payload(n, settings.size)), n)
        looked.latencies.add(performance.now() - began)
        if (++acked % settings.every === 0) look()
      } catch {
        errors++ // counted, and told at the end
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    }
  }
  await Promise.all(Array.from({ length: settings.inflight }, (_, w) => worker(w)))
  await new Promise((resolve) => setTimeout(resolve, settings.restS * 1_000))
  look()
  for (const session of sessions) session.close()
  say('  reading history…')
  const found = { missing: 0, excess: 0 }
  for (const [i, topic] of topics.entries()) {
    const { missing, excess } = await topic.check(users, i)
    found.missing += missing
    found.excess += excess
  }
  const rowBytes = settings.size + 60
  return {
    rows,
    liveMib: rounded((settings.topics * settings.keep * rowBytes) / 1024 / 1024, 0),
    ...found,
    errors,
    clean: found.missing === 0 && found.excess <= settings.topics * trimStep && errors === 0,
  }
}

/** The newest messages of a topic, as acknowledged. */
class Kept {
  readonly name: string
  readonly #keep: number
  /** Number of the message at seq, at seq modulo what is kept. */
  readonly #numbers: Int32Array
  #last = 0

  constructor(name: string, keep: number) {
    this.name = name
    this.#keep = keep
    this.#numbers = new Int32Array(keep).fill(-1)
  }

  took(seq: number, n: number): void {
    if (seq > this.#last - this.#keep) this.#numbers[seq % this.#keep] = n
    if (seq > this.#last) this.#last = seq
  }

  async check(users: BenchUsers, node: number): Promise<{ missing: number; excess: number }> {
    const first = Math.max(1, this.#last - this.#keep + 1)
    const found = new Set<number>()
    let excess = 0
    await users.history(node, this.name, Math.max(1, first - 4 * trimStep), (seq, content) => {
      if (seq < first) excess++
      else if (numberOf(content) === this.#numbers[seq % this.#keep]) found.add(seq)
    })
    return { missing: this.#last - first + 1 - found.size, excess }
  }
}
