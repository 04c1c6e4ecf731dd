import { openRawSocket } from '../../../src/cli/bench/raw-socket.ts'
import type { RawSocket } from '../../../src/cli/bench/raw-socket.ts'
import type { Connection } from '../system.ts'

interface Waiting {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** The letter that tells `{"a":` from `{"s":` (ceiling-clients.ts). */
const answer = 'a'.charCodeAt(0)

/** A client of the ceiling, over the same lean WebSocket as those of Flotilla. */
export class CeilingConnection implements Connection {
  readonly #waiting = new Map<number, Waiting>()
  #socket!: RawSocket
  #onBody: (bytes: Buffer) => void = () => {}
  #next = 0

  static async open(port: number): Promise<CeilingConnection> {
    const connection = new CeilingConnection()
    connection.#socket = await openRawSocket(`ws://127.0.0.1:${port}/`, {
      onFrame: (frame) => connection.#take(frame),
      onClose: () => connection.#end(),
    })
    return connection
  }

  publish(body: string): Promise<void> {
    return this.#ask((i) => `{"i":${i},"d":"${body}"}`)
  }

  subscribe(onBody: (bytes: Buffer) => void): Promise<void> {
    this.#onBody = onBody
    return this.#ask((i) => `{"i":${i},"sub":1}`)
  }

  close(): void {
    this.#socket.destroy()
  }

  #ask(text: (i: number) => string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(this.#next, { resolve, reject })
      this.#socket.send(text(this.#next++))
    })
  }

  #take(frame: Buffer): void {
    if (frame[2] !== answer) {
      this.#onBody(frame)
      return
    }
    const i = Number(frame.toString('latin1', '{"a":'.length, frame.length - 1))
    this.#waiting.get(i)?.resolve()
    this.#waiting.delete(i)
  }

  #end(): void {
    for (const { reject } of this.#waiting.values()) reject(new Error('closed'))
    this.#waiting.clear()
  }
}
