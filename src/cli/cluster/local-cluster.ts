import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { splitAddress } from '../../node/address.ts'
import type { NodeSeed } from '../../node/cluster-file.ts'
import { CommandFailed, exitCodes } from '../exit-codes.ts'
import { busyPorts, openClusterFolder } from './cluster-folder.ts'
import type { ClusterFolder, FolderWish } from './cluster-folder.ts'
import { NodeProcess } from './node-process.ts'

/** What happens while a cluster starts and runs, for whoever tells the person. */
export interface ClusterTold {
  /** Milliseconds since the start. */
  nodeReady(node: NodeProcess, ms: number): void
  /** A node ended although nobody had asked it to. */
  nodeDied(node: NodeProcess, how: string): void
}

const readyTimeoutMs = 60_000
/** What closing may take beyond the drain timeout of the nodes. */
const closeTimeoutMs = 15_000

/** A cluster of real processes on this machine, owned by this process. */
export class LocalCluster {
  readonly folder: ClusterFolder
  readonly nodes: readonly NodeProcess[]
  readonly #told: ClusterTold
  readonly #expected = new Set<NodeProcess>()
  #stopping = false

  private constructor(folder: ClusterFolder, told: ClusterTold) {
    this.folder = folder
    this.nodes = [...folder.nodes, ...folder.joined].map((seed) => new NodeProcess(folder, seed))
    this.#told = told
  }

  /** Opens the folder and takes it for this process. Throws CommandFailed when another has it. */
  static async open(wish: FolderWish, told: ClusterTold): Promise<LocalCluster> {
    const folder = await withoutRunning(await openClusterFolder(wish))
    takeFolder(folder)
    return new LocalCluster(folder, told)
  }

  /** Starts every node and settles when all are ready; rejects when one cannot become so. */
  async start(): Promise<void> {
    const ports = this.nodes.flatMap(({ seed }) => portsOf(seed))
    const busy = await busyPorts(ports)
    if (busy.length > 0) {
      throw new CommandFailed(
        'failed',
        `port ${busy.join(', ')} is in use by another program. Stop that, or start another cluster with --dir`,
      )
    }
    const began = performance.now()
    for (const node of this.nodes) this.startNode(node)
    await Promise.all(
      this.nodes.map(async (node) => {
        try {
          await node.ready(readyTimeoutMs)
        } catch (error) {
          // It is no member any more, and has said so; the others are the cluster.
          if (!node.alive && (await node.exit).code === exitCodes.expelled.code) return
          throw error
        }
        this.#told.nodeReady(node, performance.now() - began)
      }),
    )
  }

  startNode(node: NodeProcess): void {
    this.#expected.delete(node)
    node.start()
    void node.exit.then(({ code, signal }) => {
      if (this.#stopping || this.#expected.has(node)) return
      this.#told.nodeDied(
        node,
        signal === null ? `ended with code ${String(code)}` : `was ended by ${signal}`,
      )
    })
  }

  /** kill -9, and waits until the process is gone. */
  async kill(node: NodeProcess): Promise<void> {
    this.#expected.add(node)
    node.signal('SIGKILL')
    await node.exit
  }

  /** Drains one node, and waits until its process is gone. */
  async stopNode(node: NodeProcess): Promise<void> {
    this.#expected.add(node)
    node.signal('SIGTERM')
    await node.exit
  }

  /** Settles when no node runs any more, for whatever reason. */
  async allGone(): Promise<void> {
    while (this.nodes.some((node) => node.alive)) {
      await Promise.race(this.nodes.filter((node) => node.alive).map((node) => node.exit))
    }
  }

  /** Drains all nodes at once. True: all ended with code 0. Those that take too long are killed. */
  async stop(): Promise<boolean> {
    this.#stopping = true
    const running = this.nodes.filter((node) => node.alive)
    for (const node of running) node.signal('SIGTERM')
    const timer = setTimeout(() => this.force(), this.folder.drainTimeoutMs + closeTimeoutMs)
    const exits = await Promise.all(running.map((node) => node.exit))
    clearTimeout(timer)
    this.release()
    return exits.every(({ code }) => code === 0)
  }

  /** A second signal to each: it ends at once. */
  force(): void {
    this.#stopping = true
    for (const node of this.nodes) node.signal('SIGKILL')
  }

  release(): void {
    rmSync(join(this.folder.dir, lockName), { force: true })
  }
}

/** A node that joined may have been started by hand: it is left alone. */
async function withoutRunning(folder: ClusterFolder): Promise<ClusterFolder> {
  const busy = new Set(await busyPorts(folder.joined.flatMap(portsOf)))
  const joined = folder.joined.filter((seed) => !portsOf(seed).some((port) => busy.has(port)))
  return { ...folder, joined }
}

function portsOf({ client, admin, peer }: NodeSeed): number[] {
  return [client, admin, peer].map((address) => splitAddress(address).port)
}

const lockName = 'up.pid'

function takeFolder(folder: ClusterFolder): void {
  const lock = join(folder.dir, lockName)
  const other = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : 0
  if (other > 0 && other !== process.pid && isAlive(other)) {
    throw new CommandFailed(
      'failed',
      `process ${other} runs the cluster in ${folder.dir} already; see: flotilla status`,
    )
  }
  writeFileSync(lock, `${process.pid}\n`)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
