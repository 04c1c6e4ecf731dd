/** What the client address of a node can be told; each with its unit, default and overflow rule. */
export interface EdgeOptions {
  /** Largest frame a client may send, bytes, fragments summed. Above: close 1009. */
  readonly maxMessageBytes: number
  /** Bytes of request line and headers of an HTTP request. Above: HTTP 431. */
  readonly maxHeaderBytes: number
  /** A connection must have sent a whole upgrade request, and then a good `{hi}`, by then, each, ms. */
  readonly handshakeMs: number
  /** A session must be logged in by then, ms since its upgrade. Above: close 1008. */
  readonly loginMs: number
  /** A connection from which no whole frame came for this long is closed, ms. Pings go at 0.9 of it. */
  readonly idleMs: number
  /** Open client connections of this node. Above: HTTP 503, before the upgrade. */
  readonly maxConnections: number
  /** New connections from one address per second, with a burst of as many. Above: HTTP 429. 0: no limit. */
  readonly upgradesPerAddress: number
  /** Requests of one user on this node per second, burst as many. Above: ctrl 429. 0: no limit. */
  readonly requestsPerUser: number
  /** Frames that may wait for one client. Above: close 1013; the client resumes from history. */
  readonly queueFrames: number
  /** Bytes that may wait for one client, those in its socket included. Above: close 1013. */
  readonly queueBytes: number
  /** Answer `permessage-deflate` offers. Only what clients send is ever compressed. */
  readonly compression: boolean
  /** A login token is good for this long, s. */
  readonly tokenLifetimeS: number
  /** log2 of scrypt's cost; 14 takes 16 MiB and about 40 ms of a core per login. */
  readonly passwordCostLog2: number
  /** Code points of a new login name and of a new password. Below: ctrl 422. */
  readonly minLoginLength: number
  readonly minPasswordLength: number
  /** A new account is found by the tag `basic:<login>`. */
  readonly loginAsTag: boolean
  /** Said in the answer to `{hi}`; the rules behind them live elsewhere. */
  readonly build: string
  readonly maxSubscriberCount: number
  readonly maxTagCount: number
  readonly messageDeleteAgeS: number
  readonly maxFileBytes: number
}

export const defaultEdgeOptions: EdgeOptions = {
  maxMessageBytes: 128 * 1024,
  maxHeaderBytes: 16 * 1024,
  handshakeMs: 8_000,
  loginMs: 60_000,
  idleMs: 55_000,
  maxConnections: 100_000,
  upgradesPerAddress: 2_000,
  requestsPerUser: 20_000,
  queueFrames: 4_096,
  queueBytes: 4 * 1024 * 1024,
  compression: false,
  tokenLifetimeS: 1_209_600,
  passwordCostLog2: 14,
  minLoginLength: 2,
  minPasswordLength: 6,
  loginAsTag: true,
  build: 'flotilla:0.1.0',
  maxSubscriberCount: 128,
  maxTagCount: 16,
  messageDeleteAgeS: 600,
  maxFileBytes: 8 * 1024 * 1024,
}

/** The oldest protocol we answer (tinode-wire.md, section 11); the one we speak is in wire/versions. */
export const oldestVersion = { major: 0, minor: 20 }
export const minTagLength = 2
export const maxTagLength = 96
