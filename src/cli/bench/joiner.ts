import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { freeBlock } from '../cluster/cluster-folder.ts'
import { ownProgram } from '../cluster/node-process.ts'
import type { BenchTarget } from './bench-target.ts'
import { ownCluster } from './bench-target.ts'

const tokenMs = 300_000
const stopMs = 20_000

/** A node that joins the measured cluster, in a process of its own. */
export class Joiner {
  readonly name: string
  readonly #child: ChildProcess
  readonly #exit: Promise<void>

  static async start(target: BenchTarget, name: string): Promise<Joiner> {
    const { token } = await target.admins[0]!.newToken(tokenMs)
    const base = await freeBlock(3, 20_000 + 100 * Math.floor(Math.random() * 100))
    const at = (offset: number) => `127.0.0.1:${base + offset}`
    const { dir } = ownCluster(target).folder
    const words = ['serve', '--join', ...target.admins.map((admin) => admin.address)]
    words.push('--token', token, '--name', name, '--data', join(dir, name))
    words.push('--client', at(0), '--admin', at(1), '--peer', at(2), '--until-stdin-ends')
    return new Joiner(name, words, join(dir, `${name}.log`))
  }

  private constructor(name: string, words: readonly string[], logFile: string) {
    this.name = name
    const log = openSync(logFile, 'a')
    this.#child = spawn(process.execPath, [...process.execArgv, ownProgram, ...words], {
      stdio: ['pipe', log, log],
      detached: true,
      env: { UV_THREADPOOL_SIZE: '8', ...process.env },
    })
    closeSync(log)
    this.#child.stdin?.on('error', () => {}) // it died; its exit tells
    this.#exit = new Promise((resolve) => {
      this.#child.once('exit', () => resolve())
      this.#child.once('error', () => resolve())
    })
  }

  /** Drains it; one that takes too long is killed. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), stopMs)
    await this.#exit
    clearTimeout(timer)
  }
}
