import type { NodeIndex } from '../ids/node-index.ts'
import type { Clock, Counter, Logger, Metrics } from '../ports.ts'
import { refusals, type Refusal } from './handshake.ts'

export interface RefusedHandshake {
  /** Who refused whom. */
  readonly by: 'us' | 'peer'
  readonly reason: Refusal
  /** For people: name and address as far as known. */
  readonly peer: string
}

/**
 * Metrics and log lines of all links. A refusal is told at once and then at most once in
 * `quietMs` for each reason, because a wrong peer tries again every second.
 */
export class LinkReport {
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #refused: Readonly<Record<Refusal, Counter>>
  readonly #resets: Counter
  readonly #overflows: Counter
  readonly #oversize: Counter
  readonly #tlsRefusals: Counter
  readonly #toldAt = new Map<string, number>()

  constructor(logger: Logger, metrics: Metrics, clock: Clock) {
    this.#logger = logger
    this.#clock = clock
    const counters = (Object.keys(refusals) as Refusal[]).map((reason): [Refusal, Counter] => {
      const name = `peer_refused_${reason.replaceAll('-', '_')}_total`
      return [reason, metrics.counter(name, `Handshakes refused: ${refusals[reason]}`)]
    })
    this.#refused = Object.fromEntries(counters) as Record<Refusal, Counter>
    this.#resets = metrics.counter('peer_link_lost_total', 'Links to peers that broke while up')
    this.#overflows = metrics.counter(
      'peer_link_overflow_total',
      'Links reset because more waited for the peer than the bound',
    )
    this.#tlsRefusals = metrics.counter(
      'peer_tls_refused_total',
      'Connections refused by TLS: no certificate of the cluster',
    )
    this.#oversize = metrics.counter(
      'peer_message_oversize_total',
      'Messages dropped because no frame could hold them',
    )
  }

  refused(handshake: RefusedHandshake): void {
    this.#refused[handshake.reason].add()
    if (!this.#mayTell(`${handshake.by} ${handshake.reason}`)) return
    this.#logger.error(
      { ...handshake, says: refusals[handshake.reason] },
      handshake.by === 'us' ? 'peer: refused a node' : 'peer: a node refused us',
    )
  }

  lost(node: NodeIndex, wasUp: boolean, why: string): void {
    if (wasUp) this.#resets.add()
    const level = wasUp ? 'warn' : 'debug'
    this.#logger[level]({ node, why }, wasUp ? 'peer: link lost' : 'peer: link not made')
  }

  up(node: NodeIndex, bootId: number): void {
    this.#logger.info({ node, bootId }, 'peer: up')
  }

  down(node: NodeIndex, why: string): void {
    this.#logger.warn({ node, why }, 'peer: down')
  }

  overflow(node: NodeIndex, bytes: number): void {
    this.#overflows.add()
    this.#logger.warn({ node, bytes }, 'peer: queue over its bound, link reset')
  }

  oversize(node: NodeIndex, kind: number): void {
    this.#oversize.add()
    this.#logger.error({ node, kind }, 'peer: message larger than any frame, dropped')
  }

  serverFailed(error: Error): void {
    this.#logger.error({ error: error.message }, 'peer: the listening socket failed')
  }

  tlsRefused(error: Error): void {
    this.#tlsRefusals.add()
    if (this.#mayTell('tls')) {
      this.#logger.error({ error: error.message }, 'peer: refused a connection by TLS')
    }
  }

  bulkFailed(node: NodeIndex, error: unknown): void {
    const says = error instanceof Error ? error.message : String(error)
    this.#logger.warn({ node, says }, 'peer: a bulk stream was not used to its end')
  }

  closedIncoming(peer: string, why: string): void {
    this.#logger.debug({ peer, why }, 'peer: incoming connection closed')
  }

  #mayTell(what: string): boolean {
    const now = this.#clock.monotonic()
    const told = this.#toldAt.get(what)
    if (told !== undefined && now - told < quietMs) return false
    this.#toldAt.set(what, now)
    return true
  }
}

/** One line a reason in this time, ms. The keys are few: sides times reasons. */
const quietMs = 10_000
