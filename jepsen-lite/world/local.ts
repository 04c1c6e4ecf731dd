import { randomBytes } from 'node:crypto'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ClientAddress } from '../client/connection.ts'
import { CouldNotRun } from '../could-not-run.ts'
import type { Prng } from '../prng.ts'
import { LinkProxy } from '../proxy/link-proxy.ts'
import { sleep } from '../sleep.ts'
import { writeJson } from '../store.ts'
import type { RunFolder } from '../store.ts'
import type { OpDraft } from '../op.ts'
import { agreeOnIndexes, digestFacts, factsOf } from './admin-view.ts'
import { comeBack } from './come-back.ts'
import { clusterConfig, developmentApiKey } from './cluster-config.ts'
import type { NodeAddresses } from './cluster-config.ts'
import { freePorts } from './free-ports.ts'
import { tryImpostor } from './impostor.ts'
import { LocalAdministrator } from './local-administrator.ts'
import type { JoinAddresses, JoiningNode } from './local-administrator.ts'
import { LocalNode } from './local-node.ts'
import { buildDiskShim, findFaketime } from './preload.ts'
import type { Preload } from './preload.ts'
import { locateBy, rolesOf } from './roles.ts'
import type {
  Impostor,
  ImpostorEnd,
  Lack,
  Link,
  Need,
  NodeClock,
  NodeDisk,
  NodeEnd,
  Roles,
  World,
} from './world.ts'

export interface LocalOptions {
  readonly nodes: number
  readonly partitions: number
  readonly folder: RunFolder
  readonly prng: Prng
  /** The server's program; missing: the one built beside the harness. */
  readonly program?: string
  /** What the chosen faults need: only that is loaded in front of the servers. */
  readonly uses?: ReadonlySet<Need>
  /** Of the servers, besides ours: FLOTILLA_TICK_MS and the like. */
  readonly environment?: Readonly<Record<string, string>>
}

const startDeadlineMs = 60_000
const pollMs = 100
/** What a node says that is no member any more. */
const farewell = /removed|no(t a| longer a)? member|no longer|not let in|refused/i
/** Digests of nodes that still apply are at different indexes and cannot be compared; after so long they are taken as they are. */
const settleDeadlineMs = 10_000
const settlePollMs = 500

/** A cluster of its own on this machine: real processes, real disks, a proxy per directed link. */
export class LocalWorld implements World {
  readonly nodes: string[]
  readonly joined = new Set<string>()
  readonly tolerates: number
  readonly administrator: LocalAdministrator
  versions: Readonly<Record<string, string>> = {}
  readonly #options: LocalOptions
  readonly #replicas: number
  readonly #byName = new Map<string, LocalNode>()
  readonly #links = new Map<string, LinkProxy>()
  readonly #diskShim: Preload
  readonly #faketime: Preload
  readonly #givenUp = new Set<string>()
  /** Members once; their logs are still judged. */
  readonly #former: LocalNode[] = []
  #stopping: Promise<void> | undefined

