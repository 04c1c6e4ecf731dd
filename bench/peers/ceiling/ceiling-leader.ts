import { createServer } from 'node:net'
import { CeilingLink, packed } from './ceiling-link.ts'
import type { ToFollower, ToLeader } from './ceiling-link.ts'
import type { CeilingLog } from './ceiling-log.ts'
import type { Replica } from './ceiling-server.ts'

interface Proposal {
  readonly body: string
  readonly done: (seq: number) => void
}

interface Follower {
  readonly link: CeilingLink<ToFollower, ToLeader>
  stored: number
  /** n and seq of its own publishes that committed, not told yet. */
  answers: number[]
}

/** Entries in one append and one message, at most. The rest waits for the next. */
const mostEntries = 2_000

/** Puts publishes in order, stores them, sends them on; an entry commits when a majority has it on disk. */
export class Leader implements Replica {
  readonly #log: CeilingLog
  readonly #needed: number
  readonly #deliver: (first: number, bodies: readonly string[]) => void
  readonly #followers = new Map<number, Follower>()
  #queue: Proposal[] = []
  /** From `#commit + 1` to `#last`. */
  #uncommitted: Proposal[] = []
  #last = 0
  #stored = 0
  #commit = 0
  #storing = false

  constructor(
    log: CeilingLog,
    nodes: number,
    deliver: (first: number, bodies: readonly string[]) => void,
  ) {
    this.#log = log
    this.#needed = Math.floor(nodes / 2) + 1
    this.#deliver = deliver
  }

  listen(port: number): void {
    const server = createServer((socket) => {
      let follower: Follower | undefined
      const link = new CeilingLink<ToFollower, ToLeader>(socket, (message) => {
        if (message[0] === 'hello') {
          follower = { link, stored: 0, answers: [] }
          this.#followers.set(message[1], follower)
        } else if (follower !== undefined) this.#take(follower, message)
      })
    })
    server.listen(port, '127.0.0.1')
  }

  /** What comes in one turn is stored together. */
  publish(body: string, done: (seq: number) => void): void {
    this.#queue.push({ body, done })
    if (this.#storing) return
    this.#storing = true
    setImmediate(() => void this.#store())
  }

  #take(follower: Follower, message: ToLeader): void {
    if (message[0] === 'stored') {
      follower.stored = message[1]
      this.#advance()
    } else if (message[0] === 'publishes') {
      for (const [n, body] of message[1]) {
        this.publish(body, (seq) => void follower.answers.push(n, seq))
      }
    }
  }

  async #store(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, mostEntries)
      const bodies = batch.map(({ body }) => body)
      const first = this.#last + 1
      this.#last += batch.length
      for (const proposal of batch) this.#uncommitted.push(proposal)
      for (const { link } of this.#followers.values()) {
        link.send(['entries', first, this.#commit, bodies])
      }
      await this.#log.append(packed([first, bodies]))
      this.#stored = this.#last
      this.#advance()
    }
    this.#storing = false
  }

  #advance(): void {
    const stored = [this.#stored, ...[...this.#followers.values()].map((one) => one.stored)]
    const commit = stored.toSorted((a, b) => b - a)[this.#needed - 1] ?? 0
    if (commit <= this.#commit) return
    const first = this.#commit + 1
    const committed = this.#uncommitted.splice(0, commit - this.#commit)
    this.#commit = commit
    for (const [i, { done }] of committed.entries()) done(first + i)
    for (const follower of this.#followers.values()) {
      follower.link.send(['commit', commit, follower.answers])
      follower.answers = []
    }
    this.#deliver(
      first,
      committed.map(({ body }) => body),
    )
  }
}
