import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { ConfigRefused } from '../../node/cluster-file.ts'
import type { ClusterFile, NodeSeed } from '../../node/cluster-file.ts'
import { loadCluster } from '../../node/config.ts'
import type { Options } from '../../node/options.ts'
import { createSecretFile } from '../../node/secrets.ts'
import { CommandFailed } from '../exit-codes.ts'
import { clusterFileName } from './find-cluster.ts'
import { joinedNodes } from './joined-nodes.ts'

/**
 * The folder of a cluster whose nodes all run on this machine:
 *
 *     cluster.json   a cluster file like any other; remembers names and addresses
 *     secret         random, mode 0600
 *     n1/ n2/ …      data
 *     n1.log …       what the nodes wrote
 *     n1.pid …       of the nodes that run
 *
 * A node that joined with `--data` inside of it is started with the others.
 */
export interface ClusterFolder {
  readonly dir: string
  readonly file: string
  /** The founders. */
  readonly nodes: readonly NodeSeed[]
  /** Nodes that joined later and have their data in this folder. */
  readonly joined: readonly NodeSeed[]
  readonly drainTimeoutMs: number
  /** False: it was there already. */
  readonly fresh: boolean
}

export interface FolderWish {
  readonly dir: string
  /** Undefined: as many as there are, or three. */
  readonly nodes: number | undefined
  /** First of 3 × nodes successive ports. Undefined: the first free block is found. */
  readonly basePort: number | undefined
  readonly name: string
  readonly options: Partial<Options>
}

const host = '127.0.0.1'
const defaultNodes = 3
/** Where the search for a free block starts: the port that chat clients of this protocol know. */
const firstPort = 6060
/** Below the ephemeral ports, so that nobody's outgoing connection sits on a remembered port. */
const lastPort = 32_000
const blockStep = 100

/** The folder as it is, or a new one. Throws CommandFailed or ConfigRefused. */
export async function openClusterFolder(wish: FolderWish): Promise<ClusterFolder> {
  const dir = resolve(wish.dir)
  const file = join(dir, clusterFileName)
  if (!existsSync(file)) return newFolder(dir, file, wish)
  const { nodes, options } = loadCluster(file, { environment: process.env, flags: {} })
  if (wish.nodes !== undefined && wish.nodes !== nodes.length) {
    throw new ConfigRefused(file, [
      {
        at: '--nodes',
        says: `${wish.nodes} nodes are wanted, and this folder holds a cluster of ${nodes.length}`,
        cure: 'leave --nodes out, or start another cluster with --dir',
      },
    ])
  }
  const joined = joinedNodes(dir)
  return { dir, file, nodes, joined, drainTimeoutMs: options['drain-timeout-ms'], fresh: false }
}

async function newFolder(dir: string, file: string, wish: FolderWish): Promise<ClusterFolder> {
  const count = wish.nodes ?? defaultNodes
  const base = wish.basePort ?? (await freeBlock(3 * count, firstPort))
  const nodes = Array.from({ length: count }, (_, i) => ({
    name: `n${i + 1}`,
    client: `${host}:${base + i}`,
    admin: `${host}:${base + count + i}`,
    peer: `${host}:${base + 2 * count + i}`,
    data: `n${i + 1}`,
  }))
  const content: ClusterFile = {
    cluster: { name: wish.name, secretFile: 'secret', profile: 'development' },
    nodes,
    options: wish.options,
  }
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  createSecretFile(join(dir, 'secret'))
  // Whole or not at all: a second start must not read half a file.
  writeFileSync(`${file}.new`, `${JSON.stringify(content, null, 2)}\n`, { flush: true })
  renameSync(`${file}.new`, file)
  return { ...(await openClusterFolder({ ...wish, nodes: undefined })), fresh: true }
}

/** The first of `length` successive ports that are free now, searched from `start` on. */
export async function freeBlock(length: number, start: number, on = host): Promise<number> {
  for (let base = start; base + length < lastPort; base += blockStep) {
    const busy = await busyPorts(
      Array.from({ length }, (_, i) => base + i),
      on,
    )
    if (busy.length === 0) return base
  }
  throw new CommandFailed(
    'failed',
    `no ${length} successive free ports were found; choose with --base-port`,
  )
}

/** Those of `ports` on which nobody can listen now. */
export async function busyPorts(ports: readonly number[], on = host): Promise<number[]> {
  const busy = await Promise.all(
    ports.map(async (port) => ((await isFree(port, on)) ? [] : [port])),
  )
  return busy.flat()
}

function isFree(port: number, on: string): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer()
    server.once('error', () => done(false))
    server.listen(port, on, () => server.close(() => done(true)))
  })
}
