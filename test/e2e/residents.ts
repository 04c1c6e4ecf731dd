import { expect } from 'vitest'
import { until } from './cluster.ts'
import type { TestCluster } from './cluster.ts'
import { Follower, KeyedPublisher } from './follower.ts'
import { Ledger, publishAll } from './ledger.ts'
import { RawClient, history } from './raw-client.ts'

/**
 * On each node a live subscriber, a publisher with keys that asks again until it is told a place, and a
 * plain one that asks once and takes what it is told; over several topics. They stay where they are.
 */
export class Residents {
  readonly topics: readonly string[]
  /** Nobody writes to these, nor to anything in their partitions; with the owner of the topic at the same place. */
  readonly quiet: readonly string[]
  readonly token: string
  readonly ledger = new Ledger()
  readonly followers: readonly Follower[]
  readonly publishers: readonly KeyedPublisher[]
  readonly #cluster: TestCluster
  readonly #plain: readonly RawClient[]
  readonly #running: Promise<void>[]
  #isOver = false

  private constructor(
    cluster: TestCluster,
    token: string,
    topics: Topics,
    plain: readonly RawClient[],
  ) {
    this.#cluster = cluster
    this.token = token
    this.topics = topics.busy
    this.quiet = topics.quiet
    const { ledger } = this
    const homes = cluster.nodes.map(({ client }) => [client])
    this.followers = homes.map((home) => new Follower(home, 0, token, this.topics))
    this.publishers = homes.map((home, i) => {
      const options = { name: nameAt(i), ledger, topics: this.topics, window: 2, isPatient: true }
      return new KeyedPublisher(home, 0, token, options)
    })
    this.#plain = plain
    const once = { window: plainWindow, stopped: () => this.#isOver }
    this.#running = [
      ...[...this.followers, ...this.publishers].map((resident) => resident.run()),
      ...plain.map((client, i) => publishAll(client, plainAt(i), this.topics, ledger, once)),
    ]
    for (const run of this.#running) run.catch(() => undefined) // awaited at the end
  }

  /** With a topic for each node that it owns, as things stand. */
  static async settle(cluster: TestCluster): Promise<Residents> {
    const maker = await RawClient.signUp(cluster.nodes[0]!.client, 'maker')
    const topics = await topicsOfAll(cluster, maker)
    maker.close()
    const plain = await Promise.all(
      cluster.nodes.map(({ client }) => RawClient.logIn(client, maker.token)),
    )
    const residents = new Residents(cluster, maker.token, topics, plain)
    await residents.talk([...cluster.nodes.keys()])
    return residents
  }

  /** Each of these has been acknowledged `count` more publishes in each topic, and each reads live what the others say. */
  async talk(at: readonly number[], count = 20, ms = 30_000): Promise<void> {
    const began = performance.now()
    for (const topic of this.topics)
      for (const i of at) {
        const said = (): [number, string][] => this.ledger.ackedSince(topic, nameAt(i), began)
        await until(`acks of ${nameAt(i)} in ${topic}`, () => said().length >= count, ms)
        const last = said().at(-1)![0]
        for (const reader of at)
          await until(
            `${last} of ${topic} at ${nameAt(reader)}`,
            () => this.followers[reader]!.seen(topic).has(last),
            ms,
          )
      }
  }

  /** What residents of a node sent since then and was acknowledged, as seq and content. */
  acked(at: number, since: number): [number, string][] {
    const { ledger, topics } = this
    const names = [nameAt(at), plainAt(at)]
    return topics.flatMap((it) => names.flatMap((name) => ledger.ackedSince(it, name, since)))
  }

  /** Ends the talk: every node gives the same history, it is what everybody was told and saw, and the replicas agree. */
  async agree(): Promise<void> {
    for (const publisher of this.publishers) publisher.stopped = true
    this.#isOver = true
    await until('the last answers', () => this.publishers.every((it) => it.unanswered === 0))
    await Promise.all(this.#running.slice(this.followers.length))
    // That it was refused, or that nobody knows, and nothing else.
    for (const failure of this.ledger.failures) expect(failure).toMatch(/: 50[34] /)
    for (const topic of this.topics) {
      const all = await Promise.all(
        this.#cluster.nodes.map(({ client }) => history(client, this.token, topic)),
      )
      for (const stored of all) {
        this.ledger.check(topic, stored)
        expect(stored).toEqual(all[0])
      }
      for (const follower of this.followers) {
        const seen = follower.seen(topic)
        await until(`the end of ${topic}`, () => seen.size >= all[0]!.size)
        expect([...seen].sort(([a], [b]) => a - b)).toEqual([...all[0]!].sort(([a], [b]) => a - b))
      }
    }
    for (const follower of this.followers) expect(follower.problems).toEqual([])
    this.leave()
    await Promise.all(this.#running)
    await this.#cluster.digestsAgree()
  }

  leave(): void {
    this.#isOver = true
    for (const resident of [...this.followers, ...this.publishers]) resident.stop()
    for (const client of this.#plain) client.close()
  }
}

/** Publishes of a plain publisher under way. */
const plainWindow = 4

function nameAt(node: number): string {
  return `p${node}`
}

function plainAt(node: number): string {
  return `plain${node}`
}

interface Topics {
  readonly busy: string[]
  readonly quiet: string[]
}

/** Two topics for each owner, in a partition each. */
async function topicsOfAll(cluster: TestCluster, maker: RawClient): Promise<Topics> {
  const busy = new Map<number, string>()
  const quiet = new Map<number, string>()
  const taken = new Set<number>()
  while (quiet.size < cluster.nodes.length) {
    const topic = await maker.newGroup()
    const { body } = await cluster.admin(0, `/v1/locate?topic=${topic}`)
    const at = await cluster.ownerOf(topic)
    if (at === undefined || taken.has(body.partition) || quiet.has(at)) continue
    taken.add(body.partition)
    const of = busy.has(at) ? quiet : busy
    of.set(at, topic)
  }
  const owners = [...busy.keys()]
  return { busy: owners.map((at) => busy.get(at)!), quiet: owners.map((at) => quiet.get(at)!) }
}
