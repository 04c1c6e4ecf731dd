import { BrokenInvariant } from '../assert.ts'
import type { TopicName } from '../ids/topic-name.ts'
import type { UserId } from '../ids/user-id.ts'
import type { Clock, Logger, Timers } from '../ports.ts'
import type { Topics } from '../topic/topics.ts'
import type { EdgeOptions } from './edge-options.ts'
import type { Heartbeat } from './heartbeat.ts'
import type { LoginBackoff } from './login-backoff.ts'
import type { PasswordDesk } from './password-desk.ts'
import type { SessionMetrics } from './session-metrics.ts'
import type { SessionTable } from './session-table.ts'
import type { TokenMint } from './token.ts'

/** New names, unique in the cluster for ever. Each throws when the clock is too far behind to be sure of that. */
export interface Mint {
  user(): UserId
  group(): TopicName
  session(): string
}

/** What all sessions of a node share, so that each of them carries one reference to it. */
export interface SessionHost {
  readonly topics: Topics
  readonly options: EdgeOptions
  readonly clock: Clock
  readonly timers: Timers
  readonly logger: Logger
  readonly metrics: SessionMetrics
  readonly mint: Mint
  readonly table: SessionTable
  readonly heartbeat: Heartbeat
  readonly tokens: TokenMint
  readonly passwords: PasswordDesk
  readonly backoff: LoginBackoff
}

/** What `mint` makes; null when it cannot now, which the client is told as 503. */
export function minted<T>(mint: () => T, logger: Logger): T | null {
  try {
    return mint()
  } catch (error) {
    if (error instanceof BrokenInvariant) throw error
    logger.warn({ error: String(error) }, 'no id could be minted')
    return null
  }
}