  constructor(options: LocalOptions) {
    this.#options = options
    this.#replicas = Math.min(3, options.nodes)
    this.tolerates = Math.floor((this.#replicas - 1) / 2)
    this.nodes = Array.from({ length: options.nodes }, (_, i) => `n${i + 1}`)
    const unused: Preload = { path: undefined, why: 'not asked for' }
    this.#diskShim =
      options.uses?.has('disk') === true ? buildDiskShim(options.folder.path) : unused
    this.administrator = new LocalAdministrator({
      program: this.#program,
      secretFile: this.#secretFile,
      founders: options.nodes,
      members: {
        add: (name, how) => this.#join(name, how),
        letGo: (name) => this.#node(name).allowFarewell(farewell),
        forget: (name) => this.#forget(name),
        comeBack: (name) => comeBack(this.#formerNode(name)),
        admins: (last) => this.#admins(last),
      },
    })
    this.#faketime = options.uses?.has('clock') === true ? findFaketime() : unused
  }

  lacks(need: Need): Lack | undefined {
    const preload = need === 'disk' ? this.#diskShim : need === 'clock' ? this.#faketime : undefined
    if (preload && preload.path === undefined) return { why: preload.why, kind: 'tool' }
    return undefined
  }

  async start(): Promise<void> {
    if (!existsSync(this.#program))
      throw new CouldNotRun(`there is no server at ${this.#program}; build it first`)
    const { folder, partitions } = this.#options
    const addresses = await newAddresses(this.nodes)
    const secretFile = this.#secretFile
    writeFileSync(secretFile, randomBytes(32), { mode: 0o600 })
    const cluster = { partitions, replicas: this.#replicas, secretFile }
    writeJson(this.#config, clusterConfig(addresses, folder.nodes, cluster))
    for (const node of addresses)
      await this.#add(node, ['--config', this.#config, '--node', node.name])
    await this.#joinLinks()
    for (const node of this.#byName.values()) node.process.start()
    await this.#allReady()
    const status = await this.#node(this.nodes[0] ?? '').view.status()
    this.versions = { server: status?.node.version ?? 'unknown', node: process.version }
  }

  stop(): Promise<void> {
    return (this.#stopping ??= this.#end())
  }

  async #end(): Promise<void> {
    await Promise.all([...this.#byName.values(), ...this.#former].map((node) => node.close()))
    await Promise.all([...this.#links.values()].map((proxy) => proxy.close()))
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

  async restart(node: string, points?: string): Promise<void> {
    if (this.out.has(node) || !this.#byName.has(node)) return
    const planted = this.#options.environment?.['FLOTILLA_FAULTS']
    const faults = [planted, points].filter((text) => text !== undefined).join(',')
    this.#node(node).process.start(faults === '' ? {} : { FLOTILLA_FAULTS: faults })
  }

  async pause(node: string): Promise<void> {
    this.#node(node).process.pause()
  }

  async resume(node: string): Promise<void> {
    this.#node(node).process.resume()
  }

  async stall(node: string, ms: number): Promise<void> {
    this.#node(node).stall(ms)
  }

  endOf(node: string): NodeEnd | undefined {
    return this.#node(node).end
  }

  allowEnd(node: string, words: RegExp | undefined, then: 'restart' | 'out' = 'restart'): void {
    this.#node(node).allowEnd(words, then === 'out')
  }

  get out(): ReadonlySet<string> {
    const lost = [...this.#byName.values()].filter((node) => node.isLost)
    return new Set([...this.#givenUp, ...lost.map(({ name }) => name)])
  }

  async giveUp(node: string): Promise<void> {
    this.#givenUp.add(node)
    await this.kill(node)
  }

  tryImpostor(node: string, kind: Impostor): Promise<ImpostorEnd> {
    const [self, other] = [node, this.nodes.find((name) => name !== node) ?? node].map((name) =>
      this.#node(name),
    ) as [LocalNode, LocalNode]
    const { folder } = this.#options
    return tryImpostor({ self, other, kind, config: this.#config, program: this.#program, folder })
  }

  disk(node: string): NodeDisk | undefined {
    return this.#node(node).disk
  }

  clock(node: string): NodeClock | undefined {
    return this.#node(node).clock
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

  roles(): Promise<Roles> {
    return rolesOf([...this.#byName.values()])
  }

  locate(topic: string): Promise<string | undefined> {
    return locateBy([...this.#byName.values()], topic)
  }

  async observe(final: boolean): Promise<OpDraft[]> {
    const idle = final && (await this.administrator.isIdle())
    const facts = await Promise.all(
      [...this.#byName.values()].map(async (node) => {
        const { name, view, machine, disk } = node
        if (!node.process.isRunning) return []
        const data = node.dataLife
        const [status, ring, seen] = await Promise.all([
          view.status(),
          view.ring(),
          machine.fact(name, disk?.counts),
        ])
        // It was emptied while it was asked: nobody knows which of its lives the answer is of.
        if (node.dataLife !== data) return seen
        const about = { final, replicas: this.#replicas, idle, ...(data !== undefined && { data }) }
        return [...factsOf(name, status, ring, about), ...seen]
      }),
    )
    if (!final) return facts.flat()
    const logs = [...this.#byName.values(), ...this.#former].flatMap((node) => node.logFacts())
    const gone = [...this.out].map((node): OpDraft => ({
      process: 'observer',
      type: 'ok',
      f: 'out',
      node,
    }))
    return [...facts.flat(), ...gone, ...(await this.#digests()), ...logs]
  }

  /** Of all nodes at one applied index, as far as the time allows: only those can be compared. */
  async #digests(): Promise<OpDraft[]> {
    const deadline = performance.now() + settleDeadlineMs
    for (;;) {
      const running = [...this.#byName.values()].filter((node) => node.process.isRunning)
      const reports = await Promise.all(running.map(({ view }) => view.digest()))
      if (agreeOnIndexes(reports) || performance.now() > deadline)
        return running.flatMap(({ name }, i) => digestFacts(name, reports[i]))
      await sleep(settlePollMs)
    }
  }

  async #add(addresses: NodeAddresses, how: readonly string[]): Promise<LocalNode> {
    if (this.#stopping) throw new CouldNotRun('the cluster is being stopped')
    const { folder } = this.#options
    const { name, client } = addresses
    const after = this.#former.findLast((node) => node.name === name)
    const node = new LocalNode({
      addresses,
      command: [process.execPath, '--import', redirectModule, this.#program, 'serve', ...how],
      data: join(folder.nodes, name),
      notes: join(folder.path, 'notes', name),
      logFile: join(folder.logs, `${name}.log`),
      clientProxy: await this.#proxyTo(client, `client→${name}`),
      diskShim: this.#diskShim.path,
      faketime: this.#faketime.path,
      environment: this.#options.environment ?? {},
      ...(after && { after }),
    })
    this.#byName.set(name, node)
    return node
  }

  /** A proxy for every pair that has none yet, and word of them to the nodes. */
  async #joinLinks(): Promise<void> {
    for (const from of this.#byName.values()) {
      const redirects: Record<string, number> = {}
      for (const { name, addresses } of this.#byName.values()) {
        if (name === from.name) continue
        const link = `${from.name}→${name}`
        const proxy = this.#links.get(link) ?? (await this.#proxyTo(addresses.peer, link))
        this.#links.set(link, proxy)
        redirects[addresses.peer] = proxy.port
      }
      from.setRedirects(redirects)
    }
  }

  async #join(
    name: string,
    how: (addresses: JoinAddresses) => readonly string[],
  ): Promise<JoiningNode> {
    const former = this.#former.findLast((it) => it.name === name)
    const [addresses = former?.addresses] = former ? [] : await newAddresses([name])
    if (!addresses) throw new Error(`there is no place for ${name}`)
    const data = join(this.#options.folder.nodes, name)
    if (former) rmSync(data, { recursive: true, force: true })
    const node = await this.#add(addresses, how({ ...addresses, data }))
    await this.#joinLinks()
    this.nodes.push(name)
    this.joined.add(name)
    await this.restart(name)
    return {
      isReady: () => node.view.isReady(),
      end: () => (node.process.isRunning ? undefined : node.lastWords()),
    }
  }

  /** It may have ended by itself, as a removed node does. */
  async #forget(name: string): Promise<void> {
    const node = this.#node(name)
    await node.process.kill()
    this.#former.push(node)
    this.#byName.delete(name)
    this.nodes.splice(this.nodes.indexOf(name), 1)
    for (const [link, proxy] of this.#links) {
      if (!link.split('→').includes(name)) continue
      this.#links.delete(link)
      await proxy.close()
    }
  }

  #formerNode(name: string): LocalNode {
    const former = this.#former.findLast((node) => node.name === name)
    if (!former || this.#byName.has(name)) throw new Error(`${name} was not removed`)
    return former
  }

  async #admins(last: string | undefined): Promise<string[]> {
    const nodes = [...this.#byName.values()].filter((node) => node.process.isRunning)
    const ready = await Promise.all(nodes.map(({ view }) => view.isReady()))
    const rank = (i: number): number => (nodes[i]?.name === last ? 2 : ready[i] ? 0 : 1)
    const order = nodes.map(({ addresses }, i) => ({ admin: addresses.admin, rank: rank(i) }))
    return order.toSorted((a, b) => a.rank - b.rank).map(({ admin }) => admin)
  }

  get #secretFile(): string {
    return join(this.#options.folder.path, 'secret')
  }

  #proxyTo(address: string, name: string): Promise<LinkProxy> {
    const [targetHost = '127.0.0.1', port] = address.split(':')
    const random = this.#options.prng.split(`link ${name}`)
    return LinkProxy.listen({ targetHost, targetPort: Number(port), random })
  }

  async #allReady(): Promise<void> {
    const deadline = performance.now() + startDeadlineMs
    for (const node of this.#byName.values())
      while (!(await node.view.isReady())) {
        if (!node.process.isRunning || performance.now() > deadline)
          throw new CouldNotRun(`${node.name} did not become ready: ${node.lastWords()}`)
        await sleep(pollMs)
      }
  }

  get #program(): string {
    return this.#options.program ?? builtServer
  }

  get #config(): string {
    return join(this.#options.folder.path, 'cluster.json')
  }

  /** A fault may still hold a node that was removed meanwhile; nothing that it does to that one matters. */
  #node(name: string): LocalNode {
    const node = this.#byName.get(name) ?? this.#former.findLast((it) => it.name === name)
    if (!node) throw new Error(`there is no node ${name}`)
    return node
  }
}

async function newAddresses(names: readonly string[]): Promise<NodeAddresses[]> {
  const ports = await freePorts(names.length * 3)
  const address = (i: number): string => `127.0.0.1:${ports[i]}`
  return names.map((name, i) => ({
    name,
    peer: address(i * 3),
    client: address(i * 3 + 1),
    admin: address(i * 3 + 2),
  }))
}

// Both lie where the build puts them: dist/jepsen-lite/world and dist/src/cli.
const dist = fileURLToPath(new URL('../../', import.meta.url)).replace(/(\/dist)?\/$/, '/dist/')
const builtServer = join(dist, 'src/cli/main.js')
const redirectModule = join(dist, 'jepsen-lite/world/redirect.js')
