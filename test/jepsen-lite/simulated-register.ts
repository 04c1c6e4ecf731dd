import type { OpDraft } from '../../jepsen-lite/op.ts'
import { Prng } from '../../jepsen-lite/prng.ts'

export interface RegisterRun {
  readonly clients: number
  readonly operations: number
  readonly keys: number
  /** How many different values are written; 0: every value is new. */
  readonly values: number
  readonly unknown: number
  readonly seed: number
}

interface Running {
  readonly line: OpDraft
  applied: OpDraft | undefined
}

/** A legal execution: each operation takes effect at one random moment while it is open. */
export function registerRun({
  clients,
  operations,
  keys,
  values,
  unknown,
  seed,
}: RegisterRun): OpDraft[] {
  const prng = new Prng(seed)
  const state = new Map<string, unknown>()
  const open = new Map<number, Running>()
  const lives = new Map<number, number>()
  const lines: OpDraft[] = []
  let started = 0
  let fresh = 0
  const value = (): number => (values === 0 ? ++fresh : 1 + prng.below(values))
  while (started < operations || open.size > 0) {
    const client = prng.below(clients)
    const running = open.get(client)
    if (!running) {
      if (started >= operations) continue
      started++
      const key = `k${prng.below(keys)}`
      const f = prng.pick(['read', 'write', 'cas'])
      const old = state.get(key) ?? null
      const args = f === 'cas' ? { value: [old, value()] } : f === 'write' ? { value: value() } : {}
      const line: OpDraft = {
        process: `${client}/${lives.get(client) ?? 0}`,
        type: 'invoke',
        f,
        key,
        ...args,
      }
      lines.push(line)
      open.set(client, { line, applied: undefined })
    } else if (!running.applied) {
      running.applied = applied(running.line, state)
      if (prng.chance(unknown)) complete(client, { ...running.line, type: 'info' })
    } else complete(client, running.applied)
  }
  function complete(client: number, line: OpDraft): void {
    lines.push(line)
    open.delete(client)
    if (line.type === 'info') lives.set(client, (lives.get(client) ?? 0) + 1)
  }
  return lines
}

function applied(line: OpDraft, state: Map<string, unknown>): OpDraft {
  const key = line.key ?? ''
  const now = state.get(key) ?? null
  if (line.f === 'read') return { ...line, type: 'ok', value: now }
  if (line.f === 'write') {
    state.set(key, line.value)
    return { ...line, type: 'ok' }
  }
  const [from, to] = line.value as [unknown, unknown]
  if (from !== now) return { ...line, type: 'fail' }
  state.set(key, to)
  return { ...line, type: 'ok' }
}
