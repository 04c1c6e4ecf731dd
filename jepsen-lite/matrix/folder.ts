import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { CouldNotRun } from '../could-not-run.ts'
import type { Matrix } from './cell.ts'
import { matrixPage } from './tables.ts'

/** Everything of one campaign; a resumed one goes on in it. */
export interface MatrixFolder {
  readonly path: string
  /** Folders of the cells' runs. */
  readonly runs: string
  /** What each run said meanwhile. */
  readonly logs: string
}

/** Throws CouldNotRun. */
export function createMatrixFolder(store: string, startedAt: Date): MatrixFolder {
  const time = startedAt.toISOString().slice(0, 19).replaceAll(':', '').replace('T', '-')
  const path = join(resolve(store), `${time}-matrix`)
  mkdirSync(resolve(store), { recursive: true })
  try {
    mkdirSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new CouldNotRun(`${path} is there already`)
  }
  const folder = matrixFolder(path)
  mkdirSync(folder.runs)
  mkdirSync(folder.logs)
  return folder
}

export function matrixFolder(path: string): MatrixFolder {
  const whole = resolve(path)
  return { path: whole, runs: join(whole, 'runs'), logs: join(whole, 'logs') }
}

/** Throws CouldNotRun. */
export function readMatrix({ path }: MatrixFolder): Matrix {
  const file = join(path, 'matrix.json')
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new CouldNotRun(`there is no campaign in ${path}`)
  }
  const read = JSON.parse(text) as Partial<Matrix>
  if (!read.options || !Array.isArray(read.cells)) throw new CouldNotRun(`${file} is no matrix`)
  return read as Matrix
}

/** Whoever reads meanwhile, or after a crash, finds the state before or after a cell and nothing between. */
export function saveMatrix({ path }: MatrixFolder, matrix: Matrix): void {
  for (const [name, text] of [
    ['matrix.json', `${JSON.stringify(matrix, null, 2)}\n`],
    ['matrix.md', matrixPage(matrix)],
  ] as const) {
    const fresh = join(path, `.${name}-${process.pid}`)
    writeFileSync(fresh, text)
    renameSync(fresh, join(path, name))
  }
}
