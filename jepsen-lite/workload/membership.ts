import type { Prng } from '../prng.ts'
import { sleep } from '../sleep.ts'
import { finalReads } from './final-reads.ts'
import { Lane } from './lane.ts'
import { MemberLane } from './member-lane.ts'
import type { MemberStep } from './member-lane.ts'
import { paceOf } from './pace.ts'
import { insist, makeSeats, sitDown } from './seats.ts'
import type { Seat } from './seats.ts'
import type { Prepared, Workload, WorkloadContext } from './workload.ts'

/** W7: who may see what. Finds rights that outlive their end, and newcomers who miss something. */
export const membership: Workload = {
  name: 'membership',
  says: 'W7: members join, leave, are thrown out, banned and let in again while everybody sends.',
  mustSucceed: ['attach', 'leave', 'expel', 'ban', 'admit', 'publish', 'history', 'read-all'],
  withoutLoad: { 'hot-topic': 'every member has a room of his own and writes to no other' },
  prepare,
}

/** After so long a room is left for a new one: an unknown outcome makes its member uncertain for ever. */
const roomMs = 8_000
const adminRestMs = [40, 250] as const

async function prepare(context: WorkloadContext): Promise<Prepared> {
  const { prng, load, topics } = context
  const [owner, ...guests] = (await makeSeats(context, 1 + Math.ceil(load.lanes / topics))) as [
    Seat,
    ...Seat[],
  ]
  const rooms = await Promise.all(
    Array.from({ length: topics }, async (_, i) => {
      const admin = new Admin(context, owner, prng.split(`admin ${i}`), `o${i}`)
      await insist('create a group', () => admin.move())
      return admin
    }),
  )
  const members = Array.from({ length: load.lanes }, (_, i) => {
    const own = prng.split(`member ${i}`)
    const seat = guests[Math.floor(i / topics)] as Seat
    const member = new MemberLane({ context, name: `m${i}`, seat, prng: own })
    const mix = { send: 10, history: 4, leave: 1 }
    const pace = paceOf<MemberStep>(context, { prng: own, lane: i, mix })
    return { member, room: rooms[i % topics] as Admin, pace }
  })
  for (const { member, room } of members) room.members.push(member.user)
  return {
    async run(until) {
      await Promise.all([
        ...rooms.map((room) => room.run(until)),
        ...members.map(({ member, room, pace }) => member.run(pace, until, () => room.topic)),
      ])
    },
    async finish(deadlineMs) {
      const all = rooms.flatMap((room) => room.topics)
      await finalReads(context, { seat: owner, topics: all, deadlineMs })
      for (const { member } of members) member.close()
      for (const room of rooms) room.close()
    },
  }
}

/** The owner of one room after another. */
class Admin {
  readonly topics: string[] = []
  readonly members: string[] = []
  readonly #context: WorkloadContext
  readonly #seat: Seat
  readonly #lane: Lane
  readonly #banned = new Set<string>()

  constructor(context: WorkloadContext, seat: Seat, prng: Prng, name: string) {
    this.#context = context
    this.#seat = seat
    this.#lane = new Lane({ context, name, seat, prng })
  }

  get topic(): string {
    return this.topics.at(-1) ?? '?'
  }

  async run(until: number): Promise<void> {
    const { prng } = this.#lane
    let moveAt = performance.now() + roomMs
    while (performance.now() < until) {
      await sleep(prng.between(...adminRestMs), until)
      if (performance.now() >= until) return
      if (performance.now() > moveAt && (await this.move())) moveAt = performance.now() + roomMs
      else await this.#once(prng.pick(this.members))
    }
  }

  /** Opens a new room. */
  async move(): Promise<true | undefined> {
    const node = this.#lane.prng.pick(this.#context.world.nodes)
    const client = await sitDown(this.#context, this.#seat, { node, topics: [] })
    const made = await client?.createGroup('room')
    client?.close()
    if (made?.outcome !== 'ok' || made.topic === undefined) return undefined
    this.topics.push(made.topic)
    this.#banned.clear()
    return true
  }

  close(): void {
    this.#lane.close()
  }

  async #once(member: string): Promise<void> {
    const { topic } = this
    const banned = this.#banned.has(member)
    const f = banned ? 'admit' : this.#lane.prng.pick(['expel', 'ban', 'ban'])
    const operation = { f, key: topic, topics: [topic], asked: () => ({ member }) }
    const { outcome } = await this.#lane.operate(operation, (client) => {
      if (f === 'expel') return client.expel(topic, member)
      return client.grant(topic, member, f === 'ban' ? 'N' : 'JRWPS')
    })
    if (outcome === 'fail') return
    // After an unknown end the other is tried next, whatever happened.
    if (f === 'ban') this.#banned.add(member)
    else if (f === 'admit') this.#banned.delete(member)
  }
}
