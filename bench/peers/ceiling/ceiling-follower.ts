import { connect as dial } from 'node:net'
import { CeilingLink, packed } from './ceiling-link.ts'
import type { ToFollower, ToLeader } from './ceiling-link.ts'
import type { CeilingLog } from './ceiling-log.ts'
import type { Replica } from './ceiling-server.ts'

/** Between two attempts to reach the leader, which starts at the same time, ms. */
const redialMs = 50

/** Stores what the leader sends, and sends it what its own clients publish. */
export class Follower implements Replica {
  readonly #log: CeilingLog
  readonly #deliver: (first: number, bodies: readonly string[]) => void
  #link!: CeilingLink<ToLeader, ToFollower>
  #publishes: [n: number, body: string][] = []
  readonly #waiting = new Map<number, (seq: number) => void>()
  #next = 0
  /** From the first entry that is not delivered yet. */
  #undelivered: string[] = []
  #unstored: string[] = []
  #last = 0
  #stored = 0
  #commit = 0
  #storing = false

  constructor(log: CeilingLog, deliver: (first: number, bodies: readonly string[]) => void) {
    this.#log = log
    this.#deliver = deliver
  }

  /** Settles when the leader is reached. */
  async join(id: number, leaderPort: number): Promise<void> {
    const socket = await dialled(leaderPort)
    this.#link = new CeilingLink(socket, (message) => this.#take(message))
    this.#link.send(['hello', id])
  }

  /** What comes in one turn goes to the leader together. */
  publish(body: string, done: (seq: number) => void): void {
    if (this.#publishes.length === 0) {
      setImmediate(() => {
        this.#link.send(['publishes', this.#publishes])
        this.#publishes = []
      })
    }
    this.#waiting.set(this.#next, done)
    this.#publishes.push([this.#next++, body])
  }

  #take(message: ToFollower): void {
    if (message[0] === 'entries') {
      const [, first, commit, bodies] = message
      this.#last = first + bodies.length - 1
      for (const body of bodies) {
        this.#undelivered.push(body)
        this.#unstored.push(body)
      }
      this.#learn(commit)
      if (!this.#storing) void this.#store()
    } else {
      const [, commit, answers] = message
      for (let i = 0; i < answers.length; i += 2) this.#answer(answers[i]!, answers[i + 1]!)
      this.#learn(commit)
    }
  }

  #answer(n: number, seq: number): void {
    this.#waiting.get(n)?.(seq)
    this.#waiting.delete(n)
  }

  /** Links keep the order, so what the leader says is committed has come. */
  #learn(commit: number): void {
    if (commit <= this.#commit) return
    const first = this.#commit + 1
    const bodies = this.#undelivered.splice(0, commit - this.#commit)
    this.#commit = commit
    this.#deliver(first, bodies)
  }

  async #store(): Promise<void> {
    this.#storing = true
    while (this.#unstored.length > 0) {
      const bodies = this.#unstored
      this.#unstored = []
      const last = this.#last
      await this.#log.append(packed([this.#stored + 1, bodies]))
      this.#stored = last
      this.#link.send(['stored', last])
    }
    this.#storing = false
  }
}

async function dialled(port: number): Promise<ReturnType<typeof dial>> {
  for (;;) {
    const socket = dial(port, '127.0.0.1')
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    if (isOpen) return socket
    await new Promise((resolve) => setTimeout(resolve, redialMs))
  }
}
