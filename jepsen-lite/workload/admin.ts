import { CouldNotRun } from '../could-not-run.ts'
import type { Outcome } from '../operations.ts'
import type { Prng } from '../prng.ts'
import { sleep } from '../sleep.ts'
import { ChangeRefused } from '../world/world.ts'
import type { Administrator } from '../world/world.ts'
import { preparePublish } from './publish.ts'
import type { Prepared, Workload, WorkloadContext } from './workload.ts'

/**
 * W10: members come and go and partitions move while W1 runs. Its promises must not notice. Each
 * change is followed by `settle`, which is ok as soon as every partition is where it belongs.
 */
export const admin: Workload = {
  name: 'admin',
  says: 'W10: nodes join, drain, come back and leave for good, beside publish and subscribe.',
  mustSucceed: ['publish', 'attach', 'read-all', 'join', 'drain', 'settle'],
  prepare,
}

/** The cluster may grow by so many. */
const maxExtra = 2
/** Fewest active members, so that every partition finds its replicas. */
const minActive = 3
const restMs = [500, 2_500] as const
/** The local world starts a program for each look. */
const pollMs = 1_000
const settleMs = 60_000

async function prepare(context: WorkloadContext): Promise<Prepared> {
  const { administrator } = context.world
  if (!administrator) throw new CouldNotRun('the members of this world cannot be changed')
  const chat = await preparePublish(context, false)
  const lane = new AdminLane(context, administrator)
  return {
    async run(until) {
      await Promise.all([chat.run(until), lane.run(until)])
    },
    async finish(deadlineMs) {
      const until = performance.now() + deadlineMs / 2
      await lane.rest(until)
      await chat.finish(Math.max(deadlineMs / 2, until - performance.now()))
    },
  }
}

type Change = 'join' | 'drain' | 'activate' | 'remove'

class AdminLane {
  readonly #context: WorkloadContext
  readonly #administrator: Administrator
  readonly #prng: Prng
  readonly #base: number
  readonly #drained = new Set<string>()
  /** Killed in order to be removed, which nobody has confirmed yet. */
  #dying: string | undefined
  readonly #script: Change[] = ['join', 'drain', 'activate', 'remove']
  #life = 0

  constructor(context: WorkloadContext, administrator: Administrator) {
    this.#context = context
    this.#administrator = administrator
    this.#prng = context.prng.split('admin')
    this.#base = context.world.nodes.length
  }

  async run(until: number): Promise<void> {
    while (performance.now() < until) {
      await sleep(this.#prng.between(...restMs), until)
      if (performance.now() >= until) return
      await this.#buryLost()
      await this.#change(this.#next())
      await this.#settle(Math.min(until, performance.now() + settleMs))
    }
  }

  /** Everybody is active again, and everything is where it belongs. */
  async rest(until: number): Promise<void> {
    while (this.#dying !== undefined && performance.now() < until) await this.#change('remove')
    while (this.#drained.size > 0 && performance.now() < until) await this.#change('activate')
    while (performance.now() < until) {
      await this.#buryLost()
      if (await this.#settle(Math.min(until, performance.now() + settleMs))) return
    }
  }

  /** Who is out for good is removed: what the table wants him to hold would never come to be. */
  async #buryLost(): Promise<void> {
    const { nodes, out } = this.#context.world
    for (const node of nodes.filter((it) => out.has(it))) {
      const asked = { node, dead: true }
      await this.#record('remove', asked, async () => {
        await this.#administrator.remove(node, asked)
        this.#drained.delete(node)
        return asked
      })
    }
  }

  /** Each kind once, as far as possible; then at random. */
  #next(): Change | undefined {
    const possible = this.#possible()
    const [due] = this.#script
    if (due === undefined || !possible.includes(due)) return this.#prng.pick(possible)
    return this.#script.shift()
  }

  #possible(): Change[] {
    if (this.#dying !== undefined) return ['remove']
    const { length } = this.#nodes
    const active = length - this.#drained.size
    return [
      ...(length < this.#base + maxExtra ? (['join'] as const) : []),
      ...(active > minActive ? (['drain'] as const) : []),
      ...(this.#drained.size > 0 ? (['activate'] as const) : []),
      ...(length > this.#base && active > minActive ? (['remove'] as const) : []),
    ]
  }

  get #nodes(): readonly string[] {
    const { nodes, out } = this.#context.world
    return nodes.filter((node) => !out.has(node))
  }

  async #change(change: Change | undefined): Promise<void> {
    if (change === undefined) return
    const drained = [...this.#drained]
    // A node that was drained can go without moving anything once more.
    const leaving = this.#dying ?? drained[0] ?? this.#prng.pick(this.#nodes)
    const node = change === 'activate' ? leaving : this.#prng.pick(this.#nodes)
    const dead = change === 'remove' && (this.#dying !== undefined || this.#prng.chance(0.3))
    const asked = change === 'remove' ? { node: leaving, dead } : { node }
    await this.#record(change, change === 'join' ? undefined : asked, async () => {
      if (change === 'join') return { node: await this.#administrator.join() }
      if (change === 'drain') await this.#administrator.drain(node)
      else if (change === 'activate') await this.#administrator.activate(node)
      else await this.#remove(leaving, dead)
      if (change === 'drain') this.#drained.add(node)
      else this.#drained.delete(change === 'remove' ? leaving : node)
      return asked
    })
  }

  async #remove(node: string, dead: boolean): Promise<void> {
    if (dead && this.#dying === undefined) {
      await this.#context.world.kill(node)
      this.#dying = node
    }
    await this.#administrator.remove(node, { dead })
    this.#dying = undefined
  }

  /** Whether everything came to rest in time. */
  async #settle(until: number): Promise<boolean> {
    const outcome = await this.#record('settle', undefined, async () => {
      while (!(await this.#administrator.settled())) {
        if (performance.now() > until) throw new ChangeRefused('partitions are still on their way')
        await sleep(pollMs)
      }
      return undefined
    })
    return outcome === 'ok'
  }

  async #record(f: string, asked: unknown, act: () => Promise<unknown>): Promise<Outcome> {
    const { history } = this.#context
    const at = { process: `admin/${this.#life}`, f, key: 'cluster' }
    const value = asked === undefined ? {} : { value: asked }
    history.record({ ...at, type: 'invoke', ...value })
    try {
      const told = await act()
      history.record({ ...at, type: 'ok', ...(told === undefined ? {} : { value: told }) })
      return 'ok'
    } catch (error) {
      if (!(error instanceof ChangeRefused)) throw error
      // Whether a change that was not confirmed goes on all the same, nobody knows.
      history.record({ ...at, type: 'info', ...value, error: error.message })
      this.#life++
      return 'info'
    }
  }
}
