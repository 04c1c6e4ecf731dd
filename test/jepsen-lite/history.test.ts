import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { HistoryWriter, parseHistory, readHistory } from '../../jepsen-lite/history.ts'
import { History } from '../../jepsen-lite/operations.ts'
import type { Op } from '../../jepsen-lite/op.ts'
import { Prng } from '../../jepsen-lite/prng.ts'
import { story } from './story.ts'

const folder = mkdtempSync(join(tmpdir(), 'jepsen-lite-'))
afterAll(() => rmSync(folder, { recursive: true }))

async function parsed(...lines: string[]): Promise<Op[]> {
  const ops: Op[] = []
  for await (const op of parseHistory(lines, 'h.jsonl')) ops.push(op)
  return ops
}

const good = '{"index":0,"time":5,"process":0,"type":"invoke","f":"read","key":"x"}'

test.for([
  ['not JSON', [good, '{'], /^h\.jsonl:2: not JSON/],
  ['a list', ['[1]'], /^h\.jsonl:1: not a JSON object/],
  ['no process', ['{"time":1,"type":"ok","f":"read"}'], /process/],
  ['a strange type', ['{"time":1,"process":1,"type":"okay","f":"read"}'], /type is none of/],
  ['no f', ['{"time":1,"process":1,"type":"ok"}'], /f is missing/],
  ['time as text', ['{"time":"1","process":1,"type":"ok","f":"x"}'], /time/],
  ['index does not rise', [good, good], /:2: index 0 does not rise above 0/],
  [
    'time falls',
    [good, good.replace('"index":0,"time":5', '"index":1,"time":4')],
    /:2: time 4 lies before 5/,
  ],
] as const)('refused with the line: %s', async ([, lines, says]) => {
  await expect(parsed(...lines)).rejects.toThrow(says)
})

test('lines without index or time follow the line before; empty lines and foreign fields are skipped', async () => {
  const ops = await parsed(good, '', '{"process":"a","type":"ok","f":"read","key":7,"x":1}')
  expect(ops[1]).toEqual({ index: 1, time: 5, process: 'a', type: 'ok', f: 'read', key: '7' })
})

test('what the writer wrote is what the reader reads', async () => {
  const path = join(folder, 'history.jsonl')
  let now = 100n
  const writer = new HistoryWriter({ path, now: () => (now += 10n) })
  writer.record({ process: 1, type: 'invoke', f: 'cas', key: 'k', value: [null, 'ü'] })
  writer.record({ process: 1, type: 'info', f: 'cas', key: 'k', error: 'timeout', node: 'n1' })
  await writer.close()
  await writer.close()
  expect(await readHistory(path)).toEqual(writer.ops)
  expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(3)
  expect(writer.ops.map((op) => op.time)).toEqual([10, 20])
})

test('a full history and a missing file are errors', async () => {
  const writer = new HistoryWriter({ maxOps: 1 })
  writer.record({ process: 1, type: 'invoke', f: 'read' })
  expect(() => writer.record({ process: 1, type: 'ok', f: 'read' })).toThrow(/full/)
  await expect(readHistory(join(folder, 'none.jsonl'))).rejects.toThrow(/ENOENT/)
  writeFileSync(join(folder, 'empty.jsonl'), '')
  expect(await readHistory(join(folder, 'empty.jsonl'))).toEqual([])
})

test('operations are paired by process; facts stand alone', () => {
  const history = new History(
    story([
      { process: 'a', type: 'invoke', f: 'read' },
      { process: 'b', type: 'invoke', f: 'write' },
      { process: 'a', type: 'ok', f: 'deliver' },
      { process: 'nemesis', type: 'info', f: 'start', key: 'kill' },
      { process: 'b', type: 'fail', f: 'write' },
      { process: 'a', type: 'ok', f: 'read' },
      { process: 'c', type: 'invoke', f: 'read' },
    ]),
  )
  expect(history.facts.map((op) => op.index)).toEqual([2, 3])
  expect(
    history.operations.map(({ invoke, complete, outcome }) => [
      invoke.index,
      complete?.index,
      outcome,
    ]),
  ).toEqual([
    [0, 5, 'ok'],
    [1, 4, 'fail'],
    [6, undefined, 'info'],
  ])
})

test.for([
  [
    'two open',
    [
      { process: 1, type: 'invoke', f: 'a' },
      { process: 1, type: 'invoke', f: 'b' },
    ],
  ],
  ['no invocation', [{ process: 1, type: 'ok', f: 'a' }]],
  [
    'another f',
    [
      { process: 1, type: 'invoke', f: 'a' },
      { process: 1, type: 'ok', f: 'b' },
    ],
  ],
] as const)('a history that contradicts itself is refused: %s', ([, lines]) => {
  expect(() => new History(story(lines))).toThrow(/operation \d: /)
})

test('chance is a function of the seed, and streams do not disturb each other', () => {
  const draws = (prng: Prng): number[] => Array.from({ length: 5 }, () => prng.below(1_000_000))
  expect(draws(new Prng(7))).toEqual(draws(new Prng(7)))
  expect(draws(new Prng(7))).not.toEqual(draws(new Prng(8)))
  const root = new Prng(7)
  const before = draws(root.split('faults'))
  root.next()
  expect(draws(root.split('faults'))).toEqual(before)
  const counts = Array.from({ length: 10 }, () => 0)
  for (let i = 0; i < 10_000; i++) counts[root.below(10)]!++
  expect(Math.min(...counts)).toBeGreaterThan(850)
})
