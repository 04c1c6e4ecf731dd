import { isDoubted, isDue, seedOf } from './cell.ts'
import type { Attempt, Cell, Matrix } from './cell.ts'
import { markOf, nameOf } from './tables.ts'

export interface CampaignOptions {
  /** Cells at once. Those that are tried once more have the machine to themselves. */
  readonly jobs: number
  /** Cells that are not valid are run anew. */
  readonly again: boolean
  /** Undefined: it was told to end. */
  readonly run: (cell: Cell, seed: string) => Promise<Attempt | undefined>
  /** Called after each cell. */
  readonly save: (matrix: Matrix) => void
  /** A line for whoever watches. */
  readonly say: (line: string) => void
  readonly over: AbortSignal
  /** Of a monotonic clock, ms. */
  readonly now: () => number
}

/** A cell takes so much longer than its faults, as long as none was measured. Seconds. */
const usualOverheadSeconds = 30

/** Runs what is due, then once more what was unknown. Returns where it got to when it is told to end. */
export async function campaign(matrix: Matrix, options: CampaignOptions): Promise<Matrix> {
  const table = new GrowingMatrix(matrix)
  const before = matrix.cells.map(({ attempts }) => attempts.length)
  const due = indexesOf(matrix, (cell) => isDue(cell, options.again))
  await runAll(table, due, options.jobs, options)
  const doubted = indexesOf(table.matrix, (cell, i) => isDoubted(cell, before[i] ?? 0))
  if (doubted.length > 0 && !options.over.aborted)
    options.say(`${doubted.length} unknown: each once more, one at a time`)
  await runAll(table, doubted, 1, options)
  return table.matrix
}

class GrowingMatrix {
  #matrix: Matrix

  constructor(matrix: Matrix) {
    this.#matrix = matrix
  }

  get matrix(): Matrix {
    return this.#matrix
  }

  cell(index: number): Cell {
    return this.#matrix.cells[index] as Cell
  }

  add(index: number, attempt: Attempt): Cell {
    const old = this.cell(index)
    const cell = { ...old, attempts: [...old.attempts, attempt] }
    this.#matrix = { ...this.#matrix, cells: this.#matrix.cells.with(index, cell) }
    return cell
  }
}

async function runAll(
  table: GrowingMatrix,
  indexes: readonly number[],
  jobs: number,
  { run, save, say, over, now }: CampaignOptions,
): Promise<void> {
  const queue = indexes.map((index, i) => ({ index, place: `[${i + 1}/${indexes.length}]` }))
  const took: number[] = []
  const usual = table.matrix.options.time + usualOverheadSeconds
  const left = (): string => {
    const mean = took.length === 0 ? usual : took.reduce((sum, one) => sum + one, 0) / took.length
    return `about ${span((mean * (indexes.length - took.length)) / Math.min(jobs, indexes.length))} left`
  }
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next && !over.aborted; next = queue.shift()) {
      const { index, place } = next
      const cell = table.cell(index)
      say(`${place} ${nameOf(cell)} (${cell.nemeses.join(', ')}) begins; ${left()}`)
      const from = now()
      const attempt = await run(cell, seedOf(table.matrix.options.seed, cell))
      if (!attempt) return
      took.push((now() - from) / 1000)
      const after = table.add(index, attempt)
      save(table.matrix)
      const because = attempt.checkers.length === 0 ? attempt.says : attempt.checkers.join(', ')
      const tail = because === '' ? '' : ` ${because}`
      say(`${place} ${nameOf(after)} ${markOf(after)}${tail}, ${span(took.at(-1) ?? 0)}; ${left()}`)
    }
  }
  await Promise.all(Array.from({ length: Math.min(jobs, indexes.length) }, worker))
}

function indexesOf(matrix: Matrix, is: (cell: Cell, index: number) => boolean): number[] {
  return matrix.cells.flatMap((cell, i) => (is(cell, i) ? [i] : []))
}

/** `1 h 5 min`, `12 min`, `40 s`. */
export function span(seconds: number): string {
  const minutes = Math.round(seconds / 60)
  if (seconds < 100) return `${Math.round(seconds)} s`
  if (minutes < 60) return `${minutes} min`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
