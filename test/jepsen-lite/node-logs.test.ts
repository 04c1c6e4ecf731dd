import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { defaultCheckOptions } from '../../jepsen-lite/checker/checker.ts'
import { checkers } from '../../jepsen-lite/checker/registry.ts'
import { runCheckers } from '../../jepsen-lite/checker/run-checkers.ts'
import { HistoryWriter } from '../../jepsen-lite/history.ts'
import { History } from '../../jepsen-lite/operations.ts'
import { linesAround, readNodeLogs } from '../../jepsen-lite/report/node-logs.ts'
import type { LogLine } from '../../jepsen-lite/report/node-logs.ts'
import { reportPage } from '../../jepsen-lite/report/page.ts'

const folder = mkdtempSync(join(tmpdir(), 'jepsen-lite-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('lines get their place on the run’s clock; those without a time belong to the one before', () => {
  const from = Date.parse('2026-01-01T00:00:00Z')
  const lines = [
    '{"level":"info","time":"2026-01-01T00:00:02.500Z","msg":"one"}',
    'Error: a stack',
    '',
    '{"level":"info","time":"2026-01-01T00:00:03.000Z","msg":"two"}',
  ]
  mkdirSync(join(folder, 'logs'))
  writeFileSync(join(folder, 'logs', 'n1.log'), lines.join('\n'))
  writeFileSync(join(folder, 'logs', 'other.txt'), 'no log')
  const logs = readNodeLogs(join(folder, 'logs'), from)
  expect([...logs.keys()]).toEqual(['n1'])
  expect(logs.get('n1')?.map(({ time }) => time)).toEqual([2.5e9, 2.5e9, 3e9])
  expect(readNodeLogs(join(folder, 'logs'), undefined).size).toBe(0)
  expect(readNodeLogs(join(folder, 'none'), from).size).toBe(0)
})

test('the lines around an anomaly are the nearest, in their order', () => {
  const lines: LogLine[] = Array.from({ length: 100 }, (_, i) => ({
    time: i * 1e8,
    text: String(i),
  }))
  const near = linesAround(lines, { from: 5e9, to: 5e9 }, 5)
  expect(near.map(({ text }) => text)).toEqual(['48', '49', '50', '51', '52'])
  expect(linesAround(lines, { from: 5e9, to: 5e9 }, 1000)).toHaveLength(41)
  expect(linesAround(lines, { from: 90e9, to: 90e9 }, 5)).toEqual([])
})

test('a page tells the groups and the logs at an anomaly, and what clocks and disks did', () => {
  let now = 0n
  const writer = new HistoryWriter({ now: () => now })
  const seen = { process: 'observer', type: 'ok' } as const
  for (let second = 0; second < 5; second++) {
    now = BigInt(second) * 1_000_000_000n
    const groups = [{ group: 'p1', role: 'leader', term: 7, commit: 4, applied: 3 }]
    writer.record({ ...seen, f: 'cluster-state', node: 'n1', value: { boot: 'b', groups } })
    const machine = { clockSeconds: second * 60, syncMs: 2, loopMs: 5 }
    writer.record({ ...seen, f: 'machine', node: 'n1', value: machine })
  }
  const value = { pattern: 'fatal', line: 'boom' }
  writer.record({ ...seen, f: 'log', node: 'n1', value })
  const history = new History(writer.ops)
  const judgement = runCheckers(checkers, history, defaultCheckOptions)
  const about = { name: 'x', seed: '1', startedAt: 'now', versions: {}, config: {}, judgement }
  const logs = new Map([['n1', [{ time: 3.9e9, text: '{"msg":"<last words>"}' }]]])
  const html = reportPage(about, history, logs)
  expect(html).toContain('log of n1: 1 lines')
  expect(html).toContain('&#60;last words&#62;')
  expect(html).toContain('n1 leader 7/4/3')
  for (const title of ['Clocks', 'Syncs', 'Event loops'])
    expect(html).toContain(`<h3>${title}</h3>`)
  expect(html).not.toMatch(/NaN|undefined|Infinity/)
})
