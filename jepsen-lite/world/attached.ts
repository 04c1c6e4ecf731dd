import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { CouldNotRun } from '../could-not-run.ts'
import type { ClientAddress } from '../client/connection.ts'
import type { OpDraft } from '../op.ts'
import type { Prng } from '../prng.ts'
import { LinkProxy } from '../proxy/link-proxy.ts'
import { AdminView, factsOf } from './admin-view.ts'
import { developmentApiKey } from './cluster-config.ts'
import { locateBy, rolesOf } from './roles.ts'
import type { Lack, Link, Need, NodeClock, NodeDisk, NodeEnd, Roles, World } from './world.ts'
import type { ImpostorEnd } from './world.ts'

const commandNames = ['kill', 'terminate', 'restart', 'pause', 'resume'] as const
type CommandName = (typeof commandNames)[number]
type Commands = Partial<Record<CommandName, string>>

/** The file of `attach --cluster`; README.md explains it. */
export interface AttachFile {
  /** Missing: the key of clusters with the development profile. */
  readonly apiKey?: string
  /** Of a partition; missing: 3. */
  readonly replicas?: number
  /** Run by a shell; `{node}` stands for the node's name. A node may have its own. */
  readonly commands?: Commands
  readonly nodes: readonly ({
    readonly name: string
    /** `host:port`. */
    readonly client: string
    readonly admin: string
  } & Commands)[]
}

const commandDeadlineMs = 60_000
const adminDeadlineMs = 2_000

interface AttachedNode {
  readonly name: string
  readonly view: AdminView
  readonly proxy: LinkProxy
  readonly commands: Commands
}

/**
 * A cluster that somebody else runs. Our clients reach it through proxies of ours; beyond that we
 * can do to it what the file has commands for. It is never stopped: at the end, whatever was killed
 * or paused runs again.
 */
export class AttachedWorld implements World {
  readonly nodes: readonly string[]
  readonly out: ReadonlySet<string> = new Set()
  readonly tolerates: number
  versions: Readonly<Record<string, string>> = {}
  readonly #file: AttachFile
  readonly #replicas: number
  readonly #prng: Prng
  readonly #byName = new Map<string, AttachedNode>()
  /** What was done to a node and not undone yet. */
  readonly #down = new Set<string>()
  readonly #paused = new Set<string>()

