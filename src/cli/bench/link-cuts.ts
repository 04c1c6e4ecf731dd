import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { NodeSeed } from '../../node/cluster-file.ts'
import { splitAddress } from '../../node/address.ts'
import { dialFileVariable } from './dial-through.ts'
import type { DialFile } from './dial-through.ts'

/**
 * A proxy on the way from each node to each other. A node that is cut off hears nothing and is not
 * heard, and no connection closes: the machine is gone, and nobody is told.
 */
export class LinkCuts {
  readonly #ways: Way[] = []

  /** Before the nodes start: they are told by variables of this process's environment. */
  static async between(nodes: readonly NodeSeed[], dir: string): Promise<LinkCuts> {
    const cuts = new LinkCuts()
    const file: Record<string, Record<string, number>> = {}
    for (const from of nodes) {
      const ways: Record<string, number> = {}
      for (const to of nodes) {
        if (from === to) continue
        const way = new Way(from.name, to.name, to.peer)
        cuts.#ways.push(way)
        ways[to.peer] = await way.listen()
      }
      file[from.name] = ways
    }
    const path = join(dir, 'dial.json')
    writeFileSync(path, JSON.stringify(file satisfies DialFile))
    process.env[dialFileVariable] = path
    const preload = fileURLToPath(new URL('./dial-through.js', import.meta.url))
    process.env['NODE_OPTIONS'] = `${process.env['NODE_OPTIONS'] ?? ''} --import=${preload}`.trim()
    return cuts
  }

  cut(node: string): void {
    for (const way of this.#ways) if (way.from === node || way.to === node) way.cut()
  }

  heal(): void {
    for (const way of this.#ways) way.heal()
  }

  close(): void {
    for (const way of this.#ways) way.close()
  }
}

class Way {
  readonly from: string
  readonly to: string
  readonly #target: { readonly host: string; readonly port: number }
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #isCut = false

  constructor(from: string, to: string, address: string) {
    this.from = from
    this.to = to
    this.#target = splitAddress(address)
    this.#server = createServer((near) => this.#accept(near))
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return (this.#server.address() as AddressInfo).port
  }

  cut(): void {
    this.#isCut = true
  }

  /** What was swallowed is missing in the streams: they end, and are made anew. */
  heal(): void {
    if (!this.#isCut) return
    this.#isCut = false
    for (const socket of this.#sockets) socket.destroy()
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #accept(near: Socket): void {
    this.#keep(near)
    if (this.#isCut) {
      near.on('data', () => {}) // whoever knocks now waits in vain
      return
    }
    const far = connect(this.#target)
    this.#keep(far)
    this.#flow(near, far)
    this.#flow(far, near)
  }

  #flow(from: Socket, to: Socket): void {
    from.setNoDelay(true)
    from.on('data', (chunk: Buffer) => {
      if (this.#isCut) return
      if (!to.write(chunk)) from.pause()
    })
    to.on('drain', () => from.resume())
    from.on('close', () => {
      if (!this.#isCut) to.destroy()
    })
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => {}) // its close follows
    socket.on('close', () => this.#sockets.delete(socket))
  }
}
