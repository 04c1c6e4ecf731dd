import type { Counter, Gauge, Histogram, Metrics } from '../ports.ts'

/** What the client address of a node counts. */
export interface SessionMetrics {
  readonly sessions: Gauge
  readonly users: Gauge
  readonly opened: Counter
  readonly refusedUpgrades: Counter
  readonly badApiKeys: Counter
  readonly rateLimited: Counter
  readonly framesIn: Counter
  readonly bytesIn: Counter
  readonly framesOut: Counter
  readonly bytesOut: Counter
  readonly overflows: Counter
  readonly keptNews: Counter
  readonly passedBy: Counter
  readonly malformed: Counter
  readonly tooDeep: Counter
  readonly tooManyKeys: Counter
  readonly badShape: Counter
  readonly droppedNotes: Counter
  readonly paused: Counter
  readonly handshakeTimeouts: Counter
  readonly idleTimeouts: Counter
  readonly loginOk: Counter
  readonly loginRefused: Counter
  readonly loginUnavailable: Counter
  readonly accounts: Counter
  readonly passwordsRefused: Counter
  readonly latency: Histogram
  readonly roundTrip: Histogram
}

const seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

export function sessionMetrics(from: Metrics): SessionMetrics {
  const counter = (name: string, help: string) => from.counter(`session_${name}_total`, help)
  return {
    sessions: from.gauge('sessions', 'Client sessions that are open.'),
    users: from.gauge('session_users', 'Users with a session here.'),
    opened: counter('opened', 'Sessions opened.'),
    refusedUpgrades: counter(
      'refused_upgrades',
      'Upgrades refused with 503: not ready, draining or full.',
    ),
    badApiKeys: counter('bad_api_keys', 'Requests refused for their API key.'),
    rateLimited: counter('rate_limited', 'Upgrades and requests refused with 429.'),
    framesIn: counter('frames_in', 'Messages of clients.'),
    bytesIn: counter('bytes_in', 'Bytes of messages of clients.'),
    framesOut: counter('frames_out', 'Messages written to clients.'),
    bytesOut: counter(
      'bytes_out',
      'Bytes of messages written to clients, with their frame headers.',
    ),
    overflows: counter(
      'queue_overflows',
      'Sessions closed with 1013: the client reads too slowly.',
    ),
    keptNews: counter('kept_news', 'News kept back for clients that read too slowly.'),
    passedBy: counter('passed_by', 'Typing that clients who read too slowly were not told.'),
    malformed: counter('malformed', 'Messages that are no object in their codec.'),
    tooDeep: counter('too_deep', 'Messages refused for their nesting.'),
    tooManyKeys: counter(
      'too_many_keys',
      'Messages refused for the number of their keys and elements.',
    ),
    badShape: counter('bad_shape', 'Objects without a known verb, or with fields of a wrong type.'),
    droppedNotes: counter('dropped_notes', 'Notes dropped in silence, as the protocol wants it.'),
    paused: counter('paused', 'Times a socket was not read because too many requests were open.'),
    handshakeTimeouts: counter(
      'handshake_timeouts',
      'Sessions closed that did not say hi or log in in time.',
    ),
    idleTimeouts: counter('idle_timeouts', 'Sessions closed that were silent for too long.'),
    loginOk: counter('login_ok', 'Logins that succeeded.'),
    loginRefused: counter('login_refused', 'Logins refused for good.'),
    loginUnavailable: counter('login_unavailable', 'Logins that could not be decided now.'),
    accounts: counter('accounts', 'Accounts created.'),
    passwordsRefused: counter(
      'passwords_refused',
      'Password checks refused because too many wait.',
    ),
    latency: from.histogram(
      'session_request_seconds',
      'From a request to its last answer.',
      seconds,
    ),
    roundTrip: from.histogram('session_rtt_seconds', 'From ping to pong.', seconds),
  }
}
