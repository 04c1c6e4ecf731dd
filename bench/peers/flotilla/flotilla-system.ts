import { openTarget } from '../../../src/cli/bench/bench-target.ts'
import type { BenchSession } from '../../../src/cli/bench/bench-session.ts'
import { BenchUsers } from '../../../src/cli/bench/bench-users.ts'
import type { Connection, System } from '../system.ts'

/** More than any measurement has connections: how a publisher joins must not be how a subscriber of the same user does. */
const mostUsers = 20_000

/** Flotilla as `flotilla bench` starts it: real processes without rate limits, and one group topic. */
export const flotillaSystem: System = {
  name: 'flotilla',
  acknowledges: 'on disk (fdatasync) at a majority',
  delivers: 'on disk (fdatasync) at a majority',
  needs: [],
  start: async ({ folder, nodes }) => {
    const wish = { config: undefined, dir: undefined, tmp: folder, nodes, keep: false }
    const target = await openTarget(wish)
    try {
      const users = new BenchUsers(target.urls, mostUsers)
      const topic = await users.newTopic(0)
      return {
        pids: () => target.pids(),
        connect: async (node) => new FlotillaConnection(await users.connect(node), topic),
        stop: () => target.close(),
      }
    } catch (error) {
      await target.close()
      throw error
    }
  },
}

/** Join and write: a publisher does not read, so that the load of other publishers does not come to it. */
const publisherMode = 'JW'

class FlotillaConnection implements Connection {
  readonly #session: BenchSession
  readonly #topic: string
  #joined: Promise<void> | undefined

  constructor(session: BenchSession, topic: string) {
    this.#session = session
    this.#topic = topic
  }

  async publish(body: string): Promise<void> {
    if (this.#session.attached.get(this.#topic)?.ok !== true) await this.#joinOnce()
    await this.#session.publish(this.#topic, body)
  }

  subscribe(onBody: (bytes: Buffer) => void): Promise<void> {
    this.#session.onData = onBody
    return this.#session.attach(this.#topic)
  }

  close(): void {
    this.#session.destroy()
  }

  /** One request, however many publishes wait for it; when it is refused the next publish asks again. */
  #joinOnce(): Promise<void> {
    this.#joined ??= this.#join().finally(() => (this.#joined = undefined))
    return this.#joined
  }

  async #join(): Promise<void> {
    const topic = this.#topic
    const set = `{"sub":{"mode":"${publisherMode}"}}`
    await this.#session.ask((id) => `{"sub":{"id":"${id}","topic":"${topic}","set":${set}}}`)
    this.#session.attached.set(topic, { ok: true, done: Promise.resolve() })
  }
}
