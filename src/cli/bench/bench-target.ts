import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { loadCluster, noOverrides } from '../../node/config.ts'
import type { Options } from '../../node/options.ts'
import { deriveKeys, readSecret } from '../../node/secrets.ts'
import { AdminClient } from '../cluster/admin-client.ts'
import { freeBlock } from '../cluster/cluster-folder.ts'
import { clusterFileName } from '../cluster/find-cluster.ts'
import { LocalCluster } from '../cluster/local-cluster.ts'
import { CommandFailed, exitCodes } from '../exit-codes.ts'
import { say } from '../output.ts'
import { LinkCuts } from './link-cuts.ts'

/** The cluster that is measured. */
export interface BenchTarget {
  readonly urls: readonly string[]
  readonly apiKey: string
  readonly names: readonly string[]
  readonly admins: readonly AdminClient[]
  /** Server processes, where they are known. */
  pids(): number[]
  /** Present when the measurement owns the processes, and may kill them. */
  readonly own: LocalCluster | undefined
  /** Present when it was wished for: proxies between the nodes of an own cluster. */
  readonly cuts: LinkCuts | undefined
  close(): Promise<void>
}

export interface TargetWish {
  readonly config: string | undefined
  readonly dir: string | undefined
  /** Where the folder of a temporary cluster is made: this disk is measured. */
  readonly tmp: string | undefined
  readonly nodes: number
  readonly keep: boolean
  /** Options of a temporary cluster, besides those that would be what is measured. */
  readonly options?: Partial<Options>
  /** Proxies stand between the nodes of a temporary cluster. */
  readonly withCuts?: boolean
}

/** What measures and is measured share the machine, ms. */
const adminTimeoutMs = 5_000

/** Limits that would be what is measured. */
const benchOptions = {
  'max-subscriber-count': 100_000,
  'rate-connections-per-address': 0,
  'rate-messages-per-user': 0,
} as const

/** A running cluster by its file, or a temporary one of fresh processes. */
export async function openTarget(wish: TargetWish): Promise<BenchTarget> {
  if (wish.config !== undefined) return attached(wish.config)
  if (wish.dir !== undefined) return attached(join(wish.dir, clusterFileName))
  const dir = mkdtempSync(join(wish.tmp ?? tmpdir(), 'flotilla-bench-'))
  say(`a temporary cluster of ${wish.nodes} starts in ${dir}`)
  // Somewhere, so that two measurements, or a measurement and a cluster that starts, do not meet.
  const basePort = await freeBlock(3 * wish.nodes, 10_000 + 100 * Math.floor(Math.random() * 200))
  const own = await LocalCluster.open(
    {
      dir,
      nodes: wish.nodes,
      basePort,
      name: 'bench',
      options: { ...benchOptions, ...wish.options },
    },
    {
      nodeReady: (node, ms) => say(`  ${node.seed.name} is ready (${(ms / 1000).toFixed(1)} s)`),
      nodeDied: (node, how) => say(`${node.seed.name} ${how}:\n${node.logTail(12)}`),
    },
  )
  const cuts = wish.withCuts === true ? await LinkCuts.between(own.folder.nodes, dir) : undefined
  const close = async () => {
    const clean = await own.stop()
    cuts?.close()
    if (wish.keep || !clean) say(`kept ${dir}`)
    else rmSync(dir, { recursive: true, force: true })
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted)
  }
  const interrupted = () => void close().then(() => process.exit(exitCodes.failed.code))
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted)
  try {
    await own.start()
  } catch (error) {
    await close()
    throw error
  }
  return {
    ...attached(own.folder.file),
    own,
    cuts,
    close,
    pids: () => own.nodes.flatMap(({ pid }) => pid ?? []),
  }
}

function attached(file: string): BenchTarget {
  const { cluster, nodes } = loadCluster(file, noOverrides)
  const { apiKey, adminToken } = deriveKeys(
    readSecret(cluster.secret),
    cluster.name,
    cluster.profile,
  )
  return {
    apiKey,
    urls: nodes.map(
      (node) => `ws://${node.client}/v0/channels?apikey=${encodeURIComponent(apiKey)}`,
    ),
    names: nodes.map((node) => node.name),
    admins: nodes.map((node) => new AdminClient(node.admin, adminTimeoutMs, () => adminToken)),
    pids: () => nodes.flatMap((node) => pidOf(join(dirname(file), `${node.name}.pid`))),
    own: undefined,
    cuts: undefined,
    close: async () => {},
  }
}

function pidOf(file: string): number[] {
  try {
    return [Number(readFileSync(file, 'utf8'))]
  } catch {
    return [] // not started by up, or not running
  }
}

/** For measurements that kill. */
export function ownCluster(target: BenchTarget): LocalCluster {
  if (target.own === undefined) {
    throw new CommandFailed(
      'usage',
      'this kills nodes, so it starts a cluster of its own: leave --dir and --config out',
    )
  }
  return target.own
}
