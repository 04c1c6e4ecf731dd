import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Result, Verdict } from '../../jepsen-lite/checker/verdict.ts'
import { CouldNotRun } from '../../jepsen-lite/could-not-run.ts'
import { attemptOf, attemptWithoutVerdict } from '../../jepsen-lite/matrix/attempt.ts'
import { campaign, span } from '../../jepsen-lite/matrix/campaign.ts'
import { isDoubted, isDue, seedOf } from '../../jepsen-lite/matrix/cell.ts'
import type { Attempt, Cell, Matrix } from '../../jepsen-lite/matrix/cell.ts'
import {
  createMatrixFolder,
  matrixFolder,
  readMatrix,
  saveMatrix,
} from '../../jepsen-lite/matrix/folder.ts'
import { grid, matrixPage, matrixText, tally } from '../../jepsen-lite/matrix/tables.ts'

const home = mkdtempSync(join(tmpdir(), 'matrix-'))
afterAll(() => rmSync(home, { recursive: true }))

const tried = (result: Result, more: Partial<Attempt> = {}): Attempt => ({
  result,
  seed: '7',
  seconds: 80,
  ok: 1000,
  fail: 20,
  unknown: 3,
  faults: { kill: 2 },
  checkers: [],
  says: '',
  folder: 'runs/r',
  ...more,
})
const cell = (...results: Result[]): Cell => ({
  workload: 'publish',
  family: 'processes',
  nemeses: ['kill', 'drain'],
  attempts: results.map((result) => tried(result)),
})
const dash: Cell = { ...cell(), workload: 'admin', nemeses: [], why: 'it makes no sense' }
const options = { seed: '7', time: 60, nodes: 5, rate: 1000, minThroughput: 100 }
const matrixOf = (...cells: Cell[]): Matrix => ({ startedAt: 'today', options, cells })

describe('whether a cell is run', () => {
  test.for([
    ['never run', cell(), true, true],
    ['valid', cell('valid'), false, false],
    ['valid in the end', cell('invalid', 'valid'), false, false],
    ['invalid', cell('invalid'), false, true],
    ['unknown', cell('unknown', 'unknown'), false, true],
    ['not to be judged', dash, false, false],
  ] as const)('%s', ([, one, due, dueAgain]) => {
    expect([isDue(one, false), isDue(one, true)]).toEqual([due, dueAgain])
  })

  test.for([
    ['unknown, just now', cell('unknown'), 0, true],
    ['unknown, before an interruption', cell('unknown'), 1, true],
    ['unknown twice, just now', cell('unknown', 'unknown'), 0, false],
    ['unknown twice, long ago', cell('unknown', 'unknown'), 2, false],
    ['unknown twice, and again just now', cell('unknown', 'unknown', 'unknown'), 2, true],
    ['valid', cell('valid'), 0, false],
    ['invalid', cell('unknown', 'invalid'), 0, false],
    ['not run', cell(), 0, false],
  ] as const)('once more: %s', ([, one, before, doubted]) => {
    expect(isDoubted(one, before)).toBe(doubted)
  })

  test('each attempt has a seed of its own', () => {
    expect(seedOf('7', cell())).toBe('7-publish-processes')
    expect(seedOf('7', cell('unknown'))).toBe('7-publish-processes-2')
  })
})

