import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { closeSync, openSync, readSync, fstatSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { NodeSeed } from '../../node/cluster-file.ts'
import { AdminClient } from './admin-client.ts'
import { reasonOf } from './find-cluster.ts'
import type { ClusterFolder } from './cluster-folder.ts'

export interface Exit {
  readonly code: number | null
  readonly signal: string | null
}

/** The program that `serve` is started with. */
export const ownProgram = fileURLToPath(new URL('../main.js', import.meta.url))

const pollMs = 50
const tailBytes = 4_096

/** One node of a cluster on this machine, run by `serve` in a process of its own. */
export class NodeProcess {
  readonly seed: NodeSeed
  readonly admin: AdminClient
  readonly logFile: string
  readonly #folder: ClusterFolder
  readonly #program: string
  readonly #pidFile: string
  #child: ChildProcess | undefined
  #exit: Promise<Exit> = Promise.resolve({ code: 0, signal: null })

  constructor(folder: ClusterFolder, seed: NodeSeed, program = ownProgram) {
    this.seed = seed
    this.admin = new AdminClient(seed.admin)
    this.logFile = join(folder.dir, `${seed.name}.log`)
    this.#folder = folder
    this.#program = program
    this.#pidFile = join(folder.dir, `${seed.name}.pid`)
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  get alive(): boolean {
    return this.#child !== undefined
  }

  /** Settles when the process ends, however. */
  get exit(): Promise<Exit> {
    return this.#exit
  }

  /**
   * Starts the process. It leads a group of its own, so that Ctrl-C in a terminal reaches only its
   * parent, which tells it to drain once; and it drains by itself when its parent is gone.
   */
  start(): void {
    const log = openSync(this.logFile, 'a')
    const child = spawn(
      process.execPath,
      [...process.execArgv, this.#program, 'serve', ...this.#which(), '--until-stdin-ends'],
      {
        stdio: ['pipe', log, log],
        detached: true,
        env: { UV_THREADPOOL_SIZE: '8', ...process.env },
      },
    )
    closeSync(log)
    child.stdin?.on('error', () => {}) // the process died; its exit tells
    this.#child = child
    if (child.pid !== undefined) writeFileSync(this.#pidFile, `${child.pid}\n`)
    this.#exit = new Promise((resolve) => {
      const gone = (code: number | null, signal: string | null) => {
        this.#child = undefined
        rmSync(this.#pidFile, { force: true })
        resolve({ code, signal })
      }
      child.once('exit', gone)
      child.once('error', () => gone(null, null))
    })
  }

  #which(): string[] {
    const { seed } = this
    if (this.#folder.joined.includes(seed)) return ['--data', seed.data]
    return ['--config', this.#folder.file, '--node', seed.name]
  }

  signal(name: 'SIGTERM' | 'SIGKILL'): void {
    this.#child?.kill(name)
  }

  /** Polls until the node is ready. Rejects, with its reasons, when the time is over or the process ended. */
  async ready(timeoutMs: number): Promise<void> {
    const end = performance.now() + timeoutMs
    let reason = 'no answer yet'
    while (this.alive) {
      try {
        const answer = await this.admin.ready()
        if (answer.ready) return
        reason = answer.reasons.join(', ')
      } catch (error) {
        reason = reasonOf(error)
      }
      if (performance.now() > end) throw new Error(`${this.seed.name} is not ready: ${reason}`)
      await new Promise((resolve) => setTimeout(resolve, pollMs))
    }
    throw new Error(`${this.seed.name} ended while it started`)
  }

  /** The last lines that the node wrote. */
  logTail(lines: number): string {
    const file = openSync(this.logFile, 'r')
    try {
      const { size } = fstatSync(file)
      const buffer = Buffer.alloc(Math.min(size, tailBytes))
      readSync(file, buffer, 0, buffer.length, size - buffer.length)
      return buffer.toString().trimEnd().split('\n').slice(-lines).join('\n')
    } finally {
      closeSync(file)
    }
  }
}