  constructor(file: AttachFile, prng: Prng) {
    this.#file = file
    this.#prng = prng
    this.nodes = file.nodes.map(({ name }) => name)
    this.#replicas = Math.min(file.replicas ?? 3, this.nodes.length)
    this.tolerates = Math.floor((this.#replicas - 1) / 2)
  }

  lacks(need: Need): Lack | undefined {
    const wanted: Partial<Record<Need, readonly CommandName[]>> = {
      processes: ['kill', 'restart'],
      pauses: ['pause', 'resume'],
    }
    const commands = wanted[need]
    if (!commands)
      return { why: `an attached cluster has no ${need} that we may touch`, kind: 'world' }
    const missing = commands.filter(
      (name) => !this.#file.nodes.every((node) => this.#command(node, name)),
    )
    if (missing.length === 0) return undefined
    return { why: `the file has no command to ${missing.join(' or ')} every node`, kind: 'world' }
  }

  async start(): Promise<void> {
    for (const node of this.#file.nodes) {
      const [targetHost, targetPort] = splitAddress(node.client)
      const random = this.#prng.split(`client→${node.name}`)
      const view = new AdminView(node.admin, adminDeadlineMs)
      if (!(await view.isReady()))
        throw new CouldNotRun(
          `${node.name} does not say that it serves (http://${node.admin}/readyz)`,
        )
      const commands = Object.fromEntries(
        commandNames.flatMap((name) => {
          const text = this.#command(node, name)
          return text === undefined ? [] : [[name, text.replaceAll('{node}', node.name)]]
        }),
      )
      const proxy = await LinkProxy.listen({ targetHost, targetPort, random })
      this.#byName.set(node.name, { name: node.name, view, proxy, commands })
    }
    const status = await this.#node(this.nodes[0] ?? '').view.status()
    this.versions = { server: status?.node.version ?? 'unknown', node: process.version }
  }

  /** The cluster stays; what we did to it does not. */
  async stop(): Promise<void> {
    for (const node of this.#paused) await this.resume(node)
    for (const node of this.#down) await this.restart(node)
    await Promise.all([...this.#byName.values()].map(({ proxy }) => proxy.close()))
  }

  clientAddress(node: string): ClientAddress {
    const { port } = this.#node(node).proxy
    return { node, host: '127.0.0.1', port, apiKey: this.#file.apiKey ?? developmentApiKey }
  }

  async kill(node: string): Promise<void> {
    this.#down.add(node)
    await this.#run(node, 'kill')
  }

  /** Without a command of its own, a polite stop is the other one. */
  async terminate(node: string): Promise<void> {
    this.#down.add(node)
    await this.#run(node, this.#node(node).commands.terminate === undefined ? 'kill' : 'terminate')
  }

  async restart(node: string): Promise<void> {
    if (!this.#down.delete(node)) return
    await this.#run(node, 'restart')
  }

  async pause(node: string): Promise<void> {
    this.#paused.add(node)
    await this.#run(node, 'pause')
  }

  async resume(node: string): Promise<void> {
    if (!this.#paused.delete(node)) return
    await this.#run(node, 'resume')
  }

  /** A pause is the nearest that a command can do. */
  async stall(node: string, ms: number): Promise<void> {
    await this.pause(node)
    setTimeout(() => void this.resume(node), ms)
  }

  endOf(): NodeEnd | undefined {
    return undefined
  }

  allowEnd(): void {
    // Nobody here sees how a process ends.
  }

  async giveUp(node: string): Promise<void> {
    throw new Error(`${node} is not ours to give up`)
  }

  async tryImpostor(): Promise<ImpostorEnd> {
    throw new Error('the folders of this cluster are not ours')
  }

  disk(): NodeDisk | undefined {
    return undefined
  }

  clock(): NodeClock | undefined {
    return undefined
  }

  link(): Link | undefined {
    return undefined
  }

  clientLink(node: string): Link {
    return this.#node(node).proxy
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

  async locate(topic: string): Promise<string | undefined> {
    return locateBy([...this.#byName.values()], topic)
  }

  async observe(final: boolean): Promise<OpDraft[]> {
    const facts = await Promise.all(
      [...this.#byName.values()].map(async ({ name, view }) => {
        const [status, ring] = await Promise.all([view.status(), view.ring()])
        return factsOf(name, status, ring, { final, replicas: this.#replicas })
      }),
    )
    return facts.flat()
  }

  #command(node: Commands, name: CommandName): string | undefined {
    return node[name] ?? this.#file.commands?.[name]
  }

  #run(node: string, name: CommandName): Promise<void> {
    const command = this.#node(node).commands[name]
    if (command === undefined) return Promise.reject(new Error(`no command to ${name} ${node}`))
    return new Promise((resolve, reject) => {
      execFile(
        '/bin/sh',
        ['-c', command],
        { timeout: commandDeadlineMs },
        (error, _, complaint) => {
          if (error) reject(new Error(`"${command}" failed: ${complaint.trim() || error.message}`))
          else resolve()
        },
      )
    })
  }

  #node(name: string): AttachedNode {
    const node = this.#byName.get(name)
    if (!node) throw new Error(`there is no node ${name}`)
    return node
  }
}

/** Throws CouldNotRun, saying what is wrong with the file. */
export function readAttachFile(path: string): AttachFile {
  const refuse = (says: string): never => {
    throw new CouldNotRun(`${path}: ${says}`)
  }
  let file: AttachFile
  try {
    file = JSON.parse(readFileSync(path, 'utf8')) as AttachFile
  } catch (error) {
    return refuse((error as Error).message)
  }
  if (!Array.isArray(file.nodes) || file.nodes.length === 0) return refuse('there are no `nodes`')
  const names = new Set<unknown>()
  for (const [i, node] of file.nodes.entries()) {
    for (const field of ['name', 'client', 'admin'] as const)
      if (typeof node[field] !== 'string') refuse(`nodes[${i}] has no text \`${field}\``)
    for (const field of ['client', 'admin'] as const) splitAddress(node[field], refuse)
    if (names.has(node.name)) refuse(`there are two nodes ${node.name}`)
    names.add(node.name)
  }
  return file
}

function splitAddress(
  address: string,
  refuse: (says: string) => never = (says) => {
    throw new CouldNotRun(says)
  },
): [host: string, port: number] {
  const [, host, port] = /^\[?([^\]]+)\]?:(\d+)$/.exec(address) ?? []
  if (host === undefined || port === undefined) return refuse(`"${address}" is not host:port`)
  return [host, Number(port)]
}
