import { randomBytes } from 'node:crypto'

/**
 * As much of the NATS client protocol (docs.nats.io, "Client Protocol") as a load needs: requests with
 * their answers over one inbox, and subscriptions. Bytes come by `take`, cut anywhere; text goes by `write`.
 */
export class NatsProtocol {
  readonly #write: (text: string) => void
  readonly #inbox = `_INBOX.${randomBytes(6).toString('hex')}`
  readonly #requests = new Map<number, Waiting<Buffer>>()
  readonly #pings: Waiting<void>[] = []
  /** By subscription number; 0 is the inbox. */
  readonly #subscribers: ((body: Buffer) => void)[] = []
  #nextRequest = 0
  #rest: Buffer | undefined
  #ended: Error | undefined

  constructor(write: (text: string) => void) {
    this.#write = write
  }

  /** Settles when the server has taken the connection. */
  hello(): Promise<void> {
    this.#write(`CONNECT ${connectOptions}\r\nSUB ${this.#inbox}.* ${inboxNumber}\r\n`)
    return this.#ping()
  }

  /** The body of the answer. Rejects when nobody listens to the subject, and when the connection ends. */
  request(subject: string, body: string): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) {
        reject(this.#ended)
        return
      }
      const n = this.#nextRequest++
      this.#requests.set(n, { resolve, reject })
      this.#write(`PUB ${subject} ${this.#inbox}.${n} ${Buffer.byteLength(body)}\r\n${body}\r\n`)
    })
  }

  /** Settles when the server has it; `onBody` is lent the bodies. */
  subscribe(subject: string, onBody: (body: Buffer) => void): Promise<void> {
    const number = this.#subscribers.push(onBody) // the first is 1
    this.#write(`SUB ${subject} ${number}\r\n`)
    return this.#ping()
  }

  take(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    while (at < bytes.length) {
      const end = this.#takeOne(bytes, at)
      if (end < 0) break
      at = end
    }
    this.#rest = at < bytes.length ? bytes.subarray(at) : undefined
  }

  /** Whatever is still waited for is refused. */
  end(error: Error): void {
    this.#ended ??= error
    for (const { reject } of [...this.#requests.values(), ...this.#pings]) reject(this.#ended)
    this.#requests.clear()
    this.#pings.length = 0
  }

  #ping(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) {
        reject(this.#ended)
        return
      }
      this.#pings.push({ resolve, reject })
      this.#write('PING\r\n')
    })
  }

  /** Where the operation that begins at `at` ends; -1: not all of it is there. */
  #takeOne(bytes: Buffer, at: number): number {
    const newline = bytes.indexOf(lineFeed, at)
    if (newline < 0) return -1
    const kind = bytes[at]
    if (kind === letterM || kind === letterH) return this.#takeMessage(bytes, at, newline)
    const word = bytes.toString('latin1', at, newline - 1)
    if (word === 'PING') this.#write('PONG\r\n')
    else if (word === 'PONG') this.#pings.shift()?.resolve()
    else if (word.startsWith('-ERR')) this.end(new Error(`nats: ${word.slice(5)}`))
    return newline + 1 // INFO and +OK say nothing that a load needs
  }

  /** `MSG subject number [reply] size` or `HMSG subject number [reply] head-size size`, then the bytes. */
  #takeMessage(bytes: Buffer, at: number, newline: number): number {
    const afterSubject = bytes.indexOf(blank, bytes.indexOf(blank, at) + 1)
    const size = numberBefore(bytes, newline - 1)
    const end = newline + 1 + size
    if (bytes.length < end + 2) return -1
    const hasHead = bytes[at] === letterH
    const head = hasHead ? numberBefore(bytes, bytes.lastIndexOf(blank, newline)) : 0
    const body = bytes.subarray(newline + 1 + head, end)
    const number = numberBefore(bytes, bytes.indexOf(blank, afterSubject + 1))
    if (number !== inboxNumber) {
      this.#subscribers[number - 1]?.(body)
    } else {
      const status = hasHead ? bytes.toString('latin1', newline + 1, newline + 1 + head) : ''
      this.#answer(numberBefore(bytes, afterSubject), body, status)
    }
    return end + 2
  }

  #answer(n: number, body: Buffer, status: string): void {
    const waiting = this.#requests.get(n)
    if (waiting === undefined) return
    this.#requests.delete(n)
    if (/^NATS\/1\.0 [45]/.test(status)) {
      waiting.reject(new Error(`nats: ${status.slice('NATS/1.0 '.length).trim()}`))
    } else waiting.resolve(body)
  }
}

interface Waiting<T> {
  readonly resolve: (value: T) => void
  readonly reject: (error: Error) => void
}

/** With `no_responders` a request to nobody is answered (503) and not left waiting. */
const connectOptions = JSON.stringify({
  verbose: false,
  pedantic: false,
  tls_required: false,
  lang: 'flotilla-bench',
  version: '1',
  protocol: 1,
  headers: true,
  no_responders: true,
})
const inboxNumber = 0
const lineFeed = 10
const blank = 32
const letterH = 72
const letterM = 77

/** The digits that end at `end`, as a number. */
function numberBefore(bytes: Buffer, end: number): number {
  let n = 0
  let place = 1
  for (let i = end - 1; i >= 0; i--) {
    const digit = bytes[i]! - 48
    if (digit < 0 || digit > 9) break
    n += digit * place
    place *= 10
  }
  return n
}
