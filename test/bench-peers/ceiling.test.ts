import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ceilingSystem } from '../../bench/peers/ceiling/ceiling-system.ts'
import { compare } from '../../bench/peers/comparison.ts'
import { measureFanout } from '../../bench/peers/fanout-command.ts'
import { measurePublish } from '../../bench/peers/publish-command.ts'

/** Real processes: the comparison is built as `npm run bench:peers` does, into a folder of its own. */
const run = promisify(execFile)
const root = resolve(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'flotilla-bench-peers-'))
const tmp = join(folder, 'measured')
const system = ceilingSystem(join(folder, 'dist/bench/peers/ceiling/ceiling-server.js'))
const buildMs = 60_000

beforeAll(async () => {
  mkdirSync(tmp)
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  const options = ['--outDir', join(folder, 'dist'), '--noCheck']
  await run(join(root, 'node_modules/.bin/tsc'), ['-p', join(root, 'bench'), ...options])
}, buildMs)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('publishes are acknowledged by real nodes, round by round', async () => {
  const said: string[] = []
  const settings = {
    rounds: 2,
    inflight: [1, 16],
    warmup: 1,
    load: { seconds: 5, size: 200, mostPublishes: 60 },
    tmp,
  }
  const { samples, failures } = await measurePublish([system], settings, (line) => said.push(line))
  expect(failures).toEqual({})
  expect(samples.map(({ round, setting }) => [round, setting])).toEqual([
    [0, 1],
    [0, 16],
    [1, 1],
    [1, 16],
  ])
  const rows = compare(samples, [system.name], 'acksPerS')
  expect(rows.map(({ setting, rounds }) => [setting, rounds])).toEqual([
    [1, 2],
    [16, 2],
  ])
  for (const { figures } of rows) {
    expect(figures.acksPerS.min).toBeGreaterThan(0)
    expect(figures.p99Ms.median).toBeGreaterThanOrEqual(figures.p50Ms.median)
    expect(figures.errors.max).toBe(0)
    expect(figures.serverCpuUs.median).toBeGreaterThanOrEqual(0)
  }
  expect(said.filter((line) => line.startsWith('round '))).toHaveLength(2)
  expect(readdirSync(tmp), 'folders are removed').toEqual([])
})

test('every subscriber on every node gets everything, in order', async () => {
  const load = { subscribers: 7, window: 4, seconds: 0.2, warmup: 0.1, size: 200 }
  const { samples, failures } = await measureFanout([system], { rounds: 1, load, tmp }, () => {})
  expect(failures).toEqual({})
  expect(samples[0]?.figures).toMatchObject({ disorder: 0, missing: 0, errors: 0 })
  expect(samples[0]?.figures.deliveriesPerS).toBeGreaterThan(0)
})

test('a server that cannot start is told with the end of its log', async () => {
  const broken = ceilingSystem(join(folder, 'no-such-program.js'))
  const settings = {
    rounds: 1,
    inflight: [1],
    warmup: 0,
    load: { seconds: 1, size: 20, mostPublishes: 1 },
    tmp,
  }
  const { samples, failures } = await measurePublish([broken], settings, () => {})
  expect(samples).toEqual([])
  expect(failures['ceiling']).toMatch(/c\d \(ended: exit code 1\):[^]*MODULE_NOT_FOUND/)
  expect(readdirSync(tmp)).toEqual([])
})

test.for([
  [['publish', '--systems', 'quokka'], 2, 'quokka'],
  [['publish', '--systems', 'ceiling', '--rounds', '0'], 2, '--rounds takes 1..20'],
  [[], 2, 'Say what to measure'],
] as const)('the command line %j ends with %i', async ([words, code, text]) => {
  const main = join(folder, 'dist/bench/peers/main.js')
  const ended = await run(process.execPath, [main, ...words]).catch((error: unknown) => error)
  expect(ended).toMatchObject({ code })
  expect((ended as { stderr: string }).stderr).toContain(text)
})
