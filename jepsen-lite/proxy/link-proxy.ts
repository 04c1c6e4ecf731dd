import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { once } from 'node:events'
import type { Random } from '../../src/ports.ts'
import { Flow } from './flow.ts'
import { LateEnds } from './late-ends.ts'
import { emptyStats, pass } from './link-fault.ts'
import type { LinkFault, LinkStats } from './link-fault.ts'
import { reset as resetSocket } from './reset.ts'

export interface LinkOptions {
  readonly targetHost: string
  readonly targetPort: number
  /** 0 or missing: any free port. */
  readonly port?: number
  readonly random: Random
}

/** Which bytes a fault hits: those of who opened the connection, those that come back, or both. */
export type Direction = 'forward' | 'backward' | 'both'

interface Connection {
  readonly near: Socket
  /** Missing while the link is a black hole: nobody was asked. */
  readonly far: Socket | undefined
  readonly flows: readonly Flow[]
}

/**
 * A TCP proxy in user space for one directed link: node A is told this address where it would be
 * told B's. Its behaviour can be changed at any time and works on open connections as well. No
 * firewall and no traffic control of the kernel is needed.
 */
export class LinkProxy {
  readonly stats: LinkStats = emptyStats()
  readonly #options: LinkOptions
  readonly #server: Server
  readonly #connections = new Set<Connection>()
  readonly #late: LateEnds
  #port = 0
  #forward: LinkFault = pass
  #backward: LinkFault = pass

  private constructor(options: LinkOptions) {
    this.#options = options
    this.#late = new LateEnds(options.random, this.stats)
    this.#server = createServer({ allowHalfOpen: true }, (near) => this.#accept(near))
  }

  /** Rejects when the port is taken. */
  static async listen(options: LinkOptions): Promise<LinkProxy> {
    const proxy = new LinkProxy(options)
    proxy.#server.listen(options.port ?? 0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    proxy.#port = (proxy.#server.address() as AddressInfo).port
    return proxy
  }

  /** Also once it is closed, when nobody answers there. */
  get port(): number {
    return this.#port
  }

  /** Everything that faults did so far, in one number that only grows. */
  get effects(): number {
    const { refused, resets, swallowedBytes, heldChunks, corruptedChunks } = this.stats
    const { lateBytes, lateRefused } = this.stats
    const bytes = swallowedBytes + lateBytes
    return refused + resets + heldChunks + corruptedChunks + lateRefused + bytes
  }

  get openConnections(): number {
    return this.#connections.size
  }

  setFault(fault: LinkFault, direction: Direction = 'both'): void {
    if (direction !== 'backward') this.#forward = fault
    if (direction !== 'forward') this.#backward = backwardOf(fault)
    if (fault.kind === 'cut' && direction === 'both') return this.resetAll()
    for (const connection of this.#connections) {
      const [forward, backward] = connection.flows
      // A connection accepted by a black hole has no other end, so it cannot be healed.
      if (!connection.far && fault.kind !== 'blackhole') this.#drop(connection)
      else {
        if (direction !== 'backward') forward?.setFault(fault)
        if (direction !== 'forward') backward?.setFault(backwardOf(fault))
      }
    }
  }

  heal(): void {
    this.#late.drop()
    this.setFault(pass)
  }

  /** Resets every open connection once; new ones are made as the fault allows. */
  resetAll(): void {
    for (const connection of this.#connections) this.#drop(connection)
  }

  /** Stops listening and resets what is open. May be called twice. */
  async close(): Promise<void> {
    this.resetAll()
    this.#late.drop()
    if (!this.#server.listening) return
    this.#server.close()
    await once(this.#server, 'close')
  }

  #accept(near: Socket): void {
    near.setNoDelay(true)
    near.on('error', () => near.destroy())
    if (this.#forward.kind === 'cut' || this.#backward.kind === 'cut') {
      this.stats.refused++
      resetSocket(near)
      return
    }
    this.stats.accepted++
    if (this.#forward.kind === 'blackhole') this.#swallow(near)
    else this.#join(near)
  }

  #swallow(near: Socket): void {
    const connection: Connection = { near, far: undefined, flows: [] }
    this.#connections.add(connection)
    near.on('data', (chunk: Buffer) => (this.stats.swallowedBytes += chunk.length))
    near.on('close', () => this.#connections.delete(connection))
  }

  #join(near: Socket): void {
    const { targetHost: host, targetPort: port, random } = this.#options
    const far = connect({ host, port, allowHalfOpen: true, noDelay: true })
    const reset = (): void => this.#drop(connection)
    const breakOff = (left: readonly Buffer[]): void => {
      if (!this.#connections.has(connection)) return
      this.stats.resets++
      this.#forget(connection)
      resetSocket(near)
      this.#late.keep(far, left)
    }
    const shared = { random, stats: this.stats, reset, breakOff }
    far.once('data', () => this.#late.newerIsUp())
    const connection: Connection = {
      near,
      far,
      flows: [
        new Flow({ from: near, to: far, fault: this.#forward, ...shared }),
        new Flow({ from: far, to: near, fault: this.#backward, ...shared }),
      ],
    }
    this.#connections.add(connection)
    far.on('error', () => {
      if (far.connecting || far.pending) this.stats.refused++
      reset()
    })
    near.on('error', reset)
    for (const socket of [near, far]) socket.on('close', () => this.#closed(connection))
  }

  /** One side is gone for good: so is the other, once both directions have been flushed. */
  #closed(connection: Connection): void {
    if (connection.near.destroyed && connection.far?.destroyed) this.#forget(connection)
    else if (connection.near.errored || connection.far?.errored) this.#drop(connection)
  }

  #drop(connection: Connection): void {
    if (!this.#connections.has(connection)) return
    this.stats.resets++
    this.#forget(connection)
    resetSocket(connection.near)
    if (connection.far) resetSocket(connection.far)
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection)
    for (const flow of connection.flows) flow.close()
  }
}

/** Bytes come late in one direction only: the other end of the broken connection hears of nothing. */
function backwardOf(fault: LinkFault): LinkFault {
  return fault.kind === 'late' ? pass : fault
}
