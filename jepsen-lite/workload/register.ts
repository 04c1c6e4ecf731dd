import { Generator } from '../generator.ts'
import type { ChatClient } from '../client/chat-client.ts'
import type { Prng } from '../prng.ts'
import { sleep } from '../sleep.ts'
import { makeSeats, sitDown } from './seats.ts'
import type { Seat } from './seats.ts'
import type { Prepared, Workload, WorkloadContext } from './workload.ts'

/** W4: registers in the private description of `me`. Finds stale reads and writes that come and go. */
export const register: Workload = {
  name: 'register',
  says: 'W4: reads and writes of registers, kept in the description of a user’s own topic.',
  mustSucceed: ['read', 'write'],
  prepare,
}

const accounts = 6
/** Registers of one account; all of them are read again after the last heal. */
const registersPerAccount = 8
const reconnectMs = [20, 250] as const

async function prepare(context: WorkloadContext): Promise<Prepared> {
  const { prng, rate, lanes } = context
  const seats = await makeSeats(context, accounts)
  let fresh = 0
  const next = (): number => ++fresh
  const clients = Array.from({ length: lanes }, (_, i) => {
    const own = prng.split(`register ${i}`)
    return new RegisterLane({
      context,
      name: `r${i}`,
      user: i % accounts,
      seat: seats[i % accounts] as Seat,
      prng: own,
      next,
    })
  })
  return {
    async run(until) {
      await Promise.all(
        clients.map((client, i) => {
          const own = prng.split(`pace ${i}`)
          const mix = { read: 1, write: 1 }
          return client.run(
            new Generator({ prng: own, rate, lanes, mix, idleShare: 0.1, idleMs: 500 }),
            until,
          )
        }),
      )
    },
    async finish(deadlineMs) {
      const until = performance.now() + deadlineMs
      await Promise.all(clients.slice(0, accounts).map((client) => client.readAll(until)))
      for (const client of clients) client.close()
    },
  }
}

interface LaneOptions {
  readonly context: WorkloadContext
  readonly name: string
  readonly user: number
  readonly seat: Seat
  readonly prng: Prng
  readonly next: () => number
}

class RegisterLane {
  readonly #options: LaneOptions
  #client: ChatClient | undefined
  #life = 0

  constructor(options: LaneOptions) {
    this.#options = options
  }

  async run(generator: Generator<'read' | 'write'>, until: number): Promise<void> {
    while (performance.now() < until) {
      const step = generator.next()
      await sleep(step.after, until)
      if (step.kind === 'idle' || performance.now() >= until) continue
      await this.#once(step.kind, this.#options.prng.below(registersPerAccount))
    }
  }

  /** Reads every register until it answers. */
  async readAll(until: number): Promise<void> {
    for (let register = 0; register < registersPerAccount; register++)
      while ((await this.#once('read', register)) !== 'ok' && performance.now() < until);
  }

  close(): void {
    this.#client?.close()
  }

  async #once(f: 'read' | 'write', register: number): Promise<string> {
    const { context, name, user, prng, next } = this.#options
    const client = await this.#connected()
    const asked = f === 'write' ? { value: next() } : {}
    const at = {
      process: `${name}/${this.#life}`,
      f,
      key: `u${user}.r${register}`,
      ...(client && { node: client.node }),
    }
    context.history.record({ ...at, type: 'invoke', ...asked })
    if (!client) {
      context.history.record({ ...at, type: 'fail', ...asked, error: 'not connected' })
      await sleep(prng.between(...reconnectMs))
      return 'fail'
    }
    const { outcome, error, told } =
      f === 'read' ? await read(client, register) : await write(client, register, asked.value ?? 0)
    context.history.record({ ...at, type: outcome, ...told, ...(error !== undefined && { error }) })
    if (outcome === 'info') this.#leave()
    if (outcome !== 'ok') await sleep(prng.between(...reconnectMs))
    return outcome
  }

  async #connected(): Promise<ChatClient | undefined> {
    if (this.#client?.isOpen) return this.#client
    if (this.#client) this.#leave()
    const { context, seat, prng } = this.#options
    const node = prng.pick(context.world.nodes)
    this.#client = await sitDown(context, seat, { node, topics: ['me'] })
    return this.#client
  }

  #leave(): void {
    this.#client?.close()
    this.#client = undefined
    this.#life++
  }
}

interface Answer {
  readonly outcome: 'ok' | 'fail' | 'info'
  readonly error: string | undefined
  readonly told: { readonly value?: unknown }
}

async function read(client: ChatClient, register: number): Promise<Answer> {
  const { outcome, error, desc } = await client.description('me')
  const all = (desc['private'] ?? {}) as Readonly<Record<string, unknown>>
  return { outcome, error, told: outcome === 'ok' ? { value: all[`r${register}`] ?? null } : {} }
}

async function write(client: ChatClient, register: number, value: number): Promise<Answer> {
  const { outcome, error } = await client.describe('me', { private: { [`r${register}`]: value } })
  return { outcome, error, told: { value } }
}
