import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { marks } from '../../src/assert.ts'
import type { Overrides } from './plan.ts'
import type { SeedResult } from './run-seed.ts'
import { runSeed } from './run-seed.ts'

/** Work for a worker. Of a mutant one failure is enough. */
export interface Batch {
  readonly seeds: readonly number[]
  readonly overrides: Overrides
}

export interface BatchResult {
  readonly results: readonly SeedResult[]
  /** Seeds whose second run was another than the first. */
  readonly unequal: readonly number[]
  /** What the core counted. */
  readonly marks: Readonly<Record<string, number>>
  readonly cpuMs: number
}

/** Seeds handed to a worker at a time. */
const batchSize = 10

export function runBatch({ seeds, overrides }: Batch): BatchResult {
  const before = process.cpuUsage()
  marks.clear()
  const results: SeedResult[] = []
  const unequal: number[] = []
  for (const seed of seeds) {
    const result = runSeed(seed, overrides)
    results.push(result)
    const isMutant = (overrides.mutant ?? null) !== null
    if (isMutant && result.failure !== null) break
    if (!isMutant && seed % 10 === 0 && runSeed(seed, overrides).hash !== result.hash)
      unequal.push(seed)
  }
  const { user, system } = process.cpuUsage(before)
  return { results, unequal, marks: Object.fromEntries(marks), cpuMs: (user + system) / 1_000 }
}

/**
 * Runs all `seeds`, in as many processes as `workers` says (1: in this one), and hands over each
 * batch as it comes; false from `take` ends it early. Which process ran a seed changes nothing.
 */
export async function runSeeds(
  seeds: readonly number[],
  overrides: Overrides,
  workers: number,
  take: (result: BatchResult) => boolean,
): Promise<void> {
  const batches: Batch[] = []
  for (let at = 0; at < seeds.length; at += batchSize) {
    batches.push({ seeds: seeds.slice(at, at + batchSize), overrides })
  }
  if (workers <= 1) {
    for (const batch of batches) if (!take(runBatch(batch))) return
    return
  }
  const running = Array.from({ length: workers }, () => runWorker(batches, take))
  await Promise.all(running)
}

/** One process that works through `batches`, which all workers share. */
function runWorker(batches: Batch[], take: (result: BatchResult) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = fork(fileURLToPath(new URL('./worker.js', import.meta.url)))
    const next = (): void => {
      const batch = batches.shift()
      if (batch === undefined) worker.disconnect()
      else worker.send(batch)
    }
    worker.on('message', (result: BatchResult) => {
      if (!take(result)) batches.length = 0
      next()
    })
    worker.on('error', reject)
    worker.on('exit', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`a worker ended with code ${code}`))
    })
    next()
  })
}
