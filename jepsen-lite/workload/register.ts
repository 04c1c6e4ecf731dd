import type { ChatClient } from '../client/chat-client.ts'
import type { Generator } from '../generator.ts'
import type { Prng } from '../prng.ts'
import { sleep } from '../sleep.ts'
import { hotShare } from './load.ts'
import { paceOf } from './pace.ts'
import { makeSeats, sitDown } from './seats.ts'
import type { Seat } from './seats.ts'
import type { Prepared, Workload, WorkloadContext } from './workload.ts'

const noMessages = 'nobody sends messages'

/** W4: registers in the private description of `me`. Finds stale reads and writes that come and go. */
export const register: Workload = {
  name: 'register',
  says: 'W4: reads and writes of registers, kept in the description of a user’s own topic.',
  mustSucceed: ['read', 'write'],
  withoutLoad: { 'large-messages': noMessages },
  prepare: (context) => prepare(context, { registers: 8, mixOf: () => ({ read: 1, write: 1 }) }),
}

/**
 * The same with one writer per account. Where nothing else is to be committed, a read has nothing to
 * wait for: so an owner that was deposed and does not know it has its best chance to answer.
 */
export const readers: Workload = {
  name: 'readers',
  says: 'W4: registers with one writer per account, and many readers.',
  mustSucceed: ['read', 'write'],
  withoutLoad: {
    'hot-topic': 'every account has one writer, who cannot write to another',
    'large-messages': noMessages,
  },
  prepare: (context) =>
    prepare(context, {
      registers: 2,
      mixOf: (lane) => (lane < accounts ? { read: 0, write: 1 } : { read: 1, write: 0 }),
    }),
}

const accounts = 6
const reconnectMs = [20, 250] as const
/** While a register is hot, one lane of so many stays with its own account. */
const staysEvery = Math.round(1 / (1 - hotShare))

interface Shape {
  /** Of one account; all of them are read again after the last heal. */
  readonly registers: number
  mixOf(lane: number): Readonly<Record<'read' | 'write', number>>
}

async function prepare(context: WorkloadContext, shape: Shape): Promise<Prepared> {
  const { prng, load } = context
  const { registers } = shape
  const seats = await makeSeats(context, accounts)
  const places = seats.flatMap((_, user) =>
    Array.from({ length: registers }, (__, register) => ({ user, register })),
  )
  let fresh = 0
  const next = (): number => ++fresh
  const clients = Array.from({ length: load.lanes }, (_, i) => {
    const own = prng.split(`register ${i}`)
    return new RegisterLane({
      context,
      name: `r${i}`,
      user: i % accounts,
      registers,
      seats,
      // The others carry on with what they always did.
      followsHot: (i + 1) % staysEvery !== 0,
      places,
      prng: own,
      next,
    })
  })
  return {
    async run(until) {
      await Promise.all(
        clients.map((client, i) => {
          const own = prng.split(`pace ${i}`)
          const mix = shape.mixOf(i)
          return client.run(paceOf(context, { prng: own, lane: i, mix }), until)
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
  readonly registers: number
  readonly seats: readonly Seat[]
  /** Goes over to the account of a register that is hot. */
  readonly followsHot: boolean
  /** All registers of all accounts. */
  readonly places: readonly Place[]
  readonly prng: Prng
  readonly next: () => number
}

class RegisterLane {
  readonly #options: LaneOptions
  #client: ChatClient | undefined
  #user: number | undefined
  #life = 0

  constructor(options: LaneOptions) {
    this.#options = options
  }

  async run(generator: Generator<'read' | 'write'>, until: number): Promise<void> {
    while (performance.now() < until) {
      const kind = await generator.step(until)
      if (kind !== undefined) await this.#once(kind, this.#choose())
    }
  }

  /** Reads every register until it answers. */
  async readAll(until: number): Promise<void> {
    for (let register = 0; register < this.#options.registers; register++)
      while (
        (await this.#once('read', { user: this.#options.user, register })) !== 'ok' &&
        performance.now() < until
      );
  }

  close(): void {
    this.#client?.close()
  }

  #choose(): Place {
    const { context, user, registers, prng, places, followsHot } = this.#options
    const hot = context.load.hotOf(places)
    if (hot) context.load.chosen(keyOf(hot), followsHot)
    return hot && followsHot ? hot : { user, register: prng.below(registers) }
  }

  async #once(f: 'read' | 'write', { user, register }: Place): Promise<string> {
    const { context, name, prng, next } = this.#options
    const client = await this.#connected(user)
    const asked = f === 'write' ? { value: next() } : {}
    const at = {
      process: `${name}/${this.#life}`,
      f,
      key: keyOf({ user, register }),
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

  /** As the account `user`. */
  async #connected(user: number): Promise<ChatClient | undefined> {
    if (this.#client?.isOpen && this.#user === user) return this.#client
    if (this.#client) this.#leave()
    const { context, seats, prng } = this.#options
    const node = prng.pick(context.world.nodes)
    this.#user = user
    this.#client = await sitDown(context, seats[user] as Seat, { node, topics: ['me'] })
    return this.#client
  }

  #leave(): void {
    this.#client?.close()
    this.#client = undefined
    this.#life++
  }
}

interface Place {
  readonly user: number
  readonly register: number
}

function keyOf({ user, register }: Place): string {
  return `u${user}.r${register}`
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
