import type { UserId } from '../../src/ids/user-id.ts'
import type { Metrics } from '../../src/ports.ts'
import { silentLogger } from '../../src/ports.ts'
import { defaultEdgeOptions } from '../../src/session/edge-options.ts'
import { Heartbeat } from '../../src/session/heartbeat.ts'
import { LoginBackoff } from '../../src/session/login-backoff.ts'
import { PasswordDesk } from '../../src/session/password-desk.ts'
import { SendQueue, TurnFlusher } from '../../src/session/send-queue.ts'
import type { Outlet } from '../../src/session/send-queue.ts'
import { Session } from '../../src/session/session.ts'
import type { SessionHost } from '../../src/session/session-host.ts'
import { sessionMetrics } from '../../src/session/session-metrics.ts'
import { SessionTable } from '../../src/session/session-table.ts'
import { TokenMint } from '../../src/session/token.ts'
import type { ClientSocket } from '../../src/session/websocket.ts'
import type { World, WorldNode } from '../topic/world.ts'
import { countingMetrics, testCost } from './edge-fixture.ts'

/** Bytes that a socket of the operating system takes before it asks to wait. */
const roomBytes = 16 * 1024

/** The client's end of a virtual connection: takes what comes at once, or not at all. */
class VirtualPipe implements Outlet {
  readonly received: Buffer[] = []
  writableLength = 0
  isStalled = false
  readonly #world: World
  #onDrain: (() => void) | null = null

  constructor(world: World) {
    this.#world = world
  }

  write(bytes: Buffer): boolean {
    this.received.push(bytes)
    if (!this.isStalled) return true
    this.writableLength += bytes.length
    return this.writableLength < roomBytes
  }
  cork(): void {}
  uncork(): void {}
  once(_event: 'drain', listener: () => void): void {
    this.#onDrain = listener
  }

  /** Reads again: what the socket held is taken, and it says so. */
  letGo(): void {
    this.isStalled = false
    this.writableLength = 0
    const listener = this.#onDrain
    this.#onDrain = null
    if (listener !== null) this.#world.time.soon(listener)
  }
}

/** Real sessions and queues of one node of a world, on virtual sockets and in virtual time. */
export class VirtualEdge {
  readonly counts = new Map<string, number>()
  readonly world: World
  readonly host: SessionHost
  readonly #flusher: TurnFlusher

  constructor(world: World, node: WorldNode, bounds = { frames: 4_096, bytes: 4 * 1024 * 1024 }) {
    this.world = world
    const { time } = world
    const counting: Metrics = countingMetrics(this.counts)
    const metrics = sessionMetrics(counting)
    const times = { idleMs: 55_000, deadlineMs: 8_000 }
    this.host = {
      topics: node.hub,
      options: defaultEdgeOptions,
      clock: time,
      timers: time,
      logger: silentLogger,
      metrics,
      mint: {
        user: () => {
          throw new Error('no accounts here')
        },
        group: () => {
          throw new Error('no groups here')
        },
        session: () => 's',
      },
      table: new SessionTable(0, metrics),
      heartbeat: new Heartbeat(time, time, times, metrics.roundTrip),
      tokens: new TokenMint(Buffer.alloc(32)),
      passwords: new PasswordDesk(testCost, time, metrics.passwordsRefused),
      backoff: new LoginBackoff(),
    }
    this.#flusher = new TurnFlusher(time, bounds)
  }

  connect(uid: UserId, sid: string, extra: object = {}): VirtualClient {
    return new VirtualClient(this, this.#flusher, uid, sid, extra)
  }
}

/** A client on a virtual socket, logged in. */
export class VirtualClient {
  readonly pipe: VirtualPipe
  readonly queue: SendQueue
  readonly session: Session
  closed: number | null = null
  readonly #world: World
  #next = 1

  constructor(edge: VirtualEdge, flusher: TurnFlusher, uid: UserId, sid: string, extra: object) {
    this.#world = edge.world
    const pipe = new VirtualPipe(edge.world)
    this.pipe = pipe
    const queue: SendQueue = new SendQueue(pipe, flusher, () => this.session.eased())
    this.queue = queue
    const socket = {
      protocol: '',
      isOpen: true,
      push: (frame: Buffer) => queue.push(frame),
      get isSlow() {
        return queue.isSlow
      },
      get waiting() {
        return queue.frames
      },
      get progress() {
        return queue.progress
      },
      beat: () => {},
      pause: () => {},
      resume: () => {},
      bye: (code: number) => {
        this.closed ??= code
        queue.close(false)
      },
    }
    this.session = new Session(edge.host, socket as unknown as ClientSocket, sid, '')
    this.say({ hi: { id: '0', ver: '0.25' }, extra })
    this.session.identified(uid, 'auth', '')
  }

  say(message: object): void {
    this.session.heardMessage(Buffer.from(JSON.stringify(message)), false)
  }

  /** Sends, and gives the id under which the answer comes. */
  send(verb: string, body: object, extra?: object): string {
    const id = `${this.#next++}`
    this.say({ [verb]: { id, ...body }, ...(extra === undefined ? {} : { extra }) })
    return id
  }

  async ask(verb: string, body: object, extra?: object): Promise<any> {
    const id = this.send(verb, body, extra)
    await this.#world.settle(50)
    return this.answer(id)
  }

  answer(id: string): any {
    return this.got.find((m) => m.ctrl?.id === id)?.ctrl
  }

  /** All that has arrived, parsed. */
  get got(): any[] {
    const bytes = Buffer.concat(this.pipe.received)
    const found: any[] = []
    for (let at = 0; at < bytes.length;) {
      const short = bytes[at + 1] as number
      const header = short === 126 ? 4 : short === 127 ? 10 : 2
      const length =
        short === 126
          ? bytes.readUInt16BE(at + 2)
          : short === 127
            ? Number(bytes.readBigUInt64BE(at + 2))
            : short
      found.push(JSON.parse(bytes.toString('utf8', at + header, at + header + length)))
      at += header + length
    }
    return found
  }

  seqs(topic: string): number[] {
    return this.got.filter((m) => m.data?.topic === topic).map((m) => m.data.seq as number)
  }

  /** Its connection breaks. */
  cut(): void {
    this.session.closed(1006)
  }
}
