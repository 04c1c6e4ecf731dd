import { BrokenInvariant } from '../assert.ts'
import { NewerFormat } from '../errors.ts'
import type { Logger } from '../ports.ts'
import { Expelled } from './expelled.ts'

/** One step of starting or stopping. Plans are data, so that `serve --explain` can print them. */
export interface Step {
  readonly name: string
  readonly says: string
  /** Above: a start fails; a stop goes on with its next step. */
  readonly deadlineMs: number
  run(): Promise<void> | void
}

/** Why a start failed: the step, and what it threw. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed'

  constructor(step: string, cause: unknown) {
    super(`start step "${step}" failed: ${textOf(cause)}`, { cause })
  }
}

/** Runs the steps in order. Throws StepFailed at the first that fails or is late. */
export async function runStartPlan(steps: readonly Step[], log: Logger): Promise<void> {
  for (const step of steps) {
    const began = performance.now()
    try {
      await withDeadline(step)
    } catch (error) {
      throw new StepFailed(step.name, error)
    }
    log.debug({ step: step.name, ms: Math.round(performance.now() - began) }, 'start step done')
  }
}

/** Runs every step in order, whatever becomes of those before it. Returns how many failed or were late. */
export async function runStopPlan(steps: readonly Step[], log: Logger): Promise<number> {
  let failed = 0
  for (const step of steps) {
    try {
      await withDeadline(step)
    } catch (error) {
      failed++
      log.warn({ step: step.name, error: textOf(error) }, 'stop step failed')
    }
  }
  return failed
}

/** What the lifecycle touches of a process; tests hand in their own. */
export interface ProcessDoor {
  on(event: 'SIGTERM' | 'SIGINT', listener: () => void): unknown
  on(event: 'uncaughtException' | 'unhandledRejection', listener: (error: unknown) => void): unknown
  exit(code: number): void
}

export const exitForced = 1
export const exitFatal = 70
/** The data, or what the cluster writes, is of a newer format: starting this version again is of no use. */
export const exitFormat = 7
/** The cluster refuses this node for good: starting it again from the same folder is of no use. */
export const exitExpelled = 8

/**
 * The first SIGTERM or SIGINT stops politely, once; a second one ends the process at once with code 1.
 * A bug (broken invariant, uncaught exception, unhandled rejection) is written and ends it with code 70:
 * a node never goes on with doubtful state (P11), and what it had acknowledged is on disk already.
 */
export class Lifecycle {
  readonly #door: ProcessDoor
  readonly #log: Logger
  #stop: ((why: string) => Promise<number>) | undefined
  #signals = 0
  #ended = false

  constructor(door: ProcessDoor, log: Logger) {
    this.#door = door
    this.#log = log
    door.on('SIGTERM', () => this.signal('SIGTERM'))
    door.on('SIGINT', () => this.signal('SIGINT'))
    door.on('uncaughtException', (error) => this.fatal(error))
    door.on('unhandledRejection', (error) => this.fatal(error))
  }

  /** What a polite stop is: settles with the exit code. Before this is set, a signal ends the process. */
  onStop(stop: (why: string) => Promise<number>): void {
    this.#stop = stop
  }

  /** A signal, or what stands for one (`why` says which). */
  signal(why: string): void {
    this.#signals++
    if (this.#signals === 1 && this.#stop !== undefined) {
      this.#log.info({ why }, 'stopping; a second signal forces')
      this.#stop(why).then(
        (code) => this.#end(code),
        (error: unknown) => this.fatal(error),
      )
      return
    }
    this.#log.warn({ why }, 'forced to stop')
    this.#end(exitForced)
  }

  /** Ends the process: its state is in doubt. */
  fatal(error: unknown): void {
    if (this.#ended) return
    if (error instanceof Expelled) {
      this.#expelled(error)
      return
    }
    const broken = error instanceof BrokenInvariant ? { invariant: error.id, seen: error.seen } : {}
    const stack = error instanceof Error ? error.stack : undefined
    const isOlder = error instanceof NewerFormat
    this.#log.error(
      { fatal: true, ...broken, error: textOf(error), stack },
      isOlder
        ? 'this node stops: it is older than its data'
        : 'this node stops: its state is in doubt',
    )
    this.#end(isOlder ? exitFormat : exitFatal)
  }

  /**
   * A removed node tells its clients to move; nothing it holds counts any more. One whose disk is not
   * what it was may be alone in a cluster of its own making: it ends at once.
   */
  #expelled(error: Expelled): void {
    if (this.#signals > 0) return
    this.#signals++
    const { reason, message } = error
    this.#log.error({ reason, error: message }, 'this node stops: the cluster refuses it')
    const end = (): void => this.#end(exitExpelled)
    if (this.#stop === undefined || reason !== 'removed') end()
    else this.#stop(reason).then(end, end)
  }

  #end(code: number): void {
    if (this.#ended) return
    this.#ended = true
    this.#door.exit(code)
  }
}

async function withDeadline(step: Step): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`not done within ${step.deadlineMs} ms`)),
      step.deadlineMs,
    )
  })
  try {
    await Promise.race([Promise.resolve(step.run()), late])
  } finally {
    clearTimeout(timer)
  }
}

/** The message, and what it was caused by: `the log cannot be written: EIO: i/o error, write`. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { message, cause } = error
  return cause instanceof Error && !message.includes(cause.message)
    ? `${message}: ${textOf(cause)}`
    : message
}
