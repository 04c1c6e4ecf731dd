import { HistoryWriter } from '../../jepsen-lite/history.ts'
import type { OpDraft } from '../../jepsen-lite/op.ts'
import type { Op } from '../../jepsen-lite/op.ts'
import { Prng } from '../../jepsen-lite/prng.ts'

const nodes = ['n1', 'n2', 'n3', 'n4', 'n5']
const faults = [
  { name: 'kill', from: 8, to: 12, node: 0, outage: 0.25 },
  { name: 'partition', from: 18, to: 26, node: 1, outage: 1.1 },
  { name: 'pause', from: 32, to: 35, node: 2, outage: 0.9 },
  { name: 'kill', from: 40, to: 43, node: 3, outage: 0.3 },
  { name: 'slow-link', from: 46, to: 53, node: 4, outage: 0 },
]

/** A run of a minute as a real one would look, with planted losses when `bad`: for the report's tests. */
export function syntheticRun(seed: number, bad: boolean, rate = 700): Op[] {
  const prng = new Prng(seed)
  const events: { time: number; line: OpDraft }[] = []
  const at = (seconds: number, line: OpDraft): void =>
    void events.push({ time: seconds * 1e9, line })
  const logs = new Map<string, { id: string; lost: boolean }[]>()
  for (let t = 0; t < 60; t += prng.exponential(1 / rate)) addPublish(prng, logs, t, bad, at)
  for (const fault of faults) addFault(fault, at)
  for (let t = 0; t < 61; t += 0.5) addStates(t, at)
  for (const [topic, log] of logs) addFinalReads(topic, log, at)
  let now = 0n
  const writer = new HistoryWriter({ now: () => now })
  for (const { time, line } of events.sort((a, b) => a.time - b.time)) {
    now = BigInt(Math.round(time))
    writer.record(line)
  }
  return writer.ops
}

type At = (seconds: number, line: OpDraft) => void
type Logs = Map<string, { id: string; lost: boolean }[]>

let count = 0

function addPublish(prng: Prng, logs: Logs, t: number, bad: boolean, at: At): void {
  const topic = `grp${1 + prng.below(4)}`
  const node = prng.pick(nodes)
  const sender = `w${count % 40}`
  const value = { id: `${sender}.${count}`, sender, n: count }
  const process = `c${count++}`
  const base = { process, f: 'publish', key: topic, node, value } as const
  const hit = faults.find(
    (fault) => fault.outage > 0 && t >= fault.from && t < fault.from + fault.outage,
  )
  const slow = faults.some((fault) => fault.name === 'slow-link' && t >= fault.from && t < fault.to)
  const latency =
    0.0006 +
    prng.exponential(0.0009) +
    (prng.chance(0.004) ? prng.exponential(0.03) : 0) +
    (slow && prng.chance(0.3) ? prng.between(0.04, 0.09) : 0)
  at(t, { ...base, type: 'invoke' })
  if (hit && prng.chance(0.2)) return at(t + 1.5, { ...base, type: 'info', error: 'timeout' })
  const until = hit ? hit.from + hit.outage + prng.exponential(0.02) : t + latency
  const end = Math.max(until, t + latency)
  if (prng.chance(0.003)) return at(end, { ...base, type: 'fail', error: '429 slow down' })
  const log = logs.get(topic) ?? []
  logs.set(topic, log)
  const lost = bad && t > 18.2 && t < 18.6
  const seq = log.push({ id: value.id, lost })
  at(end, { ...base, type: 'ok', value: { ...value, seq } })
}

function addFault({ name, from, to, node }: (typeof faults)[number], at: At): void {
  const base = { process: 'nemesis', type: 'info', key: name } as const
  const target = nodes[node] ?? '?'
  at(from, { ...base, f: 'start', value: { targets: [target], scope: 'minority' } })
  if (name !== 'slow-link') at(from + 0.4, { ...base, f: 'effect', value: { what: 'owner moved' } })
  at(to, { ...base, f: 'stop' })
}

function addStates(t: number, at: At): void {
  for (const [i, node] of nodes.entries()) {
    const own = faults.find((fault) => fault.node === i && t >= fault.from && t < fault.to)
    if (own && own.name !== 'slow-link' && own.name !== 'partition') continue
    const groups = Array.from({ length: 12 }, (_, g) => {
      const reigns = faults.filter((fault) => fault.outage > 0 && fault.from + fault.outage <= t)
      const moved = reigns.filter(
        (fault) => (g + faults.indexOf(fault)) % 3 === 0 || fault.node === g % 5,
      )
      const leader = (g + moved.length * 2) % 5
      return {
        group: `p${g}`,
        term: 1 + moved.length,
        role: leader === i ? 'leader' : 'follower',
        commit: Math.floor(t * 50),
        applied: Math.floor(t * 50),
      }
    })
    at(t + i * 0.002, {
      process: 'observer',
      type: 'ok',
      f: 'cluster-state',
      node,
      value: { groups },
    })
  }
}

function addFinalReads(topic: string, log: { id: string; lost: boolean }[], at: At): void {
  const rows = log.map(({ id, lost }, i) => ({ seq: i + 1, id, lost })).filter((row) => !row.lost)
  const value = rows.map(({ seq, id }) => ({ seq, id }))
  for (const [i, node] of nodes.entries()) {
    const base = { process: `final-${topic}-${node}`, f: 'read-all', key: topic, node } as const
    at(62 + i * 0.01, { ...base, type: 'invoke' })
    at(62.005 + i * 0.01, { ...base, type: 'ok', value })
  }
}
