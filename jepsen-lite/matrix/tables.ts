import { isRunnable, resultOf } from './cell.ts'
import type { Attempt, Cell, Matrix } from './cell.ts'

/** Of what a run says about its first finding; the report has the rest. */
const maxSaysLength = 160

const marks = { valid: '✓', invalid: '✗', unknown: '?' } as const

/** The whole matrix as Markdown. */
export function matrixPage(matrix: Matrix): string {
  const { time, nodes, rate, seed } = matrix.options
  return [
    '# Workloads under faults',
    `Begun ${matrix.startedAt}: ${time} s of faults a cell, ${nodes} nodes, ${rate} operations per second wished for, seed ${seed}.`,
    tally(matrix),
    grid(matrix),
    '✓ valid, ✗ invalid, ? unknown, · not run yet, – not to be judged',
    ...dashes(matrix),
    '## Cells',
    cellTable(matrix),
    '## Faults in force',
    faultTable(matrix),
    '',
  ].join('\n\n')
}

/** For a terminal: the grid, and what is not valid. */
export function matrixText(matrix: Matrix): string {
  const findings = matrix.cells.flatMap((cell) => {
    const attempt = cell.attempts.at(-1)
    if (!attempt || attempt.result === 'valid') return []
    return [`${markOf(cell)} ${nameOf(cell)}: ${findingOf(attempt)} (${attempt.folder})`]
  })
  return [grid(matrix), '', ...findings, tally(matrix)].join('\n')
}

export function nameOf({ workload, family }: Pick<Cell, 'workload' | 'family'>): string {
  return `${workload} × ${family}`
}

export function markOf(cell: Cell): string {
  if (!isRunnable(cell)) return '–'
  const result = resultOf(cell)
  return result === undefined ? '·' : marks[result]
}

/** Workloads down, families across. */
export function grid({ cells }: Matrix): string {
  const workloads = namesIn(cells, ({ workload }) => workload)
  const families = namesIn(cells, ({ family }) => family)
  const rows = workloads.map((workload) => [
    workload,
    ...families.map((family) => {
      const cell = cells.find((one) => one.workload === workload && one.family === family)
      return cell ? markOf(cell) : ''
    }),
  ])
  return table(['', ...families], rows)
}

/** `3 valid, 1 invalid, ...`: how far the campaign is. */
export function tally({ cells }: Matrix): string {
  const runnable = cells.filter(isRunnable)
  const of = (result: string | undefined): number =>
    runnable.filter((cell) => resultOf(cell) === result).length
  return `${runnable.length} cells: ${of('valid')} valid, ${of('invalid')} invalid, ${of('unknown')} unknown, ${of(undefined)} not run yet.`
}

function dashes({ cells }: Matrix): string[] {
  const lines = cells.flatMap((cell) =>
    isRunnable(cell) ? [] : [`- ${nameOf(cell)} is not run: ${cell.why ?? 'no fault fits'}.`],
  )
  return lines.length > 0 ? [lines.join('\n')] : []
}

const cellHead = [
  'Cell',
  'Verdict',
  'Tries',
  'Seed',
  'Seconds',
  'Ok',
  'Fail',
  'Unknown',
  'Faults in force',
  'Because of',
  'Folder',
]

function cellTable({ cells }: Matrix): string {
  const rows = cells.flatMap((cell) => {
    const attempt = cell.attempts.at(-1)
    if (!attempt) return []
    const { seed, seconds, ok, fail, unknown, folder } = attempt
    return [
      [
        nameOf(cell),
        attempt.result,
        cell.attempts.map(({ result }) => marks[result]).join(' '),
        seed,
        ...[Math.round(seconds), ok, fail, unknown].map(String),
        faultsOf(cell, attempt),
        findingOf(attempt),
        folder,
      ],
    ]
  })
  return table(cellHead, rows)
}

/** Those of the plan first, with 0 where the turn never came. */
function faultsOf({ nemeses }: Cell, { faults }: Attempt): string {
  const names = new Set([...nemeses, ...Object.keys(faults)])
  return [...names].map((name) => `${name}×${faults[name] ?? 0}`).join(', ')
}

function findingOf({ checkers, says }: Attempt): string {
  const short = says.length > maxSaysLength ? `${says.slice(0, maxSaysLength)}…` : says
  return [checkers.join(', '), short].filter((text) => text !== '').join(': ')
}

/** What the newest runs of all cells saw of each fault, by family. */
function faultTable({ cells }: Matrix): string {
  const rows = namesIn(cells, ({ family }) => family).map((family) => {
    const own = cells.filter((cell) => cell.family === family)
    const counts = new Map<string, number>()
    for (const { nemeses } of own) for (const name of nemeses) counts.set(name, 0)
    for (const { attempts } of own)
      for (const [name, count] of Object.entries(attempts.at(-1)?.faults ?? {}))
        counts.set(name, (counts.get(name) ?? 0) + count)
    const entries = [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1))
    const seen = entries.filter(([, count]) => count > 0).map(([name, count]) => `${name}×${count}`)
    const never = entries.filter(([, count]) => count === 0).map(([name]) => name)
    return [family, seen.join(', '), never.join(', ')]
  })
  return table(['Family', 'In force', 'Not yet'], rows)
}

function namesIn(cells: readonly Cell[], of: (cell: Cell) => string): string[] {
  return [...new Set(cells.map(of))]
}

/** Markdown that can be read as it is. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const safe = [head, ...rows].map((row) => row.map(oneLine))
  const widths = head.map((_, i) => Math.max(3, ...safe.map((row) => row[i]?.length ?? 0)))
  const line = (row: readonly string[]): string =>
    `| ${row.map((text, i) => text.padEnd(widths[i] ?? 0)).join(' | ')} |`
  const [first = [], ...rest] = safe
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return [line(first), rule, ...rest.map(line)].join('\n')
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|')
}
