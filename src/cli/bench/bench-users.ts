import { BenchSession } from './bench-session.ts'

/**
 * Users of a measurement, signed up when first needed and logged in by token from then on. The user
 * `owner` makes the topics and is nobody else.
 */
export class BenchUsers {
  readonly #urls: readonly string[]
  readonly #max: number
  readonly #run = Date.now().toString(36)
  readonly #tokens = new Map<number, Promise<string>>()
  #turn = 0

  /** `max`: further connections share users. */
  constructor(urls: readonly string[], max: number) {
    this.#urls = urls
    this.#max = max
  }

  /** A logged-in connection to `node`, of the next user or of the one named. */
  async connect(node: number, user = this.#turn++ % this.#max): Promise<BenchSession> {
    const session = await patiently(() => BenchSession.open(this.#urls[node % this.#urls.length]!))
    const known = this.#tokens.get(user)
    if (known === undefined) {
      const token = this.#signUp(session, user)
      this.#tokens.set(user, token)
      await token
    } else {
      const token = await known
      await session.ask((id) => `{"login":{"id":"${id}","scheme":"token","secret":"${token}"}}`)
    }
    return session
  }

  /** `count` connections spread over the nodes, a few being made at a time. */
  async connectMany(
    count: number,
    each: (session: BenchSession, i: number) => Promise<void> | void,
  ): Promise<void> {
    let next = 0
    const worker = async () => {
      for (let i = next++; i < count; i = next++) await each(await this.connect(i), i)
    }
    await Promise.all(Array.from({ length: parallelConnects }, worker))
  }

  /** A group topic that anybody may join, made through `node`; its name. */
  async newTopic(node: number): Promise<string> {
    const session = await this.connect(node, ownerUser)
    const text = (id: string) =>
      `{"sub":{"id":"${id}","topic":"new${id}","set":{"desc":{"defacs":{"auth":"JRWPS","anon":"N"},"public":{"fn":"bench"}}}}}`
    const { topic } = await patiently(() => session.ask(text))
    session.close()
    if (topic === undefined) throw new Error('the answer to a new topic has no name')
    return topic
  }

  /** The history of a topic from `since` on, page by page, through `node`. */
  async history(
    node: number,
    topic: string,
    since: number,
    each: (seq: number, content: string) => void,
  ): Promise<void> {
    const session = await this.connect(node, ownerUser)
    try {
      await session.attach(topic)
      const { desc } = await session.ask(
        (id) => `{"get":{"id":"${id}","topic":"${topic}","what":"desc"}}`,
      )
      const last = desc?.seq ?? 0
      let page: { seq: number; content: string }[] = []
      session.onData = (frame) => {
        const { data } = JSON.parse(frame.toString()) as {
          data: { topic: string; seq: number; content?: unknown }
        }
        if (data.topic === topic) page.push({ seq: data.seq, content: String(data.content) })
      }
      for (let from = since; from <= last; from += pageSize) {
        page = []
        const range = `{"since":${from},"before":${from + pageSize},"limit":${pageSize}}`
        await session.ask(
          (id) => `{"get":{"id":"${id}","topic":"${topic}","what":"data","data":${range}}}`,
        )
        page.sort((a, b) => a.seq - b.seq) // a page comes newest first
        for (const { seq, content } of page) each(seq, content)
      }
    } finally {
      session.close()
    }
  }

  async #signUp(session: BenchSession, user: number): Promise<string> {
    const secret = Buffer.from(`b${this.#run}${user < 0 ? 'x' : user}:bench-pass-1`).toString(
      'base64',
    )
    const text = (id: string) =>
      `{"acc":{"id":"${id}","user":"new","scheme":"basic","secret":"${secret}","login":true,"desc":{"public":{"fn":"bench ${user}"}}}}`
    const { params } = await session.ask(text, signUpDeadlineMs)
    if (typeof params['token'] !== 'string') throw new Error('the answer to a sign-up has no token')
    return params['token']
  }
}

const ownerUser = -1
const pageSize = 100
const parallelConnects = 6
const signUpDeadlineMs = 30_000
const patienceMs = 15_000
const retryMs = 200

/** Tries again while the server says that it cannot just now: a node that elects or starts, an upgrade refused with 503. */
async function patiently<T>(attempt: () => Promise<T>): Promise<T> {
  const end = performance.now() + patienceMs
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      const passing = error instanceof Error && /\b50[34]\b/.test(error.message)
      if (!passing || performance.now() > end) throw error
      await new Promise((resolve) => setTimeout(resolve, retryMs))
    }
  }
}
