import { WebSocket } from 'ws'
import { outcomeOf } from './call-outcome.ts'
import type { CallEnd } from './call-outcome.ts'
import type { Outcome } from '../operations.ts'
import { parseServerMessage } from './server-message.ts'
import type { Ctrl, DataFrame, Meta, ServerMessage } from './server-message.ts'

/** Where a node listens for clients, as seen by the harness (maybe behind a proxy). */
export interface ClientAddress {
  readonly node: string
  readonly host: string
  readonly port: number
  readonly apiKey: string
  /** Base path of the API; `/` when missing. */
  readonly path?: string
}

/** How a call ended, with everything that was answered under its id. Never thrown, always told. */
export interface CallResult {
  readonly outcome: Outcome
  /** Code of the last ctrl; missing when there was none. */
  readonly code?: number
  readonly text?: string
  readonly params: Readonly<Record<string, unknown>>
  readonly topic?: string
  readonly metas: readonly Meta[]
  /** Why it is not ok, in a word or two. */
  readonly error?: string
}

export interface CallOptions {
  readonly deadlineMs: number
  /** Stands beside the verb in the message: {verb: {...}, extra: {...}}. */
  readonly extra?: Readonly<Record<string, unknown>>
  /** Whether the answers so far are all. Errors always are. Missing: the first answer is. */
  readonly complete?: (latest: Ctrl | Meta, ctrls: readonly Ctrl[]) => boolean
}

export interface ConnectionEvents {
  onData?: (frame: DataFrame) => void
  /** A ctrl that answers nothing: evicted, shutting down. */
  onNotice?: (ctrl: Ctrl) => void
  /** Once, when the connection is over, whoever ended it. */
  onClose?: (why: string) => void
}

/** Calls open at a time on one connection. Above: a call fails without being sent. */
const maxOpenCalls = 1_024

interface OpenCall {
  readonly options: CallOptions
  readonly settle: (result: CallResult) => void
  readonly timer: NodeJS.Timeout
  readonly ctrls: Ctrl[]
  readonly metas: Meta[]
}

/** One WebSocket connection with numbered requests. Written from the protocol's description alone. */
export class Connection {
  readonly node: string
  /** Frames that were no message of the protocol. */
  protocolErrors = 0
  readonly #socket: WebSocket
  readonly #events: ConnectionEvents
  readonly #calls = new Map<string, OpenCall>()
  #nextId = 1
  #closed: string | undefined

  private constructor(node: string, socket: WebSocket, events: ConnectionEvents) {
    this.node = node
    this.#socket = socket
    this.#events = events
    socket.on('message', (bytes: Buffer) => this.#receive(bytes.toString('utf8')))
    socket.on('error', (error) => this.#end(error.message))
    socket.on('close', (code) => this.#end(`closed (${code})`))
  }

  /** Undefined when there is no connection within the deadline; nothing was asked then. */
  static open(
    address: ClientAddress,
    deadlineMs: number,
    events: ConnectionEvents = {},
  ): Promise<Connection | undefined> {
    const { host, port, apiKey, path = '/' } = address
    const url = `ws://${host}:${port}${path}v0/channels?apikey=${encodeURIComponent(apiKey)}`
    const socket = new WebSocket(url, { handshakeTimeout: deadlineMs, perMessageDeflate: false })
    return new Promise((resolve) => {
      const timer = setTimeout(() => socket.terminate(), deadlineMs)
      const failed = (): void => {
        clearTimeout(timer)
        resolve(undefined)
      }
      socket.once('error', failed)
      socket.once('close', failed)
      socket.once('open', () => {
        clearTimeout(timer)
        socket.off('error', failed)
        socket.off('close', failed)
        resolve(new Connection(address.node, socket, events))
      })
    })
  }

  get isOpen(): boolean {
    return this.#closed === undefined && this.#socket.readyState === WebSocket.OPEN
  }

  /** Sends `{[verb]: {id, ...body}}` and waits for what ends the call. Never rejects. */
  call(verb: string, body: object, options: CallOptions): Promise<CallResult> {
    if (!this.isOpen) return Promise.resolve(ended({ kind: 'not-sent' }, 'not connected'))
    if (this.#calls.size >= maxOpenCalls)
      return Promise.resolve(ended({ kind: 'not-sent' }, 'too many calls open'))
    const id = String(this.#nextId++)
    return new Promise((settle) => {
      const timer = setTimeout(() => {
        this.#calls.delete(id)
        settle(ended({ kind: 'timeout' }, 'timeout'))
      }, options.deadlineMs)
      this.#calls.set(id, { options, settle, timer, ctrls: [], metas: [] })
      this.#socket.send(JSON.stringify({ [verb]: { id, ...body }, extra: options.extra }))
    })
  }

  /** Sends what nobody answers. False: it was not sent. */
  tell(verb: string, body: object): boolean {
    if (!this.isOpen) return false
    this.#socket.send(JSON.stringify({ [verb]: body }))
    return true
  }

  /** Ends it at once; open calls become unknown. May be called twice. */
  close(): void {
    this.#end('closed by us')
    this.#socket.terminate()
  }

  #receive(text: string): void {
    if (text === '0') return
    const message = parseServerMessage(text)
    if (!message) this.protocolErrors++
    else if (message.data) this.#events.onData?.(message.data)
    else this.#answer(message)
  }

  #answer({ ctrl, meta }: ServerMessage): void {
    const answer = ctrl ?? meta
    if (ctrl && ctrl.id === undefined) this.#events.onNotice?.(ctrl)
    if (!answer || answer.id === undefined) return
    const call = this.#calls.get(answer.id)
    if (!call) return
    if (ctrl) call.ctrls.push(ctrl)
    if (meta) call.metas.push(meta)
    const refused = ctrl !== undefined && ctrl.code >= 400
    if (!refused && call.options.complete?.(answer, call.ctrls) === false) return
    this.#calls.delete(answer.id)
    clearTimeout(call.timer)
    call.settle(answered(call))
  }

  #end(why: string): void {
    if (this.#closed !== undefined) return
    this.#closed = why
    for (const { settle, timer } of this.#calls.values()) {
      clearTimeout(timer)
      settle(ended({ kind: 'closed' }, `connection lost: ${why}`))
    }
    this.#calls.clear()
    this.#events.onClose?.(why)
  }
}

function answered({ ctrls, metas }: OpenCall): CallResult {
  const last = ctrls.at(-1)
  // A meta alone is an answer, too: {get desc} has no ctrl.
  const named = last?.params?.['error']
  const outcome = outcomeOf({
    kind: 'answered',
    code: last?.code ?? 200,
    ...(typeof named === 'string' && { error: named }),
  })
  const topic = ctrls.find((ctrl) => ctrl.topic !== undefined)?.topic
  return {
    outcome,
    params: Object.assign({}, ...ctrls.map((ctrl) => ctrl.params ?? {})) as Record<string, unknown>,
    metas,
    ...(last && { code: last.code, text: last.text }),
    ...(topic !== undefined && { topic }),
    ...(outcome !== 'ok' && { error: refusalText(last, named) }),
  }
}

function refusalText(last: Ctrl | undefined, named: unknown): string {
  const why = typeof named === 'string' ? ` (${named})` : ''
  return `${last?.code} ${last?.text}${why}`
}

function ended(end: CallEnd, error: string): CallResult {
  return { outcome: outcomeOf(end), error, params: {}, metas: [] }
}
