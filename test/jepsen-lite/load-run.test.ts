import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readHistory } from '../../jepsen-lite/history.ts'
import { loadNemeses } from '../../jepsen-lite/nemesis/load-nemeses.ts'
import type { Op } from '../../jepsen-lite/op.ts'
import { Prng } from '../../jepsen-lite/prng.ts'
import { runOne } from '../../jepsen-lite/run.ts'
import { createRunFolder } from '../../jepsen-lite/store.ts'
import { workloads } from '../../jepsen-lite/workload/registry.ts'
import type { Workload } from '../../jepsen-lite/workload/workload.ts'
import { ToyWorld } from './toy-world.ts'

const store = mkdtempSync(join(tmpdir(), 'jepsen-lite-'))
afterAll(() => rmSync(store, { recursive: true }))

interface Played {
  readonly ops: readonly Op[]
  /** Of the checkers that are not content. */
  readonly words: readonly string[]
}

/** On a machine so busy that clients get nothing done there is no effect; then it is played again. */
async function played(workload: Workload, fault: string, seconds = 2.5): Promise<Played> {
  let last = await playedIn(new ToyWorld(3), workload, fault, seconds)
  const isTold = (): boolean => last.ops.some(({ f }) => f === 'effect' || f === 'skip')
  for (let i = 0; i < 3 && !isTold(); i++)
    last = await playedIn(new ToyWorld(3), workload, fault, seconds)
  return last
}

async function playedIn(
  world: ToyWorld,
  workload: Workload,
  fault: string,
  seconds = 2.5,
): Promise<Played> {
  const startedAt = new Date('2026-01-01T00:00:00Z')
  const folder = createRunFolder(store, `${workload.name}+${fault}`, startedAt)
  const { judgement } = await runOne({
    name: workload.name,
    seed: '7',
    startedAt,
    folder,
    world,
    workload,
    nemeses: loadNemeses.filter(({ name }) => name === fault),
    prng: new Prng(7),
    seconds,
    pace: { quietMs: 200, faultMs: [seconds * 600, seconds * 700], restMs: [100, 200] },
    afterHealMs: 300,
    rate: 200,
    lanes: 3,
    topics: 6,
    minThroughput: 0,
    minAvailability: 0.5,
    config: {},
    progress: () => undefined,
  })
  const bad = judgement.verdicts.filter(({ result }) => result !== 'valid')
  const words = bad.flatMap((v) => [...v.anomalies.map(({ says }) => says), ...v.doubts])
  return { ops: await readHistory(folder.history), words }
}

function named(name: string): Workload {
  const found = workloads.find((one) => one.name === name)
  if (!found) throw new Error(`no workload ${name}`)
  return found
}

/** Of the operations begun in the time of the fault, those on the key that has most. */
function hottest(ops: readonly Op[]): number {
  const [from, to] = ['start', 'stop'].map((f) => ops.findIndex((op) => op.f === f))
  const names = ['publish', 'history', 'read', 'write', 'look-back', 'mark', 'marks']
  const asked = ops
    .slice(from, to)
    .filter(({ type, f }) => type === 'invoke' && names.includes(f))
    .map(({ key }) => key)
  const most = Math.max(...[...new Set(asked)].map((key) => asked.filter((k) => k === key).length))
  return most / asked.length
}

test.concurrent.for(['publish', 'history'])('%s: one topic is hot', async (workload) => {
  const { ops, words } = await played(named(workload), 'hot-topic')
  expect(words).toEqual([])
  expect(hottest(ops)).toBeGreaterThan(0.8)
})

test.concurrent('register: one key is hot, whosever it is', async () => {
  // Of ten lanes one stays where it was; these are three.
  const { ops, words } = await played(named('register'), 'hot-topic')
  expect(words).toEqual([])
  expect(hottest(ops)).toBeGreaterThan(0.8)
})

test.concurrent.for(['publish', 'register'])('%s: a burst has more lanes', async (workload) => {
  const { ops, words } = await played(named(workload), 'burst')
  expect(words).toEqual([])
  const lanesOf = (some: readonly Op[]): number => {
    const asked = some.filter(
      ({ type, f }) => type === 'invoke' && f !== 'attach' && f !== 'read-all',
    )
    return new Set(asked.map(({ process }) => String(process).split('/')[0])).size
  }
  const [from, to] = ['start', 'stop'].map((f) => ops.findIndex((op) => op.f === f))
  expect(lanesOf(ops.slice(0, from))).toBeLessThanOrEqual(3)
  expect(lanesOf(ops.slice(from, to))).toBe(30)
})

test.concurrent.for(['publish', 'append'])('%s: large messages', async (workload) => {
  const { ops, words } = await played(named(workload), 'large-messages')
  expect(words).toEqual([])
  expect(ops.find(({ f }) => f === 'effect')?.value).toMatchObject({ what: expect.any(String) })
  // Whatever their size, the history says of bodies only whether they were whole.
  expect(
    Math.max(...ops.map((op) => (op.f === 'deliver' ? JSON.stringify(op).length : 0))),
  ).toBeLessThan(300)
})

test.concurrent('a server that cuts large messages short is caught', async () => {
  class Cutter extends ToyWorld {
    override async start(): Promise<void> {
      await super.start()
      this.toy.longest = 65_536
    }
  }
  const { words } = await playedIn(new Cutter(3), named('publish'), 'large-messages')
  expect(words.join()).toMatch(/does not fit its checksum/)
})

test.concurrent.for([
  ['ids', 'large-messages', /was skipped: it means nothing to ids: nobody sends messages/],
  ['membership', 'hot-topic', /was skipped: it means nothing to membership: every member/],
] as const)('%s: %s is skipped, and the verdict says why', async ([workload, fault, says]) => {
  const { ops, words } = await played({ ...named('ids'), ...skipsOf(workload) }, fault, 0.3)
  expect(words.join()).toMatch(says)
  expect(ops.some(({ f }) => f === 'start')).toBe(false)
})

/** The workload itself may need more than toys know. */
function skipsOf(workload: string): Partial<Workload> {
  const { name, withoutLoad = {} } = named(workload)
  return { name, withoutLoad }
}
