import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { CouldNotRun } from '../../jepsen-lite/could-not-run.ts'
import { nemeses } from '../../jepsen-lite/nemesis/registry.ts'
import { Prng } from '../../jepsen-lite/prng.ts'
import type { RunSummary } from '../../jepsen-lite/report/run-summary.ts'
import { runOne } from '../../jepsen-lite/run.ts'
import type { RunOptions } from '../../jepsen-lite/run.ts'
import { createRunFolder } from '../../jepsen-lite/store.ts'
import { workloads } from '../../jepsen-lite/workload/registry.ts'
import { ToyWorld } from './toy-world.ts'

const store = mkdtempSync(join(tmpdir(), 'jepsen-lite-'))
afterAll(() => rmSync(store, { recursive: true }))

function options(workload: string, world: ToyWorld): RunOptions {
  const found = workloads.find(({ name }) => name === workload)
  if (!found) throw new Error(`no workload ${workload}`)
  const startedAt = new Date('2026-01-01T00:00:00Z')
  return {
    name: workload,
    seed: '7',
    startedAt,
    folder: createRunFolder(store, workload, startedAt),
    world,
    workload: found,
    nemeses: nemeses.filter(({ name }) => name === 'kill'),
    prng: new Prng(7),
    seconds: 1,
    pace: { quietMs: 200, faultMs: [200, 400], restMs: [100, 200] },
    afterHealMs: 300,
    rate: 300,
    lanes: 4,
    topics: 2,
    minThroughput: 0,
    minAvailability: 0,
    config: {},
    progress: () => undefined,
  }
}

function failed({ judgement }: RunSummary): string[] {
  return judgement.verdicts.filter(({ result }) => result !== 'valid').map(({ checker }) => checker)
}

test.for(['publish', 'retry', 'history', 'append', 'register', 'readers', 'marks', 'ids'])(
  '%s on an honest toy',
  async (workload) => {
    const run = options(workload, new ToyWorld(3))
    const summary = await runOne(run)
    // The toy has no idempotency, so a retry after a lost connection is stored twice; nothing else may be wrong.
    const expected = workload === 'retry' ? expect.arrayContaining([]) : []
    expect(
      failed(summary).filter((name) => name !== 'no-repeat' && name !== 'order' && name !== 'ack'),
    ).toEqual(expected)
    expect(JSON.parse(readFileSync(run.folder.summary, 'utf8'))).toMatchObject({
      name: workload,
      seed: '7',
    })
    expect(existsSync(run.folder.history)).toBe(true)
  },
)

class Liar extends ToyWorld {
  override async start(): Promise<void> {
    await super.start()
    this.toy.forgets = 5
  }
}

test('a toy that acknowledges every fifth message and forgets it is caught', async () => {
  const summary = await runOne({ ...options('publish', new Liar(3)), nemeses: [] })
  expect(summary.judgement.result).toBe('invalid')
  expect(failed(summary)).toContain('durable')
})

test('a server that lets nobody in: could not run, and the world is stopped', async () => {
  class Mute extends ToyWorld {
    override async start(): Promise<void> {
      throw new CouldNotRun('n1 did not become ready')
    }
    stopped = false
    override async stop(): Promise<void> {
      this.stopped = true
    }
  }
  const world = new Mute(3)
  await expect(runOne(options('publish', world))).rejects.toBeInstanceOf(CouldNotRun)
  expect(world.stopped).toBe(true)
})
