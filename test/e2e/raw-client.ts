import WebSocket from 'ws'

/** The stock web app's key: the default of a development cluster. */
const apiKey = 'AQEAAAABAAD_rAp4DJh05a1HAwFT3A6K'

export interface Ctrl {
  readonly id?: string
  readonly topic?: string
  readonly code: number
  readonly text: string
  readonly params?: any
}

/** What answers a request: its ctrl, or the meta that stands for one. */
export interface Answer {
  /** 200 for a meta; 0: the connection went before an answer came. */
  readonly code: number
  readonly text: string
  readonly params: any
  readonly topic: string
  readonly desc: any
}

export interface Data {
  readonly topic: string
  readonly seq: number
  readonly content: string
}

const lost: Answer = { code: 0, text: 'connection lost', params: {}, topic: '', desc: undefined }

/** One connection of the protocol with nothing between it and the test: no retry, no cache, no order of its own. */
export class RawClient {
  onData: (message: Data) => void = () => undefined
  token = ''
  /** Codes and texts of ctrls that answer no request. */
  readonly unasked: Ctrl[] = []
  /** Settles with the status of the close frame. */
  readonly closed: Promise<number>
  readonly #socket: WebSocket
  readonly #descriptions = new Map<string, (desc: { seq?: number }) => void>()
  readonly #waiting = new Map<string, (answer: Answer) => void>()
  #next = 1

  /** Connects and greets. Rejects when the node takes no clients. */
  static async connect(address: string): Promise<RawClient> {
    const socket = new WebSocket(`ws://${address}/v0/channels?apikey=${apiKey}`, {
      perMessageDeflate: false,
      handshakeTimeout: 3_000,
    })
    const client = new RawClient(socket)
    await new Promise<void>((resolve, reject) => {
      socket.once('open', () => resolve())
      socket.once('error', reject)
    })
    await client.must({ hi: { ver: '0.25', ua: 'e2e/1.0' } })
    return client
  }

  /** Connects with a new account. */
  static async signUp(address: string, name: string): Promise<RawClient> {
    const client = await RawClient.connect(address)
    const secret = Buffer.from(`${name}:secret-secret`).toString('base64')
    const acc = { user: `new${name}`, scheme: 'basic', secret, login: true }
    client.token = (await client.must({ acc })).params.token
    return client
  }

  /** Connects as the one to whom the token was given. */
  static async logIn(address: string, token: string): Promise<RawClient> {
    const client = await RawClient.connect(address)
    await client.must({ login: { scheme: 'token', secret: token } })
    client.token = token
    return client
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (frame: Buffer) => this.#take(JSON.parse(frame.toString())))
    socket.on('error', () => undefined) // close follows
    this.closed = new Promise((resolve) => {
      socket.once('close', (code) => {
        for (const answer of this.#waiting.values()) answer(lost)
        this.#waiting.clear()
        resolve(code)
      })
    })
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN
  }

  /** Sends one verb and settles with its answer, whatever it is. */
  ask(message: Record<string, object>): Promise<Answer> {
    if (!this.isOpen) return Promise.resolve(lost)
    const id = String(this.#next++)
    const [verb, body] = Object.entries(message)[0]!
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      this.#socket.send(JSON.stringify({ ...message, [verb]: { ...body, id } }))
    })
  }

  /** Like {@link ask}; an answer of 400 and above is an error. */
  async must(message: Record<string, object>): Promise<Answer> {
    const answer = await this.ask(message)
    if (answer.code >= 200 && answer.code < 400) return answer
    throw new Error(`${JSON.stringify(message)} was answered ${answer.code} ${answer.text}`)
  }

  /** A new group, to which its maker is attached. Its name. */
  async newGroup(): Promise<string> {
    const set = { desc: { defacs: { auth: 'JRWPS', anon: 'N' } } }
    return (await this.must({ sub: { topic: `new${this.#next}`, set } })).topic
  }

  publish(topic: string, content: string, key?: { producer: string; n: number }): Promise<Answer> {
    const pub = { topic, content, noecho: true }
    return this.ask(key === undefined ? { pub } : { pub, extra: key })
  }

  /** The next description of a topic that answers no request of its own, as after a sub. */
  described(topic: string): Promise<{ seq?: number }> {
    return new Promise((resolve) => this.#descriptions.set(topic, resolve))
  }

  close(): void {
    this.#socket.terminate()
  }

  #take({ data, ctrl, meta }: { data?: Data; ctrl?: Ctrl; meta?: any }): void {
    if (data !== undefined) return this.onData(data)
    const said = ctrl ?? meta
    if (said === undefined) return
    const answer = said.id === undefined ? undefined : this.#waiting.get(said.id)
    if (answer === undefined) {
      if (meta?.desc !== undefined) this.#descriptions.get(meta.topic)?.(meta.desc)
      if (ctrl !== undefined && ctrl.id === undefined) this.unasked.push(ctrl)
      return
    }
    this.#waiting.delete(said.id)
    const { code = 200, text = '', params = {} } = ctrl ?? {}
    answer({ code, text, params, topic: said.topic ?? '', desc: meta?.desc })
  }
}

/** A page is never larger than what the server gives at once. */
const pageSize = 100

/**
 * All of a topic, by a connection that was made for it. Throws when a message comes twice or a
 * page is not complete.
 */
export async function history(
  address: string,
  token: string,
  topic: string,
): Promise<Map<number, string>> {
  const client = await RawClient.logIn(address, token)
  const found = new Map<number, string>()
  const twice: number[] = []
  client.onData = (message) => {
    if (message.topic !== topic) return
    if (found.has(message.seq)) twice.push(message.seq)
    found.set(message.seq, message.content)
  }
  await client.must({ sub: { topic } })
  const { desc } = await client.must({ get: { topic, what: 'desc' } })
  const last = (desc.seq as number | undefined) ?? 0
  for (let before = last + 1; before > 1; before -= pageSize) {
    const data = { since: Math.max(1, before - pageSize), before, limit: pageSize }
    const { params } = await client.must({ get: { topic, what: 'data', data } })
    if (params.count !== before - data.since) {
      throw new Error(`${topic} has ${params.count} of the messages ${data.since} to ${before - 1}`)
    }
  }
  client.close()
  if (twice.length > 0) throw new Error(`${topic} gave twice: ${twice.join(' ')}`)
  return found
}
