import { readdirSync, readFileSync } from 'node:fs'
import { cpuSeconds } from '../../src/cli/bench/process-usage.ts'

/** What a system and the load process have used of the machine so far. Linux only: elsewhere NaN. */
export interface MachineSample {
  readonly atMs: number
  /** CPU seconds by process id: of the servers and all their descendants. */
  readonly servers: ReadonlyMap<number, number>
  /** CPU seconds of this process. */
  readonly client: number
  /** Cache flushes that the disks have done: durable writes show here, whatever a server claims. */
  readonly flushes: number
}

export interface MachineUsage {
  readonly seconds: number
  readonly serverCpuSeconds: number
  readonly clientCpuPercent: number
  readonly flushesPerS: number
}

export function sampleMachine(pids: readonly number[]): MachineSample {
  const parents = parentsOfAll()
  const servers = new Map<number, number>()
  for (const pid of withDescendants(pids, parents)) servers.set(pid, cpuSeconds([pid]))
  const { user, system } = process.cpuUsage()
  return {
    atMs: performance.now(),
    servers,
    client: (user + system) / 1e6,
    flushes: flushesIn(readOr('/proc/diskstats', '')),
  }
}

/** Between two samples. A process that began after the first counts whole, one that ended since does not count. */
export function usageBetween(before: MachineSample, after: MachineSample): MachineUsage {
  const seconds = (after.atMs - before.atMs) / 1000
  let serverCpuSeconds = after.servers.size === 0 ? Number.NaN : 0
  for (const [pid, used] of after.servers) serverCpuSeconds += used - (before.servers.get(pid) ?? 0)
  return {
    seconds,
    serverCpuSeconds,
    clientCpuPercent: ((after.client - before.client) / seconds) * 100,
    flushesPerS: (after.flushes - before.flushes) / seconds,
  }
}

/** The processes and everything that they started, directly or not. `parents`: parent by process id. */
export function withDescendants(
  pids: readonly number[],
  parents: ReadonlyMap<number, number>,
): Set<number> {
  const family = new Set(pids)
  for (let size = 0; size !== family.size;) {
    size = family.size
    for (const [pid, parent] of parents) if (family.has(parent)) family.add(pid)
  }
  return family
}

/** The parent in the text of /proc/PID/stat: behind the name, which may contain blanks and parentheses. */
export function parentIn(stat: string): number {
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
}

/** Whole disks: the kernel counts flushes there, not at partitions. */
const wholeDisk = /^(vd[a-z]+|sd[a-z]+|xvd[a-z]+|nvme\d+n\d+|mmcblk\d+)$/
/** Place of the count of flushes in a line of /proc/diskstats (Documentation/admin-guide/iostats.rst). */
const flushField = 18

/** Flushes of all disks in the text of /proc/diskstats. NaN: there is no disk, or the kernel (before 5.5) does not count them. */
export function flushesIn(diskstats: string): number {
  const counts = diskstats
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => wholeDisk.test(fields[2] ?? ''))
    .map((fields) => Number(fields[flushField]))
  return counts.length === 0 ? Number.NaN : counts.reduce((sum, count) => sum + count, 0)
}

function parentsOfAll(): Map<number, number> {
  const parents = new Map<number, number>()
  for (const name of entriesOf('/proc')) {
    const pid = Number(name)
    if (!Number.isInteger(pid)) continue
    const stat = readOr(`/proc/${pid}/stat`, '')
    if (stat !== '') parents.set(pid, parentIn(stat))
  }
  return parents
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return [] // no such file system
  }
}

function readOr(file: string, otherwise: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return otherwise // the process is gone, or there is no such file system
  }
}
