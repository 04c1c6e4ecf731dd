import { expect, test } from 'vitest'
import { maxProducers } from '../../src/chat/producers.ts'
import type { PubCommand } from '../../src/chat/command.ts'
import { makeProducerId } from '../../src/ids/producer-id.ts'
import { grpTopic } from '../../src/ids/topic-name.ts'
import { userIdFromBigInt } from '../../src/ids/user-id.ts'
import type { UserId } from '../../src/ids/user-id.ts'
import { hash } from './chaos-actions.ts'
import { ChaosClient } from './chaos-client.ts'
import type { Oracle, Sent } from './chaos-client.ts'
import { Dice } from './chaos-time.ts'
import { ChaosWorld, chatLimits } from './chaos-world.ts'

/** A publish that is sent again under its key is stored once, however much later and wherever it comes (P3). */
const topic = grpTopic(77, 88)
const hour = 3_600_000
const [sender, other] = [1_000n, 1_007n].map(userIdFromBigInt) as [UserId, UserId]
const all = [1, 2, 3, 4, 5]

/** Five replicas, each of every partition, and what anybody was sent as stored: seq → body. */
class Five {
  readonly world: ChaosWorld
  readonly stored = new Map<number, unknown>()
  readonly wrongs: string[] = []
  readonly #oracle: Oracle = {
    accepted: () => {},
    data: (_client, _topic, seq, content) => {
      if ((this.stored.get(seq) ?? content) !== content) this.wrongs.push(`two bodies at ${seq}`)
      this.stored.set(seq, content)
    },
    wrong: (what) => void this.wrongs.push(what),
    leavers: new Set(),
    asksFor: () => {},
    note: () => {},
  }
  #sessions = 0

  private constructor(limits: typeof chatLimits) {
    this.world = new ChaosWorld(all.length, new Dice(7), limits)
  }

  static async make(limits: Partial<typeof chatLimits> = {}): Promise<Five> {
    const five = new Five({ ...chatLimits, ...limits })
    const { world } = five
    world.links.calm = true
    for (const group of world.groups) group.calm = true
    await five.start()
    for (const uid of [sender, other]) await five.#account(uid)
    const maker = five.session(1, sender)
    await five.settled(maker.send(topic, { kind: 'sub', create: 'grp' } as never), 200)
    return five
  }

  /** All nodes, after everything was lost that can be. */
  async start(): Promise<void> {
    const { world } = this
    for (const index of all) world.kill(index)
    for (const index of all) await world.boot(index)
    await world.time.run(100)
    this.lead(1)
    await world.time.run(2_000)
  }

  lead(node: number): void {
    for (const group of this.world.groups) group.elect(node)
  }

  session(node: number, uid: UserId): ChaosClient {
    const { world } = this
    return new ChaosClient(world, world.nodes.get(node)!, uid, `s${++this.#sessions}`, this.#oracle)
  }

  /** A session that is attached to the topic. */
  async entered(node: number, uid: UserId): Promise<ChaosClient> {
    const client = this.session(node, uid)
    await this.settled(client.send(topic, { kind: 'sub', get: { what: ['desc'] } }), 200)
    return client
  }

  /** Messages up to here are gone for everybody. */
  async cleared(): Promise<number> {
    const client = await this.entered(1, sender)
    return client.sent[0]!.meta.desc.clear ?? 0
  }

  /** Publishes once on a node, by a session of its own; what it was told, and where. */
  async publish(
    node: number,
    key: { producer: string; n: number },
    body: string,
    uid = sender,
  ): Promise<[code: number, seq: number]> {
    const client = await this.entered(node, uid)
    const sent = client.send(topic, pub(key, body))
    await this.settled(sent)
    client.node.hub.forget(client.sid)
    return [sent.code, sent.seq]
  }

  async settled(sent: Sent, code?: number): Promise<void> {
    for (let i = 0; i < 200 && sent.code === 0; i++) await this.world.time.run(50)
    expect(sent.code, sent.id).not.toBe(0)
    if (code !== undefined) expect(sent.code).toBe(code)
  }

  async #account(uid: UserId): Promise<void> {
    const login = `user${uid}`
    const account = {
      uid,
      level: 'auth' as const,
      at: this.world.time.now(),
      login,
      public: { fn: login },
      defacs: { auth: 0x2f, anon: 0 },
      tags: [],
    }
    const done = this.world.nodes
      .get(1)!
      .hub.ask(`nam:basic:${login}`, { kind: 'login-create', account, secret: 'x', key: login })
    await this.world.time.run(1_000)
    expect(await done).toBe('ok')
  }
}