describe('a campaign', () => {
  const go = async (
    cells: readonly Cell[],
    results: Readonly<Record<string, readonly Result[]>>,
    how: { jobs?: number; again?: boolean; stopAfter?: number } = {},
  ) => {
    const { jobs = 1, again = false, stopAfter = Infinity } = how
    const over = new AbortController()
    const runs: string[] = []
    const said: string[] = []
    const saved: string[] = []
    let [atOnce, most] = [0, 0]
    const done = await campaign(matrixOf(...cells), {
      jobs,
      again,
      over: over.signal,
      now: () => runs.length * 10_000,
      say: (line) => said.push(line),
      save: (state) => saved.push(state.cells.map(({ attempts }) => attempts.length).join('')),
      run: async ({ workload, attempts }, seed) => {
        runs.push(seed)
        most = Math.max(most, ++atOnce)
        await Promise.resolve()
        atOnce--
        if (runs.length > stopAfter) over.abort()
        if (over.signal.aborted) return undefined
        return tried(results[workload]?.[attempts.length] ?? 'valid')
      },
    })
    return { done, runs, said, saved, most }
  }
  const named = (workload: string, ...results: Result[]): Cell => ({
    ...cell(...results),
    workload,
  })

  test('runs each cell once, and the unknown ones once more in the end', async () => {
    const cells = [named('a'), named('b'), dash, named('c')]
    const { done, runs, saved } = await go(cells, { a: ['unknown', 'valid'], b: ['invalid'] })
    expect(runs).toEqual(
      ['a', 'b', 'c', 'a'].map((name, i) => `7-${name}-processes${i === 3 ? '-2' : ''}`),
    )
    expect(saved).toEqual(['1000', '1100', '1101', '2101'])
    expect(tally(done)).toBe('3 cells: 2 valid, 1 invalid, 0 unknown, 0 not run yet.')
  })

  test('a cell that is unknown twice is unknown', async () => {
    const { done, runs } = await go([named('a')], { a: ['unknown', 'unknown', 'valid'] })
    expect(runs).toHaveLength(2)
    expect(tally(done)).toMatch(/1 unknown/)
  })

  test('goes on where it stopped', async () => {
    const cells = [named('a'), named('b'), named('c')]
    const first = await go(cells, { a: ['invalid'] }, { stopAfter: 1 })
    expect(first.done.cells.map(({ attempts }) => attempts.length)).toEqual([1, 0, 0])
    expect((await go(first.done.cells, {})).runs).toEqual(['7-b-processes', '7-c-processes'])
    const again = await go(first.done.cells, { a: ['invalid', 'valid'] }, { again: true })
    expect(again.runs).toEqual(['7-a-processes-2', '7-b-processes', '7-c-processes'])
    expect(tally(again.done)).toMatch(/^3 cells: 3 valid/)
  })

  test('has as many cells at once as it may', async () => {
    const cells = ['a', 'b', 'c', 'd'].map((name) => named(name))
    expect((await go(cells, {}, { jobs: 3 })).most).toBe(3)
    expect((await go(cells, {}, { jobs: 9 })).most).toBe(4)
    expect((await go([], {}, { jobs: 2 })).runs).toEqual([])
  })

  test('says how far it is and how long it takes', async () => {
    const { said } = await go([named('a'), named('b')], { b: ['invalid'] })
    expect(said).toEqual([
      '[1/2] a × processes (kill, drain) begins; about 3 min left',
      '[1/2] a × processes ✓, 10 s; about 10 s left',
      '[2/2] b × processes (kill, drain) begins; about 10 s left',
      '[2/2] b × processes ✗, 10 s; about 0 s left',
    ])
  })

  test.for([
    [40, '40 s'],
    [99.4, '99 s'],
    [110, '2 min'],
    [720, '12 min'],
    [3_599, '1 h 0 min'],
    [6_900, '1 h 55 min'],
  ] as const)('%f s are %s', ([seconds, text]) => {
    expect(span(seconds)).toBe(text)
  })
})

