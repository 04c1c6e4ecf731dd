import { expect } from 'vitest'
import { until } from './cluster.ts'
import type { TestCluster } from './cluster.ts'
import { Follower, KeyedPublisher } from './follower.ts'
import type { Wanderer } from './follower.ts'
import { Ledger } from './ledger.ts'
import { RawClient, history } from './raw-client.ts'

/** Acks that show that publishing goes on. */
const someAcks = 200

/**
 * Publishers and live subscribers on every node, over several topics, while the cluster changes under
 * them. They go to the next node when theirs goes away.
 */
export class Crowd {
  readonly topics: readonly string[]
  readonly ledger = new Ledger()
  readonly #cluster: TestCluster
  readonly #token: string
  readonly #followers: Follower[]
  readonly #publishers: KeyedPublisher[]
  readonly #reading: Promise<void>[]
  readonly #publishing: Promise<void>[]

  private constructor(cluster: TestCluster, token: string, topics: readonly string[]) {
    this.#cluster = cluster
    this.#token = token
    this.topics = topics
    const { ledger } = this
    // Asked for at every connection: nodes come and go.
    const addresses = {
      at: (turn: number) => {
        const up = cluster.nodes.filter((node) => node.process !== null)
        return up[turn % up.length]!.client
      },
    }
    const turns = [0, 1, 2]
    this.#followers = turns.map((at) => new Follower(addresses, at, token, topics))
    this.#publishers = turns.map(
      (at) =>
        new KeyedPublisher(addresses, at, token, { name: `p${at}`, ledger, topics, window: 2 }),
    )
    this.#reading = this.#followers.map((follower) => follower.run())
    this.#publishing = this.#publishers.map((publisher) => publisher.run())
  }

  static async gather(cluster: TestCluster): Promise<Crowd> {
    const maker = await RawClient.signUp(cluster.nodes[0]!.client, 'maker')
    const topics: string[] = []
    for (let i = 0; i < 6; i++) topics.push(await maker.newGroup())
    maker.close()
    const crowd = new Crowd(cluster, maker.token, topics)
    await crowd.talks()
    return crowd
  }

  /** Settles when some more publishes have been acknowledged. */
  async talks(): Promise<void> {
    const { acks } = this.ledger
    await until('acks', () => this.ledger.acks > acks + someAcks, 30_000)
  }

  /** Ends the talk, and holds what everybody has seen and been told against what is stored. */
  async agrees(): Promise<void> {
    for (const publisher of this.#publishers) publisher.stopped = true
    await Promise.all(this.#publishing)
    expect(this.ledger.failures).toEqual([])
    await this.#cluster.ready()
    const up = this.#cluster.nodes.filter((node) => node.process !== null)
    for (const [i, topic] of this.topics.entries()) {
      const stored = await history(up[i % up.length]!.client, this.#token, topic)
      this.ledger.check(topic, stored)
      for (const follower of this.#followers) {
        const seen = follower.seen(topic)
        await until(`the end of ${topic} at ${follower.address}`, () => {
          if (seen.size >= stored.size) return true
          throw new Error(`${seen.size} of ${stored.size}, ${follower.connections} connections`)
        })
        expect([...seen].sort(([a], [b]) => a - b)).toEqual([...stored].sort(([a], [b]) => a - b))
      }
    }
    for (const follower of this.#followers) expect(follower.problems).toEqual([])
    this.close()
    await Promise.all(this.#reading)
  }

  close(): void {
    const all: Wanderer[] = [...this.#followers, ...this.#publishers]
    for (const wanderer of all) wanderer.stop()
  }
}