function pub({ producer, n }: { producer: string; n: number }, body: string): PubCommand {
  const content = JSON.stringify(body)
  return { kind: 'pub', producer, n, hash: hash(content), head: null, content, noecho: false }
}

test.each<[string, Partial<typeof chatLimits>]>([
  ['kept for ever', {}],
  ['trimmed long before', { keepMessagesS: 600, keepMessages: 100 }],
])(
  'an hour later, with another owner, and after a start of all; messages are %s',
  async (_what, limits) => {
    const five = await Five.make(limits)
    const { world } = five
    const producer = makeProducerId(world.time.now(), 12_345)
    for (const n of [1, 2, 3]) {
      expect(await five.publish(n, { producer, n }, `body ${n}`)).toEqual([202, 2 * n - 1])
      const by = makeProducerId(world.time.now(), n)
      expect(await five.publish(4, { producer: by, n: 1 }, `else ${n}`, other)).toEqual([
        202,
        2 * n,
      ])
    }
    const again = async (): Promise<void> => {
      for (const { index } of world.living) {
        const n = 1 + (index % 3)
        expect(await five.publish(index, { producer, n }, `body ${n}`)).toEqual([202, 2 * n - 1])
        // Another body is refused, and nothing of it is kept.
        expect(await five.publish(index, { producer, n }, 'forged')).toEqual([409, 0])
      }
    }
    await again()
    await world.time.run(hour)
    await again()
    five.lead(2)
    await world.time.run(2_000)
    await again()
    world.kill(2)
    five.lead(3)
    await world.time.run(2_000)
    await again()
    await five.start()
    await again()
    expect(await five.publish(5, { producer, n: 4 }, 'body 4')).toEqual([202, 7])
    const bodies = [1, 2, 3].flatMap((n) => [`body ${n}`, `else ${n}`])
    const seen = [...five.stored].sort(([a], [b]) => a - b)
    expect(seen).toEqual([...bodies, 'body 4'].map((body, i) => [i + 1, body]))
    expect([...five.wrongs, ...world.complaints]).toEqual([])
  },
  60_000,
)

test.each<[string, UserId, number]>([
  ['other users had so many producers: nobody is retired for them', other, 202],
  ['its user had so many: it is retired, and nothing is stored', sender, 409],
])(
  'an hour of very many producers, and %s',
  async (_what, uid, code) => {
    const five = await Five.make()
    const { world } = five
    const producer = makeProducerId(world.time.now(), 1)
    expect(await five.publish(2, { producer, n: 1 }, 'first')).toEqual([202, 1])
    const many = maxProducers + 76
    const client = await five.entered(3, uid)
    for (let i = 0; i < many; i++) {
      const key = { producer: makeProducerId(world.time.now(), i), n: 1 }
      await five.settled(client.send(topic, pub(key, `${i}`)), 202)
      await world.time.run(hour / many - 50)
    }
    const tries = async (): Promise<void> => {
      for (const node of world.living.map(({ index }) => index)) {
        const seq = code === 202 ? 1 : 0
        expect(await five.publish(node, { producer, n: 1 }, 'first')).toEqual([code, seq])
      }
    }
    await tries()
    await five.start()
    await tries()
    expect([...five.wrongs, ...world.complaints]).toEqual([])
    const last = { producer: makeProducerId(world.time.now(), 0), n: 1 }
    expect(await five.publish(1, last, 'last')).toEqual([202, many + 2])
  },
  60_000,
)