describe('an attempt', () => {
  const verdict = (checker: string, result: Result, more: Partial<Verdict> = {}): Verdict => ({
    checker,
    result,
    anomalies: [],
    total: 0,
    counts: {},
    doubts: [],
    ...more,
  })
  const counts = { 'publish ok': 90, 'attach ok': 10, 'publish fail': 4, 'publish info': 2 }
  const coverage = verdict('coverage', 'unknown', {
    counts: { ...counts, 'fault kill': 3, 'fault drain': 1, 'ops-per-second-before-faults': 400 },
    doubts: ['the fault drain had no effect', 'another one'],
  })
  const gap = { kind: 'gap', invariant: 'I2', says: 'seq 7 is missing', ops: [1] }
  const order = verdict('order', 'invalid', { anomalies: [gap], total: 1 })
  const seen = (result: Result, ...verdicts: Verdict[]) =>
    attemptOf({ seed: '9', folder: 'runs/x', judgement: { result, verdicts } }, 81)

  test('has figures of the run, and who said what', () => {
    expect(seen('invalid', order, coverage)).toEqual({
      result: 'invalid',
      seed: '9',
      seconds: 81,
      ok: 100,
      fail: 4,
      unknown: 2,
      faults: { kill: 3, drain: 1 },
      checkers: ['order'],
      says: 'seq 7 is missing',
      folder: 'runs/x',
    })
    expect(seen('unknown', coverage)).toMatchObject({
      checkers: ['coverage'],
      says: 'the fault drain had no effect',
    })
    expect(seen('valid', verdict('coverage', 'valid'))).toMatchObject({
      checkers: [],
      says: '',
      ok: 0,
    })
  })

  test('a run without a verdict is unknown', () => {
    const attempt = attemptWithoutVerdict('9', 3, 'n1 did not become ready')
    expect(attempt).toMatchObject({
      result: 'unknown',
      says: 'could not run: n1 did not become ready',
    })
  })
})

describe('tables', () => {
  const finding = { checkers: ['order', 'fifo'], says: 'a|b\nc' }
  const bad: Cell = {
    ...cell('unknown'),
    family: 'links',
    attempts: [tried('unknown'), tried('invalid', finding)],
  }
  const matrix = matrixOf(
    cell('valid'),
    bad,
    { ...cell(), workload: 'ids' },
    { ...cell('unknown'), workload: 'ids', family: 'links' },
    dash,
  )

  test('the grid has a row for each workload and a column for each family', () => {
    expect(grid(matrix).split('\n')).toEqual([
      '|         | processes | links |',
      '| ------- | --------- | ----- |',
      '| publish | ✓         | ✗     |',
      '| ids     | ·         | ?     |',
      '| admin   | –         |       |',
    ])
  })

  test('the page has every run, what was in force and what was not', () => {
    const page = matrixPage(matrix)
    const row = page.split('\n').find((line) => line.startsWith('| publish × links'))
    expect(row?.split(' | ').map((text) => text.trim())).toEqual([
      '| publish × links',
      'invalid',
      '? ✗',
      '7',
      '80',
      '1000',
      '20',
      '3',
      'kill×2, drain×0',
      'order, fifo: a\\|b c',
      'runs/r |',
    ])
    expect(page).toContain('- admin × processes is not run: it makes no sense.')
    expect(page).toMatch(/^\| processes +\| kill×2 +\| drain +\|$/m)
    expect(page).not.toContain('ids × processes')
  })

  test('the text names what is not valid, with its folder', () => {
    const lines = matrixText(matrix).split('\n')
    expect(lines).toContain('✗ publish × links: order, fifo: a|b\nc (runs/r)'.split('\n')[0])
    expect(lines.at(-1)).toBe('4 cells: 1 valid, 1 invalid, 1 unknown, 1 not run yet.')
  })
})

describe('the folder', () => {
  test('what was saved is read again, and nothing else lies about', () => {
    const folder = createMatrixFolder(home, new Date(0))
    saveMatrix(folder, matrixOf(cell()))
    saveMatrix(folder, matrixOf(cell('valid'), dash))
    expect(readMatrix(matrixFolder(folder.path))).toEqual(matrixOf(cell('valid'), dash))
    expect(readFileSync(join(folder.path, 'matrix.md'), 'utf8')).toContain('1 valid')
    expect(readdirSync(folder.path).toSorted()).toEqual([
      'logs',
      'matrix.json',
      'matrix.md',
      'runs',
    ])
    expect(() => createMatrixFolder(home, new Date(0))).toThrow(/is there already/)
  })

  test('one that is none is refused', () => {
    expect(() => readMatrix(matrixFolder(join(home, 'none')))).toThrow(CouldNotRun)
    writeFileSync(join(home, 'matrix.json'), '{}')
    expect(() => readMatrix(matrixFolder(home))).toThrow(/is no matrix/)
  })
})
