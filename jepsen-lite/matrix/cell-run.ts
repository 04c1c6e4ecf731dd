import { spawn } from 'node:child_process'
import { createWriteStream, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runFolder } from '../store.ts'
import { attemptOf, attemptWithoutVerdict } from './attempt.ts'
import type { RunOutput } from './attempt.ts'
import type { Attempt, Cell, MatrixOptions } from './cell.ts'
import type { MatrixFolder } from './folder.ts'

export interface CellRunOptions {
  readonly folder: MatrixFolder
  readonly matrix: MatrixOptions
  /** Program of the server; missing: the one built beside this. */
  readonly server: string | undefined
  /** Ends the run, and with it its servers. */
  readonly over: AbortSignal
}

/** Besides the faults, a run starts, settles, reads and judges; for longer than this it hangs. ms */
const surroundingsMs = 15 * 60_000
/** A run that was told to end has so long to end its servers, ms. */
const graceMs = 20_000
/** Of what a run says at its end. */
const maxTailLength = 4_000

const main = fileURLToPath(new URL('../main.js', import.meta.url))

/** Runs the cell in a process of its own. Undefined: it was told to end. */
export async function runCell(
  cell: Cell,
  seed: string,
  options: CellRunOptions,
): Promise<Attempt | undefined> {
  const began = performance.now()
  const { told, tail } = await childRun(argumentsOf(cell, seed, options), seed, options)
  if (options.over.aborted) return undefined
  const seconds = Math.round((performance.now() - began) / 1000)
  const run = parsed(told)
  if (!run) return attemptWithoutVerdict(seed, seconds, lastLine(tail))
  if (run.judgement.result === 'valid') dropData(run.folder)
  return attemptOf({ ...run, folder: relative(options.folder.path, run.folder) }, seconds)
}

function argumentsOf(
  { workload, nemeses }: Cell,
  seed: string,
  { folder, matrix, server }: CellRunOptions,
): string[] {
  const flags = {
    workload,
    nemesis: nemeses.join(','),
    seed,
    time: matrix.time,
    nodes: matrix.nodes,
    rate: matrix.rate,
    'min-throughput': matrix.minThroughput,
    store: folder.runs,
    ...(server !== undefined && { server }),
  }
  const texts = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)])
  return ['run', '--json', ...texts]
}

/** A group of its own: a signal from the terminal reaches it through us, once, and the last resort reaches its servers. */
function childRun(
  args: readonly string[],
  seed: string,
  { folder, matrix, over }: CellRunOptions,
): Promise<{ told: string; tail: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const log = createWriteStream(join(folder.logs, `${seed}.log`))
    const told: Buffer[] = []
    let tail = ''
    child.stdout.on('data', (bytes: Buffer) => told.push(bytes))
    child.stderr.on('data', (bytes: Buffer) => {
      log.write(bytes)
      tail = (tail + bytes.toString()).slice(-maxTailLength)
    })
    let lastResort: NodeJS.Timeout | undefined
    const end = (): void => {
      child.kill('SIGTERM')
      lastResort ??= setTimeout(() => killGroup(child.pid), graceMs)
    }
    const deadline = setTimeout(end, matrix.time * 1000 + surroundingsMs)
    over.addEventListener('abort', end)
    if (over.aborted) end()
    child.once('error', reject)
    child.once('close', () => {
      over.removeEventListener('abort', end)
      clearTimeout(deadline)
      clearTimeout(lastResort)
      log.end()
      resolve({ told: Buffer.concat(told).toString(), tail })
    })
  })
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // It ended in this moment.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Undefined: there was no verdict, or it was killed while it wrote it. */
function parsed(told: string): RunOutput | undefined {
  try {
    return JSON.parse(told) as RunOutput
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** What says why: the line of the harness, or else the last one. */
function lastLine(tail: string): string {
  const lines = tail.split('\n').filter((line) => line.trim() !== '')
  const own = lines.findLast((line) => line.startsWith(ownPrefix))?.slice(ownPrefix.length)
  return own ?? lines.at(-1) ?? 'no word'
}

const ownPrefix = 'jepsen-lite: '

/** What nodes stored, and the notes about their disks, are gigabytes after a campaign; nobody looks for a fault in them when all was well. */
function dropData(path: string): void {
  for (const bulk of [runFolder(path).nodes, join(path, 'notes')])
    rmSync(bulk, { recursive: true, force: true })
}
