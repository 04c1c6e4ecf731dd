import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** What `npm run build` made; FLOTILLA_DIST names another folder that was built into. */
const dist = process.env['FLOTILLA_DIST'] ?? resolve(import.meta.dirname, '../../dist')
export const program = join(dist, 'src/cli/main.js')

/** Polls until `check` gives something; the message of the failure names what was waited for. */
export async function until<T>(
  what: string,
  check: () => T | Promise<T>,
  ms = 15_000,
): Promise<NonNullable<T>> {
  const end = Date.now() + ms
  let last: unknown
  for (;;) {
    try {
      const found = await check()
      if (found !== undefined && found !== null && found !== false) return found
      last = found
    } catch (error) {
      last = error
    }
    if (Date.now() > end) throw new Error(`no ${what} within ${ms} ms: ${String(last)}`)
    await new Promise((go) => setTimeout(go, 15))
  }
}

/** Ports that were free a moment ago, all different. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  await Promise.all(
    servers.map((s) => new Promise<void>((go) => s.listen(0, '127.0.0.1', () => go()))),
  )
  const ports = servers.map((s) => (s.address() as AddressInfo).port)
  await Promise.all(servers.map((s) => new Promise((go) => s.close(go))))
  return ports
}

export interface TestNode {
  readonly name: string
  readonly client: string
  readonly admin: string
  readonly logFile: string
  process: ChildProcess | null
}

/** Real processes of one cluster in a folder of their own. */
export class TestCluster implements AsyncDisposable {
  readonly dir: string
  readonly nodes: readonly TestNode[]
  readonly #config: string

  private constructor(dir: string, nodes: readonly TestNode[], config: string) {
    this.dir = dir
    this.nodes = nodes
    this.#config = config
  }

  static async start(
    count: number,
    options: Record<string, unknown> = {},
    partitions = 16,
  ): Promise<TestCluster> {
    if (!existsSync(program)) throw new Error('run `npm run build` first: these tests run dist/')
    const dir = mkdtempSync(join(tmpdir(), 'flotilla-e2e-'))
    const ports = await freePorts(count * 3)
    const nodes = Array.from({ length: count }, (_, i) => ({
      name: `n${i + 1}`,
      peer: `127.0.0.1:${ports[i * 3]}`,
      client: `127.0.0.1:${ports[i * 3 + 1]}`,
      admin: `127.0.0.1:${ports[i * 3 + 2]}`,
      data: join(dir, `n${i + 1}`),
    }))
    const config = join(dir, 'cluster.json')
    const cluster = {
      name: 'e2e',
      partitions,
      replicationFactor: Math.min(3, count),
      profile: 'development',
    }
    writeFileSync(config, JSON.stringify({ cluster, nodes, options }))
    const made = new TestCluster(
      dir,
      nodes.map(({ name, client, admin }) => ({
        name,
        client,
        admin,
        logFile: join(dir, `${name}.log`),
        process: null,
      })),
      config,
    )
    for (let i = 0; i < count; i++) made.launch(i)
    await made.ready()
    return made
  }

  launch(i: number): void {
    const node = this.#node(i)
    const out = openSync(node.logFile, 'a')
    node.process = spawn(
      process.execPath,
      [program, 'serve', '--config', this.#config, '--node', node.name],
      { stdio: ['ignore', out, out], env: { ...process.env, UV_THREADPOOL_SIZE: '8' } },
    )
    closeSync(out)
  }

  /** All nodes that run say that they are ready. */
  async ready(ms = 30_000): Promise<void> {
    for (const node of this.nodes) {
      if (node.process === null) continue
      await until(
        `readiness of ${node.name}; its log ends:\n${this.tail(node)}`,
        async () => {
          if (node.process?.exitCode !== null) throw new Error(`${node.name} exited`)
          return (await fetch(`http://${node.admin}/readyz`)).ok
        },
        ms,
      ).catch((error: Error) => {
        throw new Error(`${error.message}\n${this.tail(node)}`)
      })
    }
  }

  /** Ends a process and waits until it is gone. Its exit code; null when a signal ended it. */
  stop(i: number, signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const gone = this.exit(i)
    this.signal(i, signal)
    this.#node(i).process = null
    return gone
  }

  /** Waits until a process is gone by itself or by a signal sent before; exit code as of {@link stop}. */
  async exit(i: number): Promise<number | null> {
    const node = this.#node(i)
    const child = node.process
    if (child === null || child.signalCode !== null) return null
    if (child.exitCode !== null) return child.exitCode
    return new Promise<number | null>((go) => child.once('exit', (code) => go(code)))
  }

  /** A signal that is not waited for: to stop and go on, or to ask a second time. */
  signal(i: number, signal: NodeJS.Signals): void {
    this.#node(i).process?.kill(signal)
  }

  async restart(i: number): Promise<void> {
    this.launch(i)
    await this.ready()
  }

  /** Which node owns the topic, by a node that runs; undefined while there is none. */
  async ownerOf(topic: string, by = 0): Promise<number | undefined> {
    const response = await fetch(
      `http://${this.#node(by).admin}/v1/locate?topic=${encodeURIComponent(topic)}`,
    )
    const { actual } = (await response.json()) as { actual: string | null }
    const at = this.nodes.findIndex((node) => node.name === actual)
    return at < 0 ? undefined : at
  }

  /** A page of a node's admin address: its status and what it says. */
  async admin(i: number, path: string): Promise<{ code: number; body: any }> {
    const response = await fetch(`http://${this.#node(i).admin}${path}`)
    return { code: response.status, body: await response.json() }
  }

  tail(node: TestNode): string {
    return existsSync(node.logFile) ? readFileSync(node.logFile, 'utf8').slice(-2_000) : ''
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((_, i) => this.stop(i, 'SIGKILL')))
    if (process.env['FLOTILLA_KEEP'] === undefined)
      rmSync(this.dir, { recursive: true, force: true })
  }

  #node(i: number): TestNode {
    const node = this.nodes[i]
    if (node === undefined) throw new Error(`there is no node ${i}`)
    return node
  }
}
