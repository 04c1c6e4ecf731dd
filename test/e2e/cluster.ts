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
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { agreeOnIndexes } from '../../jepsen-lite/world/admin-view.ts'
import { freePorts } from '../../jepsen-lite/world/free-ports.ts'
import type { DigestReport } from '../../src/node/facts.ts'

/** What `npm run build` made; FLOTILLA_DIST names another folder that was built into. */
export const dist = process.env['FLOTILLA_DIST'] ?? resolve(import.meta.dirname, '../../dist')
export const program = join(dist, 'src/cli/main.js')

/** For all nodes of a new cluster together, on a machine with much else to do. ms */
const startMs = 50_000

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

export interface TestNode {
  readonly name: string
  readonly peer: string
  readonly client: string
  readonly admin: string
  readonly logFile: string
  readonly data: string
  /** What `serve` is started with. */
  readonly serve: readonly string[]
  /** Modules that are loaded before the server, and what stands in its environment: of the next start. */
  preloads: readonly string[]
  environment: Readonly<Record<string, string>>
  process: ChildProcess | null
}

/** What a command of the command line came to. */
export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly error: string
}

/** Real processes of one cluster in a folder of their own. */
export class TestCluster implements AsyncDisposable {
  readonly dir: string
  /** Those that joined come behind the founders, and removed ones stay, so that positions stay. */
  readonly nodes: TestNode[]

  private constructor(dir: string, nodes: TestNode[]) {
    this.dir = dir
    this.nodes = nodes
  }

  static async start(
    count: number,
    options: Record<string, unknown> = {},
    partitions = 16,
    replicationFactor = Math.min(3, count),
    prepare: (nodes: readonly TestNode[], dir: string) => Promise<void> = async () => {},
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
      replicationFactor,
      profile: 'development',
    }
    writeFileSync(config, JSON.stringify({ cluster, nodes, options }))
    const made = new TestCluster(
      dir,
      nodes.map((node) => ({
        ...node,
        logFile: join(dir, `${node.name}.log`),
        serve: ['--config', config, '--node', node.name],
        preloads: [],
        environment: {},
        process: null,
      })),
    )
    await prepare(made.nodes, dir)
    for (let i = 0; i < count; i++) made.launch(i)
    try {
      await made.ready(startMs)
    } catch (error) {
      await made[Symbol.asyncDispose]() // nobody else will
      throw error
    }
    return made
  }

  launch(i: number): void {
    const node = this.#node(i)
    const out = openSync(node.logFile, 'a')
    const preloads = node.preloads.flatMap((path) => ['--import', path])
    // It ends with this process, also when that is killed in the middle of a test.
    const words = ['serve', ...node.serve, '--until-stdin-ends']
    const child = spawn(process.execPath, [...preloads, program, ...words], {
      stdio: ['pipe', out, out],
      env: { ...process.env, UV_THREADPOOL_SIZE: '8', ...node.environment },
    })
    child.stdin!.on('error', () => undefined) // it died; its exit tells
    node.process = child
    closeSync(out)
  }

  /** A new node asks for its place and starts; its position. Not waited for: see `ready` and `settled`. */
  async join(options: readonly string[] = []): Promise<number> {
    const name = `n${this.nodes.length + 1}`
    const made = await this.flotilla('token', 'new', '--json')
    const { token } = JSON.parse(made.out) as { token: string }
    const [peer, client, admin] = (await freePorts(3)).map((port) => `127.0.0.1:${port}`)
    const data = join(this.dir, name)
    const door = this.nodes.find((node) => node.process !== null)!.admin
    const wishes = { join: door, token, name, peer, client, admin, data }
    const serve = Object.entries(wishes).flatMap(([key, value]) => [`--${key}`, value as string])
    const logFile = join(this.dir, `${name}.log`)
    serve.push(...options)
    const addresses = { peer: peer!, client: client!, admin: admin! }
    const start = { serve, preloads: [], environment: {}, process: null }
    this.launch(this.nodes.push({ name, ...addresses, data, logFile, ...start }) - 1)
    return this.nodes.length - 1
  }

  /** Runs a command on this cluster to its end, through a node that the command does not name. */
  flotilla(...args: string[]): Promise<Ran> {
    const doors = this.nodes.filter((node) => node.process !== null && !args.includes(node.name))
    const door = doors[0]!.admin
    const where = ['--admin', door, '--secret-file', join(this.dir, 'secret')]
    return new Promise((go, fail) => {
      const child = spawn(process.execPath, [program, ...args, ...where], {
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      const ran = { out: '', error: '' }
      child.stdout.on('data', (part: Buffer) => (ran.out += String(part)))
      child.stderr.on('data', (part: Buffer) => (ran.error += String(part)))
      child.on('error', fail)
      child.on('close', (code) => go({ code, ...ran }))
    })
  }

  /** Every partition is where the table wants it, led by whom it prefers, on exactly these nodes. */
  async settled(names: readonly string[], ms = 60_000): Promise<void> {
    const by = this.nodes.findIndex((node) => node.process !== null)
    await until(
      `the cluster settled on ${names.join(', ')}`,
      async () => {
        const { body } = await this.admin(by, '/v1/nodes')
        const found = body.nodes.map((it: { name: string }) => it.name)
        const isThere = body.nodes.every(
          (it: { wished: object; actual: object; state: string }) =>
            it.state !== 'joining' && JSON.stringify(it.wished) === JSON.stringify(it.actual),
        )
        if (found.join() === names.join() && body.moving === 0 && isThere) return true
        throw new Error(JSON.stringify(body))
      },
      ms,
    )
  }

  /** All nodes that run say that they are ready. */
  async ready(ms = 30_000): Promise<void> {
    for (const node of this.nodes) {
      if (node.process === null) continue
      await until(
        `readiness of ${node.name}; its log ends:\n${this.tail(node)}`,
        async () => {
          if (node.process?.exitCode !== null) throw new Error(`${node.name} exited`)
          const { ready, reasons } = (await (
            await fetch(`http://${node.admin}/readyz`)
          ).json()) as {
            ready: boolean
            reasons: string[]
          }
          if (!ready) throw new Error(reasons.join('; '))
          return true
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

  /** Replicas of every group stand at the same index, and hold the same rows (I17). */
  async digestsAgree(): Promise<void> {
    const up = [...this.nodes.keys()].filter((i) => this.#node(i).process !== null)
    const reports = await until('equal indexes', async () => {
      const all = await Promise.all(up.map((i) => this.admin(i, '/v1/digest')))
      const found = all.map(({ body }) => body as DigestReport)
      return agreeOnIndexes(found) ? found : undefined
    })
    const digests = new Map<number, Set<string>>()
    for (const { group, digest } of reports.flatMap(({ groups }) => groups))
      digests.set(group, (digests.get(group) ?? new Set()).add(digest))
    const differ = [...digests].filter(([, found]) => found.size > 1).map(([group]) => group)
    if (digests.size === 0 || differ.length > 0)
      throw new Error(`replicas of ${digests.size} groups differ in ${JSON.stringify(differ)}`)
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
