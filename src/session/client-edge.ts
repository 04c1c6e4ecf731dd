import type { Socket } from 'node:net'
import type { SessionId } from '../chat/command.ts'
import type { Clock, Logger, Metrics, Timers } from '../ports.ts'
import type { Topics } from '../topic/topics.ts'
import { sendAllAway } from './drain.ts'
import type { EdgeOptions } from './edge-options.ts'
import { Heartbeat } from './heartbeat.ts'
import { HttpEdge } from './http-edge.ts'
import { LoginBackoff } from './login-backoff.ts'
import { PasswordDesk } from './password-desk.ts'
import { TurnFlusher } from './send-queue.ts'
import { Session } from './session.ts'
import { minted } from './session-host.ts'
import type { Mint, SessionHost } from './session-host.ts'
import { sessionMetrics } from './session-metrics.ts'
import { SessionTable } from './session-table.ts'
import { TokenMint } from './token.ts'
import type { ClientSocket } from './websocket.ts'

export interface ClientEdgeDeps {
  readonly topics: Topics
  readonly options: EdgeOptions
  readonly keys: { readonly apiKeySalt: Uint8Array; readonly tokenKey: Uint8Array }
  readonly mint: Mint
  readonly timers: Timers
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  /** False: upgrades are refused with 503, and clients try elsewhere. */
  ready(): boolean
}

/** How often it is looked whether the last sessions have closed, ms. */
const lookMs = 20

/** The part of a node that clients talk to. */
export class ClientEdge {
  readonly #host: SessionHost
  readonly #flusher: TurnFlusher
  readonly #http: HttpEdge
  #isDraining = false

  constructor(deps: ClientEdgeDeps) {
    const { options, clock, timers } = deps
    const metrics = sessionMetrics(deps.metrics)
    const times = { idleMs: options.idleMs, deadlineMs: options.handshakeMs }
    const cost = { costLog2: options.passwordCostLog2, blockSize: 8, parallel: 1 }
    this.#host = {
      topics: deps.topics,
      options,
      clock,
      timers,
      logger: deps.logger,
      metrics,
      mint: deps.mint,
      table: new SessionTable(options.requestsPerUser, metrics),
      heartbeat: new Heartbeat(clock, timers, times, metrics.roundTrip),
      tokens: new TokenMint(deps.keys.tokenKey),
      passwords: new PasswordDesk(cost, clock, metrics.passwordsRefused),
      backoff: new LoginBackoff(),
    }
    const bounds = { frames: options.queueFrames, bytes: options.queueBytes }
    this.#flusher = new TurnFlusher(timers, bounds, (frames, bytes) => {
      metrics.framesOut.add(frames)
      metrics.bytesOut.add(bytes)
    })
    this.#http = new HttpEdge({
      options,
      apiKeySalt: deps.keys.apiKeySalt,
      clock,
      metrics,
      ready: () => !this.#isDraining && deps.ready(),
      sessionId: () => minted(() => deps.mint.session(), deps.logger),
      opened: (socket, network, sid, address) => this.#opened(socket, network, sid, address),
    })
  }

  get sessions(): number {
    return this.#host.table.size
  }

  /** Port 0: any free one, which is returned. Rejects when the address cannot be had. */
  listen(host: string, port: number): Promise<{ port: number }> {
    return this.#http.listen(host, port)
  }

  /**
   * Refuses new upgrades, tells all sessions over `windowMs` that they must move, and closes them.
   * Resolves when all are gone, or the window has passed once more.
   */
  async drain(windowMs: number): Promise<void> {
    this.#isDraining = true
    const { clock, timers, table, logger } = this.#host
    logger.info({ sessions: table.size }, 'sessions are told to move')
    await sendAllAway(table.all(), windowMs, clock, timers)
    const until = clock.monotonic() + Math.max(windowMs, 1_000)
    while (this.#http.connections > 0 && clock.monotonic() < until) {
      await new Promise<void>((resolve) => timers.after(lookMs, resolve))
    }
  }

  /** Ends what is left, at once. May be called twice. */
  async close(): Promise<void> {
    this.#isDraining = true
    const left = this.#host.table.all()
    for (const session of left) session.sendAwayNow()
    // One turn for the goodbyes to leave.
    if (left.length > 0) await new Promise<void>((resolve) => this.#host.timers.soon(resolve))
    await this.#http.close()
    this.#host.heartbeat.close()
  }

  #opened(socket: ClientSocket, network: Socket, sid: SessionId, address: string): void {
    const session = new Session(this.#host, socket, sid, address)
    socket.attach(session, network, this.#flusher)
  }
}
