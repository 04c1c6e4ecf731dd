import type { SessionId } from '../../src/chat/command.ts'
import type { Command } from '../../src/chat/command.ts'
import type { NodeIndex } from '../../src/ids/node-index.ts'
import { partitionOf } from '../../src/ids/routing-key.ts'
import { clientTopicName, meTopic } from '../../src/ids/topic-name.ts'
import type { TopicName } from '../../src/ids/topic-name.ts'
import type { UserId } from '../../src/ids/user-id.ts'
import { Partition } from '../../src/partition/partition.ts'
import { noMetrics, silentLogger } from '../../src/ports.ts'
import type { Entry } from '../../src/raft/entry.ts'
import { MemoryStore } from '../../src/store/memory-store.ts'
import { Hub } from '../../src/topic/hub.ts'
import type { Frame } from '../../src/topic/frame.ts'
import type { TopicMessage } from '../../src/topic/messages.ts'
import type { Subscriber } from '../../src/topic/topics.ts'
import { VirtualTime } from '../peer/virtual-time.ts'

export const partitions = 4

/**
 * Whole nodes in one process as far as the topic floor goes: real hubs, partitions and stores,
 * links that are arrays, and a log that commits what the leader proposes at the end of the turn.
 */
export class World {
  readonly time = new VirtualTime(1_800_000_000_000)
  readonly nodes: readonly WorldNode[]
  readonly groups: readonly WorldGroup[]
  /** Messages that are lost on the way, by (from, to). */
  readonly cut = new Set<string>()

  constructor(count: number) {
    this.groups = Array.from({ length: partitions + 1 }, (_, id) => new WorldGroup(id, this))
    this.nodes = Array.from({ length: count }, (_, i) => new WorldNode(i + 1, this))
  }

  async start(owner: NodeIndex): Promise<this> {
    for (const group of this.groups.slice(1)) group.elect(owner)
    await this.settle()
    return this
  }

  node(index: NodeIndex): WorldNode {
    return this.nodes[index - 1]!
  }

  groupOf(entity: string): WorldGroup {
    return this.groups[partitionOf(entity, partitions)]!
  }

  post(from: NodeIndex, to: NodeIndex, message: TopicMessage): boolean {
    if (this.cut.has(`${from} ${to}`)) return true // swallowed
    // What travels between nodes is plain data: a copy shows that nothing is shared.
    const copy = from === to ? message : (structuredClone(message) as TopicMessage)
    this.time.soon(() => {
      if (this.nodes[to - 1]?.up === true) this.node(to).hub.receive(from, copy)
    })
    return this.nodes[to - 1]?.up === true
  }

  /** Lets everything that is under way happen, timers up to `ms` included. */
  async settle(ms = 200): Promise<void> {
    for (let passed = 0; passed <= ms; passed += 10) {
      for (let i = 0; i < 12; i++) {
        this.time.advance(0)
        await Promise.resolve()
      }
      this.time.advance(10)
    }
  }

  kill(index: NodeIndex): void {
    this.node(index).up = false
    for (const node of this.nodes) if (node.up) node.hub.nodeDown(index)
  }
}

/** A log that every node sees; whoever was elected last leads. */
export class WorldGroup {
  readonly id: number
  readonly #world: World
  term = 0
  lead: NodeIndex = 0
  /** Holds proposals back while false: they are in the log but not committed. */
  commits = true
  #log: Entry[] = []
  #committed = 0

  constructor(id: number, world: World) {
    this.id = id
    this.#world = world
  }

  elect(node: NodeIndex): void {
    const before = this.lead
    this.term++
    this.lead = node
    this.#log.length = this.#committed // what was not committed is lost with its term
    for (const { index, up, partition } of this.#world.nodes) {
      if (up && index !== node) partition(this.id).follow(this.term, node)
    }
    if (before === node) this.#world.node(node).partition(this.id).follow(this.term, node)
    this.#world.node(node).partition(this.id).lead(this.term)
  }

  propose(by: NodeIndex, data: Uint8Array, term: number) {
    if (by !== this.lead || term !== this.term) return { error: 'not-leader' }
    const index = this.#log.length + 1
    this.#log.push({ index, term, kind: 'normal', data: Uint8Array.from(data) })
    this.#world.time.soon(() => this.commit())
    return { index, term }
  }

  commit(): void {
    if (!this.commits) return
    const entries = this.#log.slice(this.#committed)
    if (entries.length === 0) return
    this.#committed = this.#log.length
    for (const node of this.#world.nodes) if (node.up) node.partition(this.id).committed(entries)
  }

  readIndex(by: NodeIndex, done: (index: number | null) => void): void {
    const { term } = this
    this.#world.time.soon(() =>
      done(by === this.lead && term === this.term ? this.#committed : null),
    )
  }
}

export class WorldNode {
  readonly index: NodeIndex
  readonly hub: Hub
  up = true
  readonly #partitions = new Map<number, Partition>()

