import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'

export interface ProcessOptions {
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly logFile: string
  /** Whether an end that nobody here asked for is all right. */
  readonly isAllowed?: () => boolean
}

/** Killed with the harness, however that ends: an error in the middle of a fault, a signal. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** How long a polite stop may take before the process is killed, ms. */
const stopDeadlineMs = 20_000

/** One server process: started, killed, stopped and paused, and never left behind. */
export class NodeProcess {
  readonly #options: ProcessOptions
  #child: ChildProcess | undefined
  #gone: Promise<void> = Promise.resolve()
  #expected = false
  #isClosed = false
  /** Ends that nobody here asked for, and that were not allowed: exit codes and signals. */
  readonly surprises: string[] = []
  #lastEnd: string | undefined

  constructor(options: ProcessOptions) {
    this.#options = options
  }

  get isRunning(): boolean {
    return this.#child !== undefined
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** How its last life ended by itself; undefined: it runs, or was ended by us. */
  get lastEnd(): string | undefined {
    return this.#lastEnd
  }

  /** `more`: of the environment, for this life. Nothing is started once it has been closed. */
  start(more: Readonly<Record<string, string>> = {}): void {
    if (this.#child || this.#isClosed) return
    this.#lastEnd = undefined
    const { command, environment, logFile } = this.#options
    const [program = 'node', ...args] = command
    const log = openSync(logFile, 'a')
    const child = spawn(program, args, {
      env: { ...process.env, ...environment, ...more },
      stdio: ['ignore', log, log],
    })
    closeSync(log)
    this.#child = child
    running.add(child)
    this.#expected = false
    this.#gone = new Promise((resolve) => {
      const over = (how: string): void => {
        running.delete(child)
        if (this.#child !== child) return
        this.#child = undefined
        if (!this.#expected) {
          this.#lastEnd = how
          if (this.#options.isAllowed?.() !== true) this.surprises.push(how)
        }
        resolve()
      }
      child.once('error', (error) => over(error.message))
      child.once('exit', (code, signal) => over(signal ? `signal ${signal}` : `exit code ${code}`))
    })
  }

  /** For good. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.resume()
    await this.kill()
  }

  async kill(): Promise<void> {
    this.#expected = true
    this.#child?.kill('SIGKILL')
    await this.#gone
  }

  /** SIGTERM, and SIGKILL when that does not help. */
  async terminate(): Promise<void> {
    this.#expected = true
    this.#child?.kill('SIGTERM')
    const timer = setTimeout(() => {
      this.surprises.push(`did not stop within ${stopDeadlineMs} ms of SIGTERM`)
      this.#child?.kill('SIGKILL')
    }, stopDeadlineMs)
    await this.#gone
    clearTimeout(timer)
  }

  /** Blocks its event loop, for as long as the file says that the redirect module reads. */
  stall(): void {
    this.#child?.kill('SIGUSR2')
  }

  pause(): void {
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
  }
}
