import type { Command } from '../../src/chat/command.ts'
import { grpTopic, kindOf, p2pName, p2pUsers } from '../../src/ids/topic-name.ts'
import type { TopicName } from '../../src/ids/topic-name.ts'
import { userIdFromBigInt } from '../../src/ids/user-id.ts'
import type { UserId } from '../../src/ids/user-id.ts'
import { Producer, actions, arrive, send } from './chaos-actions.ts'
import { check } from './chaos-check.ts'
import { ChaosClient } from './chaos-client.ts'
import { faults } from './chaos-faults.ts'
import { Truth } from './chaos-oracle.ts'
import { Dice } from './chaos-time.ts'
import { ChaosWorld } from './chaos-world.ts'
import type { ChaosNode } from './chaos-world.ts'

const totalWeight = actions.reduce((sum, [weight]) => sum + weight, 0)

/** One seed: builds a world, lets clients and faults loose on it, heals it, and checks. */
export class ChaosRun {
  readonly world: ChaosWorld
  readonly truth = new Truth()
  readonly clients: ChaosClient[] = []
  readonly uids: readonly UserId[]
  readonly groups: readonly TopicName[]
  readonly topics: readonly TopicName[]
  readonly producers: Producer[] = []
  readonly said: [number, readonly (readonly [number, number])[]][] = []
  /** Who may read what, as found at the end: user and topic. */
  readonly readers = new Set<string>()
  /** So many sessions at most come by themselves; with few, a node may have a topic's only one. */
  readonly crowd: number
  readonly #dice: Dice
  #bodies = 0
  trace = false

  constructor(seed: number) {
    this.#dice = new Dice(seed)
    const dice = this.#dice
    this.crowd = dice.chance(40) ? 3 : 12
    this.world = new ChaosWorld(2 + dice.below(3), new Dice(dice.below(2 ** 30)))
    for (const group of this.world.groups)
      group.onCommit = (id, entry) => this.truth.committed(id, entry)
    this.uids = Array.from({ length: 2 + dice.below(4) }, (_, i) =>
      userIdFromBigInt(BigInt(1_000 + i * 7)),
    )
    this.groups = Array.from({ length: 1 + dice.below(3) }, (_, i) => grpTopic(77, 80 + i))
    this.topics = [...this.groups, p2pName(this.uids[0]!, this.uids[1]!)]
    this.truth.note = (line) => {
      if (this.trace) this.note(line())
    }
  }

  /** What went wrong; nothing when all is well. */
  async play(): Promise<readonly string[]> {
    const dice = this.#dice
    await this.#begin()
    const chosen = Object.values(faults).filter(() => dice.chance(50))
    const gap = 5 + dice.below(60)
    const often = 3 + dice.below(15)
    for (let move = 0; move < 160; move++) {
      this.#act(dice)
      if (chosen.length > 0 && dice.chance(often)) dice.pick(chosen)(this, dice)
      await this.world.time.run(dice.below(gap))
    }
    this.note('heal')
    await this.world.heal()
    for (const client of this.living) client.ease()
    await this.world.time.run(5_500)
    await this.#probe()
    await check(this)
    return this.truth.wrongs
  }

  readonly note = (line: string): void => {
    if (this.trace) console.log(`${Math.round(this.world.time.monotonic() - 1.8e12)} ${line}`)
  }

  get living(): ChaosClient[] {
    return this.clients.filter((client) => client.lives)
  }

  topicsOf(uid: UserId): TopicName[] {
    return this.topics.filter((topic) => kindOf(topic) === 'grp' || p2pUsers(topic).includes(uid))
  }

  body(): string {
    return `b${++this.#bodies}`
  }

  client(uid: UserId, node: ChaosNode): ChaosClient {
    const client = new ChaosClient(this.world, node, uid, `s${this.clients.length}`, this.truth)
    this.clients.push(client)
    return client
  }

  /** A session with a topic at which it is. */
  attached(dice: Dice): [ChaosClient | undefined, TopicName] {
    const topic = dice.pick(this.topics)
    const there = this.living.filter((client) => client.stay(topic) !== undefined)
    return [there.length === 0 ? undefined : dice.pick(there), topic]
  }

  #act(dice: Dice): void {
    if (this.living.length === 0) return arrive(this, dice)
    let at = dice.below(totalWeight)
    for (const [weight, action] of actions) {
      at -= weight
      if (at < 0) return action(this, dice)
    }
  }

  async #begin(): Promise<void> {
    const { world } = this
    const dice = this.#dice
    this.#calm(true)
    for (let i = 1; i <= world.count; i++) await world.boot(i)
    await world.time.run(100)
    for (const group of world.groups) group.elect(1 + dice.below(world.count))
    await world.time.run(300)
    for (const [i, uid] of this.uids.entries()) this.#account(uid, `user${i}`)
    await world.time.run(200)
    const owner = this.client(this.uids[0]!, world.nodes.get(1)!)
    for (const topic of this.groups) {
      owner.send(topic, { kind: 'sub', create: 'grp', get: { what: ['desc'] } } as Command)
      this.producers.push(new Producer(`P${topic}`, dice.pick(this.uids), topic))
    }
    await world.time.run(200)
    for (const uid of this.uids) {
      const client = this.client(uid, dice.pick(world.living))
      for (const topic of this.topicsOf(uid))
        client.send(topic, { kind: 'sub', get: { what: ['desc'] } })
    }
    await world.time.run(500)
    this.#calm(false)
  }

  #calm(calm: boolean): void {
    this.world.links.calm = calm
    for (const group of this.world.groups) group.calm = calm
  }

  #account(uid: UserId, login: string): void {
    void this.world.nodes.get(1)!.hub.ask(`nam:basic:${login}`, {
      kind: 'login-create',
      account: {
        uid,
        level: 'auth',
        at: this.world.time.now(),
        login,
        public: { fn: login },
        defacs: { auth: 0x2f, anon: 0 },
        tags: [],
      },
      secret: 'hash',
      key: login,
    })
  }

  /** Everything works again: from every node, the owner can publish to every topic (L4). */
  async #probe(): Promise<void> {
    const { world, truth } = this
    for (const node of world.living) {
      const client = this.client(this.uids[0]!, node)
      for (const topic of this.topicsOf(client.uid)) {
        client.send(topic, { kind: 'sub', get: { what: ['desc'] } })
      }
      await world.time.run(100)
      for (const topic of this.topicsOf(client.uid)) {
        send(this, client, topic, this.body(), '', 0, false, (code) => {
          if (code !== 202) truth.wrong(`after all: node ${node.index} is told ${code} in ${topic}`)
        })
      }
      await world.time.run(200)
      for (const { id, code, command } of client.sent) {
        if (code === 0) truth.wrong(`after all: ${id} ${command.kind} has no answer`)
      }
    }
    await world.time.run(1_000)
  }
}
