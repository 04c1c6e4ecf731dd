import { connect as dial } from 'node:net'
import type { Socket } from 'node:net'
import type { Connection } from '../system.ts'
import { NatsProtocol } from './nats-protocol.ts'

/** One connection to a NATS server, and to the stream that keeps what is published to `subject`. */
export class NatsConnection implements Connection {
  readonly #socket: Socket
  readonly #subject: string
  readonly #protocol = new NatsProtocol((text) => this.#send(text))
  #unsent = ''

  static async open(port: number, subject: string): Promise<NatsConnection> {
    const socket = dial(port, '127.0.0.1')
    const connection = new NatsConnection(socket, subject)
    await connection.#protocol.hello()
    return connection
  }

  private constructor(socket: Socket, subject: string) {
    this.#socket = socket
    this.#subject = subject
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.#protocol.take(chunk))
    socket.on('error', (error) => this.#protocol.end(error))
    socket.on('close', () => this.#protocol.end(new Error('closed')))
  }

  async publish(body: string): Promise<void> {
    await this.ask(this.#subject, body)
  }

  subscribe(onBody: (bytes: Buffer) => void): Promise<void> {
    return this.#protocol.subscribe(this.#subject, onBody)
  }

  close(): void {
    this.#socket.destroy()
  }

  /** The answer of JetStream: an acknowledgement, or what its interface tells. Rejects with its error. */
  async ask(subject: string, body: string): Promise<Answer> {
    const answer = JSON.parse((await this.#protocol.request(subject, body)).toString()) as Answer
    if (answer.error !== undefined) throw new Error(`nats: ${answer.error.description}`)
    return answer
  }

  /** All that is sent in one turn goes in one write. */
  #send(text: string): void {
    if (this.#unsent === '') {
      queueMicrotask(() => {
        this.#socket.write(this.#unsent)
        this.#unsent = ''
      })
    }
    this.#unsent += text
  }
}

/** What is read of an answer (docs.nats.io, "JetStream wire API Reference"). */
export interface Answer {
  readonly error?: { readonly code: number; readonly description: string }
  /** Of a stream. */
  readonly cluster?: {
    readonly leader?: string
    readonly replicas?: readonly { readonly current: boolean; readonly offline?: boolean }[]
  }
}
