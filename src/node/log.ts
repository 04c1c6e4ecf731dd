import { pino } from 'pino'
import type { Logger as Pino } from 'pino'
import type { Logger } from '../ports.ts'

/**
 * Lines of JSON on stdout. Writing is synchronous: lines are few, and the last one before a crash
 * is the one that matters. Point stdout at a file or at a reader that keeps up.
 */
export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  /** On every line: the node's name and boot id, for example. */
  readonly fields: Readonly<Record<string, unknown>>
  /** Where lines go; stdout when left out. */
  readonly to?: { write(line: string): void }
}

export function openLog(options: LogOptions): Logger {
  const settings = {
    level: options.level,
    base: { ...options.fields },
    redact: { paths: redacted, censor: '[redacted]' },
    formatters: { level: (label: string) => ({ level: label }) },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
  }
  return adapt(pino(settings, options.to ?? pino.destination({ fd: 1, sync: true })))
}

/**
 * Fields that never reach a line, wherever a careless caller puts them (three levels deep). The rule
 * stays that no caller passes them; this is the net below it.
 */
const hidden = [
  'secret',
  'password',
  'token',
  'apiKey',
  'tokenKey',
  'idKey',
  'peerKey',
  'apiKeySalt',
  'adminToken',
  'authorization',
  'cookie',
  'content',
]
const redacted = hidden.flatMap((name) => [name, `*.${name}`, `*.*.${name}`])

function adapt(line: Pino): Logger {
  return {
    debug: (fields, message) => line.debug(fields, message),
    info: (fields, message) => line.info(fields, message),
    warn: (fields, message) => line.warn(fields, message),
    error: (fields, message) => line.error(fields, message),
    child: (fields) => adapt(line.child(fields)),
  }
}
