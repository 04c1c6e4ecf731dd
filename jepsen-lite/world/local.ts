import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ClientAddress } from '../client/connection.ts'
import { CouldNotRun } from '../could-not-run.ts'
import type { Prng } from '../prng.ts'
import { LinkProxy } from '../proxy/link-proxy.ts'
import { writeJson } from '../store.ts'
import type { RunFolder } from '../store.ts'
import type { OpDraft } from '../op.ts'
import { AdminView, factsOf } from './admin-view.ts'
import { clusterConfig, developmentApiKey } from './cluster-config.ts'
import type { NodeAddresses } from './cluster-config.ts'
import { freePorts } from './free-ports.ts'
import { logProblems } from './log-problems.ts'
import { NodeProcess } from './node-process.ts'
import type { Link, Roles, World } from './world.ts'

export interface LocalOptions {
  readonly nodes: number
  readonly partitions: number
  readonly folder: RunFolder
  readonly prng: Prng
  /** The server's program; missing: the one built beside the harness. */
  readonly program?: string
}

const startDeadlineMs = 60_000
const pollMs = 100
const adminDeadlineMs = 1_000

interface LocalNode extends NodeAddresses {
  readonly process: NodeProcess
  readonly view: AdminView
  readonly clientProxy: LinkProxy
}

/** A cluster of its own on this machine: real processes, real disks, a proxy per directed link. */
export class LocalWorld implements World {
  readonly nodes: readonly string[]
  readonly tolerates: number
  versions: Readonly<Record<string, string>> = {}
  readonly #options: LocalOptions
  readonly #replicas: number
  readonly #byName = new Map<string, LocalNode>()
  readonly #links = new Map<string, LinkProxy>()
  #stopped = false

