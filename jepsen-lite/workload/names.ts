import type { Prng } from '../prng.ts'
import { Lane } from './lane.ts'
import { LoginLane } from './login-lane.ts'
import type { Load } from './load.ts'
import { paceOf } from './pace.ts'
import { insist, makeSeats, sitDown } from './seats.ts'
import type { Seat } from './seats.ts'
import type { Prepared, Workload, WorkloadContext } from './workload.ts'

/**
 * W5: unique names. Groups take aliases and give them up, accounts take login names and are deleted;
 * many want the same ones. A name may become free a while after its release was accepted.
 */
export const names: Workload = {
  name: 'names',
  says: 'W5: groups and accounts take and release the same unique names, and look them up.',
  mustSucceed: ['create', 'release', 'lookup'],
  withoutLoad: { 'large-messages': 'names are short, and nobody sends messages' },
  prepare,
}

const accounts = 5
const groupsPerLane = 2
const namesAtATime = 10
/** Then new names come up, so that the search for an order stays small. */
const callsPerName = 60
/** Passwords are hashed at great cost, so few lanes make accounts. */
const loginLanes = 2

type Kind = 'take' | 'lookup'

async function prepare(context: WorkloadContext): Promise<Prepared> {
  const { prng, lanes, load } = context
  const seats = await makeSeats(context, accounts)
  const pool = new NamePool(prng.split('names'), load)
  const groupLanes = await Promise.all(
    Array.from({ length: load.lanes }, async (_, i) => {
      const own = prng.split(`names ${i}`)
      const seat = own.pick(seats)
      const lane = new Lane({ context, name: `a${i}`, seat, prng: own })
      const taker = new Taker(context, { lane, seat, pool })
      // The lanes of bursts make theirs when they need them.
      for (let g = 0; g < groupsPerLane && i < lanes; g++)
        await insist('create a group', () => taker.newGroup())
      const mix = { take: 2, lookup: 1 }
      return { lane, taker, pace: paceOf<Kind>(context, { prng: own, lane: i, mix }) }
    }),
  )
  const logins = Array.from(
    { length: loginLanes },
    (_, i) => new LoginLane(context, `l${i}`, prng.split(`logins ${i}`)),
  )
  return {
    async run(until) {
      await Promise.all([
        ...groupLanes.map(({ lane, taker, pace }) =>
          lane.run(pace, until, (kind) => taker.once(kind)),
        ),
        ...logins.map((login) => login.run(until)),
      ])
    },
    async finish(deadlineMs) {
      const until = performance.now() + deadlineMs
      // Each name once more, the old ones as well: what became of them must be the same for ever.
      const left = [...pool.all]
      await Promise.all([
        ...groupLanes.map(async ({ taker }) => {
          for (let name = left.pop(); name !== undefined; name = left.pop())
            while ((await taker.lookup(name)) !== 'ok' && performance.now() < until);
        }),
        logins[0]?.everyName(until),
      ])
      for (const { lane } of groupLanes) lane.close()
    },
  }
}

/** The names that everybody wants at the time. */
class NamePool {
  readonly #prng: Prng
  readonly #load: Load
  #generation = 0
  #calls = 0
  readonly #salt: number
  now: readonly string[] = []
  readonly all: string[] = []

  constructor(prng: Prng, load: Load) {
    this.#prng = prng
    this.#load = load
    this.#salt = prng.below(1_000_000)
    this.#renew()
  }

  next(): string {
    // A hot name gets nearly all of the calls.
    this.#calls += this.#load.hotOf(this.now) === undefined ? 1 : namesAtATime
    if (this.#calls > namesAtATime * callsPerName) this.#renew()
    return this.#load.pick(this.#prng, this.now)
  }

  #renew(): void {
    this.#calls = 0
    const prefix = `alias:j${this.#salt}g${++this.#generation}n`
    this.now = Array.from({ length: namesAtATime }, (_, i) => prefix + i)
    this.all.push(...this.now)
  }
}

interface Group {
  readonly topic: string
  holds: string | undefined
}

interface TakerOptions {
  readonly lane: Lane
  readonly seat: Seat
  readonly pool: NamePool
}

/** The groups of one lane. One whose request has an unknown end is given up: it may still happen. */
class Taker {
  readonly #context: WorkloadContext
  readonly #options: TakerOptions
  #groups: Group[] = []
  /** Taken again soon: whoever releases and takes a name at once meets what is still on its way. */
  #released: string | undefined

  constructor(context: WorkloadContext, options: TakerOptions) {
    this.#context = context
    this.#options = options
  }

  async newGroup(): Promise<true | undefined> {
    const { seat, lane } = this.#options
    const node = lane.prng.pick(this.#context.world.nodes)
    const client = await sitDown(this.#context, seat, { node, topics: [] })
    const made = await client?.createGroup('names')
    client?.close()
    if (made?.outcome !== 'ok' || made.topic === undefined) return undefined
    this.#groups.push({ topic: made.topic, holds: undefined })
    return true
  }

  async once(kind: Kind): Promise<void> {
    const { pool, lane } = this.#options
    if (kind === 'lookup') {
      await this.lookup(pool.next())
      return
    }
    if (this.#groups.length < groupsPerLane && !(await this.newGroup())) return
    const group = lane.prng.pick(this.#groups)
    if (group.holds !== undefined) return this.#release(group, group.holds)
    const again = this.#released !== undefined && lane.prng.chance(0.4)
    await this.#create(group, again ? (this.#released as string) : pool.next())
  }

  async lookup(name: string): Promise<string> {
    const operation = { f: 'lookup', key: name, topics: ['fnd'] }
    const { outcome } = await this.#options.lane.operate(operation, async (client) => {
      const { outcome: end, error, holder } = await client.findHolder(name)
      return end === 'ok' ? { outcome: end, told: holder } : { outcome: end, error }
    })
    return outcome
  }

  async #create(group: Group, name: string): Promise<void> {
    const { topic } = group
    const operation = { f: 'create', key: name, topics: [topic], asked: () => ({ owner: topic }) }
    const { outcome } = await this.#options.lane.operate(operation, (client) =>
      client.setTags(topic, [name]),
    )
    if (outcome === 'ok') group.holds = name
    else if (outcome === 'info') this.#giveUp(group)
  }

  async #release(group: Group, name: string): Promise<void> {
    const { topic } = group
    const operation = { f: 'release', key: name, topics: [topic], asked: () => ({ owner: topic }) }
    const { outcome } = await this.#options.lane.operate(operation, (client) =>
      client.setTags(topic, []),
    )
    if (outcome === 'info') return this.#giveUp(group)
    if (outcome !== 'ok') return
    group.holds = undefined
    this.#released = name
  }

  #giveUp(group: Group): void {
    this.#groups = this.#groups.filter((one) => one !== group)
  }
}
