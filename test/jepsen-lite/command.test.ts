import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { checkHistory, loadHistory } from '../../jepsen-lite/check-history.ts'
import { defaultCheckOptions } from '../../jepsen-lite/checker/checker.ts'
import { CouldNotRun } from '../../jepsen-lite/could-not-run.ts'
import { exitCodeOf } from '../../jepsen-lite/exit-code.ts'
import { judgementText } from '../../jepsen-lite/judgement-text.ts'
import type { OpDraft } from '../../jepsen-lite/op.ts'
import { createRunFolder } from '../../jepsen-lite/store.ts'
import { writeReport } from '../../jepsen-lite/write-report.ts'
import { final, publish, story } from './story.ts'

const folder = mkdtempSync(join(tmpdir(), 'jepsen-lite-'))
afterAll(() => rmSync(folder, { recursive: true }))

let files = 0
function file(lines: readonly (OpDraft | string)[]): string {
  const path = join(folder, `h${files++}.jsonl`)
  const drafts = lines.filter((line) => typeof line !== 'string')
  const text =
    lines.length === drafts.length ? story(drafts).map((op) => JSON.stringify(op)) : lines
  writeFileSync(path, text.map(String).join('\n'))
  return path
}

const stale: OpDraft[] = [
  { process: 0, type: 'invoke', f: 'write', key: 'x', value: 1 },
  { process: 0, type: 'ok', f: 'write', key: 'x', value: 1 },
  { process: 0, type: 'invoke', f: 'read', key: 'x' },
  { process: 0, type: 'ok', f: 'read', key: 'x', value: null },
]

test.for([
  ['stale read', stale, 'register', 'invalid', 1],
  ['stale read, model guessed', stale, undefined, 'invalid', 1],
  ['fresh read', stale.with(3, { ...(stale[3] as OpDraft), value: 1 }), 'register', 'valid', 0],
  ['nothing of that model', stale, 'kv', 'unknown', 2],
  ['nothing at all', [], undefined, 'unknown', 2],
  ['a good topic', [...publish('a.1', 1), ...final(['a.1'])], 'topic', 'valid', 0],
  ['a topic without a final read', publish('a.1', 1), 'topic', 'unknown', 2],
] as const)('%s', async ([, lines, model, result, code]) => {
  const judgement = checkHistory(await loadHistory(file([...lines])), model, defaultCheckOptions)
  expect(judgement.result).toBe(result)
  expect(exitCodeOf(judgement.result)).toBe(code)
  expect(judgementText(judgement)).toMatch(new RegExp(`verdict: ${result}$`))
})

test.for([
  ['no file', () => join(folder, 'none'), /no history at/],
  ['no JSON', () => file(['{"time":0', '']), /h\d+\.jsonl:1: not JSON/],
  [
    'a completion alone',
    () => file([{ process: 1, type: 'ok', f: 'read' }]),
    /without an invocation/,
  ],
] as const)('%s: nothing is judged', async ([, path, says]) => {
  const loading = loadHistory(path())
  await expect(loading).rejects.toThrow(says)
  await expect(loading).rejects.toBeInstanceOf(CouldNotRun)
})

test('a publish without an id: nothing is judged', async () => {
  const history = await loadHistory(file([{ process: 1, type: 'invoke', f: 'publish', key: 't' }]))
  expect(() => checkHistory(history, 'topic', defaultCheckOptions)).toThrow(CouldNotRun)
})

test('run folders: one per run, the newest linked, a report out of a bare history', async () => {
  const at = new Date('2026-01-02T03:04:05Z')
  const first = createRunFolder(join(folder, 'store'), 'publish+kill', at)
  const second = createRunFolder(join(folder, 'store'), 'publish+kill', at)
  expect([basename(first.path), basename(second.path)]).toEqual([
    '2026-01-02-030405-publish+kill',
    '2026-01-02-030405-publish+kill-2',
  ])
  expect(readlinkSync(join(folder, 'store', 'latest'))).toBe(basename(second.path))
  writeFileSync(
    second.history,
    story(stale)
      .map((op) => JSON.stringify(op))
      .join('\n'),
  )
  const { path, run } = await writeReport(second.path)
  expect(run.judgement.result).toBe('invalid')
  expect(readFileSync(path, 'utf8')).toContain('not-linearizable')
})

const program = join(import.meta.dirname, '../../dist/jepsen-lite/main.js')

// Needs the build, which `npm test` makes first.
test.runIf(existsSync(program))(
  'the command: exit codes, text and JSON',
  () => {
    const run = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
      spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' })
    const path = file(stale)
    expect(run('check', path, '--model', 'register')).toMatchObject({ status: 1 })
    const json = run('check', path, '--json')
    expect(JSON.parse(json.stdout)).toMatchObject({ result: 'invalid' })
    expect(run('check', join(folder, 'none'))).toMatchObject({ status: 3, stdout: '' })
    expect(run('check', path, '--model', 'nonsense')).toMatchObject({ status: 3 })
    expect(run('run', '--nemesis', 'nonsense').stderr).toMatch(/no nemesis nonsense/)
    expect(run('list').stdout).toMatch(/kill .*SIGKILL/)
  },
  60_000,
)