  constructor(options: LocalOptions) {
    this.#options = options
    this.#replicas = Math.min(3, options.nodes)
    this.tolerates = Math.floor((this.#replicas - 1) / 2)
    this.nodes = Array.from({ length: options.nodes }, (_, i) => `n${i + 1}`)
  }

  async start(): Promise<void> {
    const program = this.#options.program ?? builtServer
    if (!existsSync(program))
      throw new CouldNotRun(`there is no server at ${program}; build it first`)
    const { folder, partitions } = this.#options
    const ports = await freePorts(this.nodes.length * 3)
    const addresses = this.nodes.map((name, i) => ({
      name,
      peer: `127.0.0.1:${ports[i * 3]}`,
      client: `127.0.0.1:${ports[i * 3 + 1]}`,
      admin: `127.0.0.1:${ports[i * 3 + 2]}`,
    }))
    const config = join(folder.path, 'cluster.json')
    writeJson(
      config,
      clusterConfig(addresses, folder.nodes, { partitions, replicas: this.#replicas }),
    )
    for (const node of addresses) await this.#prepare(node, addresses, [program, config])
    for (const node of this.#byName.values()) node.process.start()
    await this.#allReady()
    const status = await this.#node(this.nodes[0] ?? '').view.status()
    this.versions = { server: status?.node.version ?? 'unknown', node: process.version }
  }

  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    const proxies = [...this.#links.values()]
    await Promise.all(
      [...this.#byName.values()].map(async ({ process: running, clientProxy }) => {
        running.resume()
        await running.kill()
        proxies.push(clientProxy)
      }),
    )
    await Promise.all(proxies.map((proxy) => proxy.close()))
  }

  clientAddress(node: string): ClientAddress {
    const { clientProxy } = this.#node(node)
    return { node, host: '127.0.0.1', port: clientProxy.port, apiKey: developmentApiKey }
  }

  kill(node: string): Promise<void> {
    return this.#node(node).process.kill()
  }

  terminate(node: string): Promise<void> {
    return this.#node(node).process.terminate()
  }

  async restart(node: string): Promise<void> {
    this.#node(node).process.start()
  }

  async pause(node: string): Promise<void> {
    this.#node(node).process.pause()
  }

  async resume(node: string): Promise<void> {
    this.#node(node).process.resume()
  }

  link(from: string, to: string): Link | undefined {
    return this.#links.get(`${from}→${to}`)
  }

  clientLink(node: string): Link {
    return this.#node(node).clientProxy
  }

  isAlive(node: string): Promise<boolean> {
    return this.#node(node).view.isAlive()
  }

  isReady(node: string): Promise<boolean> {
    return this.#node(node).view.isReady()
  }

  async roles(): Promise<Roles> {
    const led = new Map<string, number>()
    let metaLeader: { node: string; term: number } | undefined
    for (const { name, view } of this.#byName.values()) {
      const groups = (await view.status())?.groups.filter((group) => group.role === 'leader') ?? []
      const meta = groups.find((group) => group.group === 0)
      if (meta && meta.term >= (metaLeader?.term ?? 0)) metaLeader = { node: name, term: meta.term }
      led.set(name, groups.filter((group) => group.group !== 0).length)
    }
    return { metaLeader: metaLeader?.node, led }
  }

  async observe(final: boolean): Promise<OpDraft[]> {
    const facts = await Promise.all(
      [...this.#byName.values()].map(async ({ name, view, process: running }) => {
        if (!running.isRunning) return []
        const [status, ring] = await Promise.all([view.status(), view.ring()])
        return factsOf(name, status, ring, { final, replicas: this.#replicas })
      }),
    )
    return [...facts.flat(), ...(final ? this.#logFacts() : [])]
  }

  #logFacts(): OpDraft[] {
    return [...this.#byName.values()].flatMap(({ name, process: running }) =>
      logProblems(name, this.#logFile(name), running.surprises),
    )
  }

  async #prepare(
    node: NodeAddresses,
    all: readonly NodeAddresses[],
    [program, config]: readonly [string, string],
  ): Promise<void> {
    const redirects: Record<string, number> = {}
    for (const other of all) {
      if (other.name === node.name) continue
      const proxy = await this.#proxyTo(other.peer, `${node.name}→${other.name}`)
      this.#links.set(`${node.name}→${other.name}`, proxy)
      redirects[other.peer] = proxy.port
    }
    const running = new NodeProcess({
      command: [
        process.execPath,
        '--import',
        redirectModule,
        program,
        'serve',
        '--config',
        config,
        '--node',
        node.name,
      ],
      environment: { JEPSEN_LITE_REDIRECT: JSON.stringify(redirects) },
      logFile: this.#logFile(node.name),
    })
    this.#byName.set(node.name, {
      ...node,
      process: running,
      view: new AdminView(node.admin, adminDeadlineMs),
      clientProxy: await this.#proxyTo(node.client, `client→${node.name}`),
    })
  }

  #proxyTo(address: string, name: string): Promise<LinkProxy> {
    const [targetHost = '127.0.0.1', port] = address.split(':')
    const random = this.#options.prng.split(`link ${name}`)
    return LinkProxy.listen({ targetHost, targetPort: Number(port), random })
  }

  async #allReady(): Promise<void> {
    const deadline = performance.now() + startDeadlineMs
    for (const { name, view, process: running } of this.#byName.values())
      while (!(await view.isReady())) {
        if (!running.isRunning || performance.now() > deadline)
          throw new CouldNotRun(`${name} did not become ready: ${this.#lastWords(name)}`)
        await new Promise((done) => setTimeout(done, pollMs))
      }
  }

  #lastWords(name: string): string {
    const text = readFileSync(this.#logFile(name), 'utf8').trimEnd()
    return text === '' ? 'its log is empty' : text.split('\n').slice(-3).join(' | ')
  }

  #logFile(name: string): string {
    return join(this.#options.folder.logs, `${name}.log`)
  }

  #node(name: string): LocalNode {
    const node = this.#byName.get(name)
    if (!node) throw new Error(`there is no node ${name}`)
    return node
  }
}

// Both lie where the build puts them: dist/jepsen-lite/world and dist/src/cli.
const dist = fileURLToPath(new URL('../../', import.meta.url)).replace(/(\/dist)?\/$/, '/dist/')
const builtServer = join(dist, 'src/cli/main.js')
const redirectModule = join(dist, 'jepsen-lite/world/redirect.js')