  constructor(index: NodeIndex, world: World) {
    this.index = index
    const { time } = world
    this.hub = new Hub({
      self: index,
      partitions,
      post: (to, m) => world.post(index, to, m),
      nodes: () => world.nodes.filter((n) => n.index !== index && n.up).map((n) => n.index),
      clock: time,
      timers: time,
      logger: silentLogger,
      metrics: noMetrics,
      presenceGraceMs: 1_000,
    })
    const store = new MemoryStore()
    for (let id = 1; id <= partitions; id++) {
      const group = world.groups[id]!
      const partition = new Partition({
        id,
        group: {
          propose: (data, term) => group.propose(index, data, term),
          readIndex: (done) => group.readIndex(index, done),
          applied: () => {},
        },
        store,
        applied: 0,
        partitions,
        timers: time,
        clock: time,
        logger: silentLogger,
        metrics: noMetrics,
        limits: {
          maxSubscriberCount: 100,
          maxTagCount: 16,
          minTagLength: 2,
          maxTagLength: 96,
          messageDeleteAgeS: 600,
          keepMessages: 0,
          keepMessagesS: 0,
          p2pDelete: true,
        },
        listener: this.hub.desk,
        carry: (target, letters, done) => this.hub.carry(id, target, letters, done),
      })
      this.#partitions.set(id, partition)
      this.hub.desk.add(partition)
    }
  }

  readonly partition = (id: number): Partition => this.#partitions.get(id)!
}

/** A client as the topic floor sees it: what it got, parsed. */
export class Client implements Subscriber {
  readonly sid: SessionId
  readonly uid: UserId
  readonly level = 'auth'
  readonly userAgent = 'test'
  readonly got: any[] = []
  isSlow = false
  knowsNotices = false
  readonly kept: [string, any][] = []
  readonly #world: World
  readonly #node: WorldNode
  #next = 1

  constructor(world: World, node: NodeIndex, uid: UserId, sid: SessionId) {
    this.#world = world
    this.#node = world.node(node)
    this.uid = uid
    this.sid = sid
  }

  deliver(frame: Frame): boolean {
    this.got.push(JSON.parse(frame.json))
    return true
  }

  keep(key: string, frame: () => Frame): void {
    this.kept.push([key, JSON.parse(frame().json)])
  }

  /** Another session of the same user on the same node. */
  beside(sid: SessionId): Client {
    return new Client(this.#world, this.#node.index, this.uid, sid)
  }

  /** It reads again: its topics go on. */
  ease(): void {
    this.isSlow = false
    this.#node.hub.eased(this.sid)
  }

  /** Sends without waiting; its answers carry the id that comes back. */
  send(topic: TopicName, command: Command, said?: string, cursor?: number): string {
    const id = `${this.sid}-${this.#next++}`
    const name = said ?? clientTopicName(topic, this.uid)
    const asChan = name.startsWith('chn')
    this.#node.hub.request(this, { id, said: name, topic, asChan, command, cursor }, () => {})
    return id
  }

  /** Sends and gives the first answer. */
  async ask(topic: TopicName, command: Command, said?: string): Promise<any> {
    const id = this.send(topic, command, said)
    for (let i = 0; i < 30; i++) {
      const found = this.answer(id)
      if (found !== undefined) return found
      await this.#world.settle(50)
    }
    throw new Error(`no answer to ${JSON.stringify(command)}`)
  }

  answer(id: string): any {
    const found = this.got.find((m) => m.ctrl?.id === id || m.meta?.id === id)
    return found?.ctrl ?? found?.meta
  }

  sub(topic: TopicName, fields: object = {}, said?: string): Promise<any> {
    return this.ask(topic, { kind: 'sub', ...fields } as Command, said)
  }

  me(): Promise<any> {
    return this.sub(meTopic(this.uid))
  }

  publish(topic: TopicName, text: string, noecho = true): string {
    const content = JSON.stringify(text)
    return this.send(topic, {
      kind: 'pub',
      producer: '',
      n: 0,
      hash: content.length,
      head: null,
      content,
      noecho,
    })
  }

  /** Live messages of a topic, as (seq, content). */
  data(topic: TopicName): [number, unknown][] {
    const name = clientTopicName(topic, this.uid)
    return this.got.filter((m) => m.data?.topic === name).map((m) => [m.data.seq, m.data.content])
  }

  pres(what: string): any[] {
    return this.got.filter((m) => m.pres?.what === what).map((m) => m.pres)
  }

  gone(): void {
    this.#node.hub.forget(this.sid)
  }
}

/** Begins accounts the way the session floor does. */
export async function account(
  world: World,
  node: NodeIndex,
  uid: UserId,
  login: string,
): Promise<void> {
  const done = world.node(node).hub.ask(`nam:basic:${login}`, {
    kind: 'login-create',
    account: {
      uid,
      level: 'auth',
      at: world.time.now(),
      login,
      public: { fn: login },
      defacs: { auth: 0x2f, anon: 0 },
      tags: [],
    },
    secret: 'hash',
    key: login,
  })
  await world.settle(300)
  const answer = await done
  if (answer !== 'ok') throw new Error(`account ${login}: ${JSON.stringify(answer)}`)
}
