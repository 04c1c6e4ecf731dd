import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { NodeProcess } from '../../jepsen-lite/world/node-process.ts'
import { exitCodes } from '../../src/cli/exit-codes.ts'
import { reasonOf } from '../../src/cli/cluster/find-cluster.ts'
import { eventually } from './deadline.ts'

/** What the end of a log may say in an error. */
const tailLines = 16

/**
 * The processes of one system, with their logs in its folder. They end with this process, however that
 * ends: a signal becomes an exit, and at the exit each is killed by its id (NodeProcess).
 */
export class ServerProcesses {
  readonly #folder: string
  readonly #servers = new Map<string, NodeProcess>()
  readonly #interrupted = () => process.exit(exitCodes.failed.code)

  constructor(folder: string) {
    this.#folder = folder
    process.once('SIGINT', this.#interrupted).once('SIGTERM', this.#interrupted)
  }

  start(
    name: string,
    command: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): void {
    const server = new NodeProcess({ command, environment, logFile: this.#logFile(name) })
    this.#servers.set(name, server)
    server.start()
  }

  pids(): number[] {
    return [...this.#servers.values()].flatMap(({ pid }) => pid ?? [])
  }

  /** Runs what waits for the servers. When that fails all are killed, and the error has what they said. */
  async guarded<T>(waiting: () => Promise<T>): Promise<T> {
    try {
      return await waiting()
    } catch (error) {
      const words = this.#lastWords()
      await this.kill()
      throw new Error(`${reasonOf(error)}\n${words}`, { cause: error })
    }
  }

  /** Tries until `attempt` succeeds, for `ms` at most, and no longer than all servers live. */
  eventually<T>(ms: number, what: string, attempt: () => Promise<T>): Promise<T> {
    return eventually(ms, what, attempt, () => this.#ended())
  }

  /** Nothing of theirs is kept, so none is asked to stop politely. */
  async kill(): Promise<void> {
    await Promise.all([...this.#servers.values()].map((server) => server.close()))
    process.off('SIGINT', this.#interrupted).off('SIGTERM', this.#interrupted)
  }

  #logFile(name: string): string {
    return join(this.#folder, `${name}.log`)
  }

  #ended(): string | undefined {
    const ended = [...this.#servers].find(([, server]) => !server.isRunning)
    return ended === undefined ? undefined : `${ended[0]} ended`
  }

  #lastWords(): string {
    return [...this.#servers]
      .map(([name, { lastEnd }]) => {
        const lines = readFileSync(this.#logFile(name), 'utf8').trimEnd().split('\n')
        const how = lastEnd === undefined ? '' : ` (ended: ${lastEnd})`
        return [`${name}${how}:`, ...lines.slice(-tailLines)].join('\n  ')
      })
      .join('\n')
  }
}
