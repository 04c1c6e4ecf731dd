import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { reset } from '../../jepsen-lite/proxy/reset.ts'

/** A directed link through userspace, as the fault harness has it: it can be cut in many ways. */
export class FaultyProxy {
  /** Bytes of these directions go nowhere, and nobody is told of a close: half-open. */
  swallow: 'nothing' | 'both' | 'from-dialler' | 'to-dialler' = 'nothing'
  /** New connections are closed at once. */
  refuse = false
  /** Flip one bit of the byte with this number, counted over what the dialler sends, once. */
  corruptAt = -1
  /** Close in both directions when this many bytes have passed from the dialler. */
  resetAt = Infinity
  /** Largest piece that is passed on at once. */
  maxPiece = Infinity
  connections = 0
  #frozenBefore = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  #target: () => number

  private constructor(target: () => number) {
    this.#target = target
    this.#server = createServer((near) => this.#accept(near, this.#target()))
  }

  static async to(target: () => number): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(target)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  /** New connections go elsewhere. */
  retarget(target: () => number): void {
    this.#target = target
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Makes the connections that are open now half-open for ever; new ones work. */
  freeze(): void {
    this.#frozenBefore = this.connections
  }

  /** Resets every open connection. */
  cut(): void {
    for (const socket of this.#sockets) reset(socket)
  }

  close(): void {
    this.cut()
    this.#server.close()
  }

  #accept(near: Socket, port: number): void {
    if (this.refuse) {
      reset(near)
      return
    }
    const number = this.connections++
    const isDeaf = (isDialler: boolean) =>
      number < this.#frozenBefore ||
      this.swallow === 'both' ||
      this.swallow === (isDialler ? 'from-dialler' : 'to-dialler')
    const far = connect({ host: '127.0.0.1', port })
    let passed = 0
    const pass = (from: Socket, to: Socket, isDialler: boolean) => {
      this.#sockets.add(from)
      from.setNoDelay(true)
      from.on('data', (chunk: Buffer) => {
        if (isDeaf(isDialler)) return
        let piece = chunk
        if (isDialler) {
          if (this.corruptAt >= passed && this.corruptAt < passed + chunk.length) {
            piece = Buffer.from(chunk)
            piece[this.corruptAt - passed] = (piece[this.corruptAt - passed] as number) ^ 4
            this.corruptAt = -1
          }
          passed += chunk.length
          if (passed >= this.resetAt) {
            this.resetAt = Infinity
            reset(near)
            reset(far)
            return
          }
        }
        for (let at = 0; at < piece.length; at += this.maxPiece) {
          to.write(piece.subarray(at, Math.min(piece.length, at + this.maxPiece)))
        }
      })
      from.on('error', () => {})
      from.on('close', () => {
        this.#sockets.delete(from)
        if (!isDeaf(isDialler)) to.destroy()
      })
    }
    pass(near, far, true)
    pass(far, near, false)
  }
}
