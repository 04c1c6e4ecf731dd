import { openRawSocket } from './raw-socket.ts'
import type { RawSocket } from './raw-socket.ts'

/** A request that was refused, or that got no answer: `code` is that of the ctrl, `closed` or `no-answer`. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly code: string

  constructor(code: string | number) {
    super(`refused: ${code}`)
    this.code = String(code)
  }
}

interface Ctrl {
  readonly id?: string
  readonly code: number
  readonly topic?: string
  readonly params?: Record<string, unknown>
}

/** The answer to a request: a ctrl, or the meta that stands for one. */
export interface Reply {
  readonly code: number
  readonly topic: string | undefined
  readonly params: Readonly<Record<string, unknown>>
  /** Of a meta. */
  readonly desc: { readonly seq?: number } | undefined
}

interface Waiting {
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: Error) => void
  readonly dueMs: number
}

const letterD = 100
const letterI = 105
const letterP = 112
const sweepMs = 250
const defaultDeadlineMs = 10_000

/**
 * One client connection of the protocol (tinode-wire.md), past `hi`. Servers write the kind of a message
 * first, so one byte of the frame tells `{"data"` from `{"pres"`, `{"info"`, and what answers a request.
 */
export class BenchSession {
  /** Gets the frames of `{data}`. Only lent. */
  onData: ((frame: Buffer) => void) | undefined
  /** Topics that this session is attached to, with the promise of being so. */
  readonly attached = new Map<string, { ok: boolean; done: Promise<void> }>()
  readonly #waiting = new Map<string, Waiting>()
  #socket!: RawSocket
  #next = 1
  #sweep: NodeJS.Timeout | undefined
  #closed = false

  static async open(url: string): Promise<BenchSession> {
    const session = new BenchSession()
    session.#socket = await openRawSocket(url, {
      onFrame: (frame) => session.#take(frame),
      onClose: () => session.#end(),
    })
    await session.ask((id) => `{"hi":{"id":"${id}","ver":"0.25","ua":"flotilla-bench/1.0"}}`)
    return session
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Sends what `text` makes of the request's id. Rejects with Refused on a code of 400 and above. */
  ask(text: (id: string) => string, deadlineMs = defaultDeadlineMs): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new Refused('closed'))
        return
      }
      const id = String(this.#next++)
      this.#waiting.set(id, { resolve, reject, dueMs: performance.now() + deadlineMs })
      this.#socket.send(text(id))
      this.#sweep ??= setInterval(() => this.#expire(), sweepMs).unref()
    })
  }

  /** Attaches once; what the server ends is attached anew at the next call. */
  attach(topic: string, deadlineMs = defaultDeadlineMs): Promise<void> {
    const known = this.attached.get(topic)
    if (known !== undefined) return known.done
    const entry = { ok: false, done: Promise.resolve() }
    entry.done = this.ask((id) => `{"sub":{"id":"${id}","topic":"${topic}"}}`, deadlineMs).then(
      () => {
        entry.ok = true
      },
      (error: unknown) => {
        this.attached.delete(topic)
        throw error
      },
    )
    this.attached.set(topic, entry)
    return entry.done
  }

  /** The seq of the stored message. */
  async publish(topic: string, content: string, deadlineMs = defaultDeadlineMs): Promise<number> {
    if (this.attached.get(topic)?.ok !== true) await this.attach(topic, deadlineMs)
    const text = (id: string) =>
      `{"pub":{"id":"${id}","topic":"${topic}","noecho":true,"content":"${content}"}}`
    try {
      const { code, params } = await this.ask(text, deadlineMs)
      if (typeof params['seq'] === 'number') return params['seq']
      throw new Refused(`${code}-without-seq`)
    } catch (error) {
      if (error instanceof Refused && error.code === '409') this.attached.delete(topic)
      throw error
    }
  }

  close(): void {
    this.#socket.close()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #take(frame: Buffer): void {
    const kind = frame[2]
    if (kind === letterD) {
      this.onData?.(frame)
      return
    }
    if (kind === letterI) return
    const text = frame.toString()
    if (kind === letterP) {
      if (text.includes('"what":"term"'))
        this.#detached((JSON.parse(text) as { pres: { src?: string } }).pres.src)
      return
    }
    const { ctrl, meta } = JSON.parse(text) as {
      ctrl?: Ctrl
      meta?: { id?: string; desc?: { seq?: number } }
    }
    if (ctrl !== undefined) {
      if (ctrl.code === 205) this.#detached(ctrl.topic)
      this.#answer(ctrl.id, {
        code: ctrl.code,
        topic: ctrl.topic,
        params: ctrl.params ?? {},
        desc: undefined,
      })
    } else if (meta !== undefined) {
      this.#answer(meta.id, { code: 200, topic: undefined, params: {}, desc: meta.desc })
    }
  }

  #answer(id: string | undefined, reply: Reply): void {
    const waiting = id === undefined ? undefined : this.#waiting.get(id)
    if (id === undefined || waiting === undefined) return
    this.#waiting.delete(id)
    if (reply.code < 400) waiting.resolve(reply)
    else waiting.reject(new Refused(reply.code))
  }

  #detached(topic: string | undefined): void {
    if (topic !== undefined) this.attached.delete(topic)
  }

  #expire(): void {
    const now = performance.now()
    for (const [id, { dueMs, reject }] of this.#waiting) {
      if (dueMs > now) continue
      this.#waiting.delete(id)
      reject(new Refused('no-answer'))
    }
  }

  #end(): void {
    this.#closed = true
    clearInterval(this.#sweep)
    for (const { reject } of this.#waiting.values()) reject(new Refused('closed'))
    this.#waiting.clear()
    this.attached.clear()
  }
}
