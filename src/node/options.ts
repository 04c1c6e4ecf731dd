/**
 * Every option of a node, once. The command line, the environment, the schema of cluster files,
 * `flotilla config print` and docs/config.md come out of this table.
 */
export interface NumberOption {
  readonly type: 'number'
  readonly unit: Unit
  readonly default: number
  readonly min: number
  readonly max: number
  readonly section: Section
  readonly says: string
}

export interface BooleanOption {
  readonly type: 'boolean'
  readonly default: boolean
  readonly section: Section
  readonly says: string
}

export interface ChoiceOption {
  readonly type: 'choice'
  readonly default: string
  readonly choices: readonly string[]
  readonly section: Section
  readonly says: string
}

export type OptionRow = NumberOption | BooleanOption | ChoiceOption
export type Unit =
  'ms' | 's' | 'bytes' | 'ticks' | 'messages' | 'entries' | 'members' | 'tags' | 'per second'
/** Headings of docs/config.md. In a cluster file all of them stand in `options`. */
export type Section = 'raft' | 'storage' | 'chat' | 'sessions' | 'limits' | 'running'

const kib = 1024
const mib = 1024 * 1024

export const optionTable = {
  'tick-ms': {
    type: 'number',
    unit: 'ms',
    default: 50,
    min: 10,
    max: 1_000,
    section: 'raft',
    says: 'Length of a Raft tick. All Raft times are counted in it.',
  },
  'election-ticks': {
    type: 'number',
    unit: 'ticks',
    default: 12,
    min: 3,
    max: 1_000,
    section: 'raft',
    says: 'A follower that hears no leader for this long, plus a random share of it, stands for election.',
  },
  'heartbeat-ticks': {
    type: 'number',
    unit: 'ticks',
    default: 2,
    min: 1,
    max: 100,
    section: 'raft',
    says: 'A leader lets its followers hear from it at least this often.',
  },
  'log-segment-bytes': {
    type: 'number',
    unit: 'bytes',
    default: 64 * mib,
    min: 1 * mib,
    max: 1_024 * mib,
    section: 'storage',
    says: 'Size of a segment of the log, preallocated. A segment is deleted as a whole.',
  },
  'log-memory-bytes': {
    type: 'number',
    unit: 'bytes',
    default: 64 * mib,
    min: 1 * mib,
    max: 4_096 * mib,
    section: 'storage',
    says: 'Recent log entries kept in memory; older ones are read from disk for followers that lag.',
  },
  'compact-every-entries': {
    type: 'number',
    unit: 'entries',
    default: 50_000,
    min: 100,
    max: 10_000_000,
    section: 'storage',
    says: 'A group cuts its log when this many applied entries have gathered since the last cut.',
  },
  'move-bytes-per-second': {
    type: 'number',
    unit: 'bytes',
    default: 64 * mib,
    min: 1 * mib,
    max: 16_384 * mib,
    section: 'storage',
    says: 'Rows that a node sends per second, to all others together, when partitions move or a node is refilled.',
  },
  'max-message-size': {
    type: 'number',
    unit: 'bytes',
    default: 128 * kib,
    min: 4 * kib,
    max: 4 * mib,
    section: 'chat',
    says: 'Largest frame that a client may send. Above: the connection is closed with status 1009.',
  },
  'max-subscriber-count': {
    type: 'number',
    unit: 'members',
    default: 128,
    min: 2,
    max: 100_000,
    section: 'chat',
    says: 'Members of a group topic. Above: joining is refused with code 422.',
  },
  'max-tag-count': {
    type: 'number',
    unit: 'tags',
    default: 16,
    min: 0,
    max: 128,
    section: 'chat',
    says: 'Tags kept for a user or topic. Those above are dropped.',
  },
  'p2p-delete': {
    type: 'boolean',
    default: true,
    section: 'chat',
    says: 'A participant of a p2p topic may delete messages for both.',
  },
  'message-delete-age-s': {
    type: 'number',
    unit: 's',
    default: 600,
    min: 0,
    max: 1_000_000_000,
    section: 'chat',
    says: 'How long a sender may delete an own message for everybody. 0: for ever.',
  },
  'keep-messages-per-topic': {
    type: 'number',
    unit: 'messages',
    default: 0,
    min: 0,
    max: 1_000_000_000,
    section: 'chat',
    says: 'Newest messages that a topic keeps; older ones are trimmed, an eighth of this (at most 256) at once. 0: all are kept. The same on every node.',
  },
  'keep-messages-s': {
    type: 'number',
    unit: 's',
    default: 0,
    min: 0,
    max: 1_000_000_000,
    section: 'chat',
    says: 'How long a topic keeps a message; it goes within a 32nd of this time more. 0: for ever. The same on every node.',
  },
  'presence-grace-ms': {
    type: 'number',
    unit: 'ms',
    default: 6_000,
    min: 0,
    max: 600_000,
    section: 'chat',
    says: 'A user whose last connection went is told to be offline only after this time.',
  },
  'token-lifetime-s': {
    type: 'number',
    unit: 's',
    default: 1_209_600,
    min: 60,
    max: 315_360_000,
    section: 'sessions',
    says: 'A login token is good for this long.',
  },
  'handshake-timeout-ms': {
    type: 'number',
    unit: 'ms',
    default: 8_000,
    min: 100,
    max: 120_000,
    section: 'sessions',
    says: 'A connection that has not sent a valid hi by then is closed, whatever else it sent.',
  },
  'idle-timeout-ms': {
    type: 'number',
    unit: 'ms',
    default: 55_000,
    min: 1_000,
    max: 3_600_000,
    section: 'sessions',
    says: 'A connection from which nothing came for this long, pongs included, is closed.',
  },
  'session-queue-messages': {
    type: 'number',
    unit: 'messages',
    default: 4_096,
    min: 16,
    max: 1_000_000,
    section: 'sessions',
    says: 'Messages that may wait for one client. From half of it on its topics are pulled at its own pace instead of pushed; above: answers do not fit either, and its connection is closed with status 1013.',
  },
  'session-queue-bytes': {
    type: 'number',
    unit: 'bytes',
    default: 4 * mib,
    min: 64 * kib,
    max: 256 * mib,
    section: 'sessions',
    says: 'Bytes that may wait for one client. From half of it on its topics are pulled at its own pace instead of pushed; above: answers do not fit either, and its connection is closed with status 1013.',
  },
  'rate-connections-per-address': {
    type: 'number',
    unit: 'per second',
    default: 2_000,
    min: 0,
    max: 1_000_000,
    section: 'limits',
    says: 'New connections from one address. Above: refused with HTTP 429. 0: no limit.',
  },
  'rate-messages-per-user': {
    type: 'number',
    unit: 'per second',
    default: 20_000,
    min: 0,
    max: 1_000_000,
    section: 'limits',
    says: 'Requests of one user on one node. Above: refused with code 429. 0: no limit.',
  },
  'drain-timeout-ms': {
    type: 'number',
    unit: 'ms',
    default: 10_000,
    min: 100,
    max: 600_000,
    section: 'running',
    says: 'A node that was told to stop may take this long to hand over and to flush; then it stops anyway.',
  },
  'log-level': {
    type: 'choice',
    default: 'info',
    choices: ['debug', 'info', 'warn', 'error'],
    section: 'running',
    says: 'The least serious lines that are written.',
  },
} as const satisfies Record<string, OptionRow>

export type OptionName = keyof typeof optionTable

/** The value of each option, by its name. */
export type Options = {
  readonly [N in OptionName]: (typeof optionTable)[N] extends { type: 'number' }
    ? number
    : (typeof optionTable)[N] extends { type: 'boolean' }
      ? boolean
      : (typeof optionTable)[N] extends { choices: readonly (infer C)[] }
        ? C
        : never
}

export const optionNames = Object.keys(optionTable) as readonly OptionName[]

/** The row of `name`, as the general type: for code that walks the table. */
export function optionRow(name: OptionName): OptionRow {
  return optionTable[name]
}

/** `tick-ms` → `FLOTILLA_TICK_MS`. */
export function environmentName(name: string): string {
  return `FLOTILLA_${name.toUpperCase().replaceAll('-', '_')}`
}

export function defaultOptions(): Options {
  const entries = optionNames.map((name) => [name, optionTable[name].default] as const)
  return Object.fromEntries(entries) as unknown as Options
}

/** Only what differs from the defaults. */
export function changedOptions(options: Options): Partial<Options> {
  const standard = defaultOptions()
  const changed = optionNames.filter((name) => options[name] !== standard[name])
  return Object.fromEntries(changed.map((name) => [name, options[name]]))
}
