import { styleText } from 'node:util'

/** Text for people goes to stdout in columns; `--json` prints one JSON value instead. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, process.stdout.isTTY ? 2 : undefined))
}

export function print(line = ''): void {
  process.stdout.write(`${line}\n`)
}

/** Progress and remarks: to stderr, so that stdout holds results only. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

export type Cell = string | number | boolean | null | undefined

/** Columns as wide as their widest cell; numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const texts = rows.map((row) => row.map(cellText))
  const widths = head.map((title, i) =>
    Math.max(title.length, ...texts.map((row) => (row[i] ?? '').length)),
  )
  const numeric = head.map((_, i) => rows.length > 0 && rows.every((row) => isNumeric(row[i])))
  const line = (cells: readonly string[]) =>
    cells
      .map((text, i) => (numeric[i] ? text.padStart(widths[i]!) : text.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd()
  return [strong(line(head)), ...texts.map(line)].join('\n')
}

export function printTable(head: readonly string[], rows: readonly (readonly Cell[])[]): void {
  print(table(head, rows))
}

/** Bold on a terminal, plain elsewhere. */
export function strong(text: string): string {
  return process.stdout.isTTY ? styleText('bold', text) : text
}

/** `part` of `whole`, drawn; empty where nobody looks at a terminal. */
export function bar(part: number, whole: number, width = 20): string {
  if (!process.stderr.isTTY && !process.stdout.isTTY) return ''
  const filled = whole <= 0 ? width : Math.round((Math.min(part, whole) / whole) * width)
  return '█'.repeat(filled) + '░'.repeat(width - filled)
}

/** One line that is written over on a terminal; elsewhere each other line once. */
export class ProgressLine {
  #last = ''

  progress(line: string, done?: number, whole?: number): void {
    const drawn = done === undefined || whole === undefined ? '' : bar(done, whole)
    const text = drawn === '' ? line : `${drawn}  ${line}`
    if (text === this.#last) return
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
    else say(text)
    this.#last = text
  }

  /** What follows begins on a line of its own. */
  end(): void {
    if (this.#last !== '' && process.stderr.isTTY) process.stderr.write('\n')
    this.#last = ''
  }
}

export function good(text: string): string {
  return process.stdout.isTTY ? styleText('green', text) : text
}

export function bad(text: string): string {
  return process.stdout.isTTY ? styleText('red', text) : text
}

function cellText(cell: Cell): string {
  if (cell === null || cell === undefined) return '–'
  if (typeof cell === 'number') return Number.isInteger(cell) ? grouped(cell) : String(cell)
  if (typeof cell === 'boolean') return cell ? 'yes' : 'no'
  return cell
}

/** 12,345 from five digits on. */
function grouped(n: number): string {
  return Math.abs(n) < 10_000 ? String(n) : n.toLocaleString('en-US')
}

function isNumeric(cell: Cell): boolean {
  return typeof cell === 'number' || cell === null || cell === undefined
}
