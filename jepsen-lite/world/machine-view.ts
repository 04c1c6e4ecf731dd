import type { OpDraft } from '../op.ts'
import type { DiskCounts } from './world.ts'

const deadlineMs = 1_000
/** A scrape costs a node some ms, so not every look is one. */
const everyMs = 2_000

/**
 * How a node's machine does, for the report: its clock against ours (to a second, as HTTP tells
 * it), the lag of its event loop, and the time of its syncs since the last look.
 */
export class MachineView {
  readonly #url: string
  #syncs = 0
  #syncMsTotal = 0
  #lastAt = -Infinity

  constructor(admin: string) {
    this.#url = `http://${admin}/metrics`
  }

  async fact(node: string, disk: DiskCounts | undefined): Promise<OpDraft[]> {
    if (performance.now() - this.#lastAt < everyMs) return []
    this.#lastAt = performance.now()
    const asked = Date.now()
    const response = await fetch(this.#url, { signal: AbortSignal.timeout(deadlineMs) }).catch(
      () => undefined,
    )
    const text = await response?.text().catch(() => undefined)
    if (!response?.ok || text === undefined) return []
    const told = Date.parse(response.headers.get('date') ?? '')
    // The header's second has begun, and the answer came between asking and now.
    const offset = (told + 500 - (asked + Date.now()) / 2) / 1000
    const loop = /^\w*eventloop_lag_p99_seconds(?:\{[^}]*\})? (\S+)/m.exec(text)?.[1]
    const value = {
      ...(Number.isFinite(offset) && { clockSeconds: Math.round(offset * 10) / 10 }),
      ...(loop !== undefined && { loopMs: Number(loop) * 1000 }),
      ...this.#sinceLast(disk),
    }
    return [{ process: 'observer', type: 'ok', f: 'machine', node, value }]
  }

  #sinceLast(disk: DiskCounts | undefined): { syncMs?: number } {
    if (disk?.syncMs === undefined) return {}
    const [syncs, total] = [disk.syncs, disk.syncMs * disk.syncs]
    const [more, ms] = [syncs - this.#syncs, total - this.#syncMsTotal]
    this.#syncs = syncs
    this.#syncMsTotal = total
    return more > 0 && ms >= 0 ? { syncMs: ms / more } : {}
  }
}
