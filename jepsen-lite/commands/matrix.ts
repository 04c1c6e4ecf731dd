import { resolve } from 'node:path'
import type { CommandModule } from 'yargs'
import { worst } from '../checker/verdict.ts'
import { CouldNotRun } from '../could-not-run.ts'
import { exitCodeOf, exitCodes } from '../exit-code.ts'
import { campaign } from '../matrix/campaign.ts'
import { isRunnable, resultOf } from '../matrix/cell.ts'
import type { Matrix } from '../matrix/cell.ts'
import { runCell } from '../matrix/cell-run.ts'
import { families } from '../matrix/families.ts'
import { createMatrixFolder, matrixFolder, readMatrix, saveMatrix } from '../matrix/folder.ts'
import type { MatrixFolder } from '../matrix/folder.ts'
import { planOf } from '../matrix/plan.ts'
import { matrixText } from '../matrix/tables.ts'
import { nemeses } from '../nemesis/registry.ts'
import { usualPace } from '../run.ts'
import { workloads } from '../workload/registry.ts'

interface MatrixArguments {
  readonly workloads: string
  readonly families: string
  readonly time: number
  readonly nodes: number
  readonly rate: number
  readonly 'min-throughput': number
  readonly seed: string
  readonly jobs: number
  readonly store: string
  readonly resume: string | undefined
  readonly again: boolean
  readonly server: string | undefined
  readonly plan: boolean
  readonly json: boolean
}

export const matrixCommand: CommandModule<object, MatrixArguments> = {
  command: 'matrix',
  describe: 'every workload under every family of faults, a run each, and a table in the end',
  builder: (y) =>
    y
      .option('workloads', {
        type: 'string',
        default: '',
        describe: 'names from `list`, with commas; all when empty',
      })
      .option('families', {
        type: 'string',
        default: '',
        describe: `with commas; all when empty: ${families.map(({ name }) => name).join(', ')}`,
      })
      .option('time', { type: 'number', default: 60, describe: 'seconds with faults, of a cell' })
      .option('nodes', { type: 'number', default: 5, describe: 'servers of a cell' })
      .option('rate', {
        type: 'number',
        default: 1_000,
        describe: 'operations per second wished for',
      })
      .option('min-throughput', {
        type: 'number',
        default: 100,
        describe: 'operations per second due before the first fault, or the cell proves nothing',
      })
      .option('seed', {
        type: 'string',
        default: String(Date.now() % 1_000_000),
        describe: 'each cell has one that is made of this and its name',
      })
      .option('jobs', { type: 'number', default: 1, describe: 'cells at once' })
      .option('store', {
        type: 'string',
        default: 'jepsen-lite/store',
        describe: 'folder of all campaigns and runs',
      })
      .option('resume', {
        type: 'string',
        requiresArg: true,
        describe: 'folder of a campaign; it goes on with what it was begun with',
      })
      .option('again', {
        type: 'boolean',
        default: false,
        describe: 'with --resume: cells that are unknown or invalid are run anew',
      })
      .option('server', {
        type: 'string',
        describe: 'program of the server; missing: the one built beside this',
      })
      .option('plan', {
        type: 'boolean',
        default: false,
        describe: 'say what would be run, and run nothing',
      })
      .option('json', {
        type: 'boolean',
        default: false,
        describe: 'the matrix as JSON; progress goes to stderr',
      }) as never,
  handler: async (argv) => {
    if (argv.plan) {
      const cells =
        argv.resume === undefined ? begun(argv).cells : readMatrix(matrixFolder(argv.resume)).cells
      for (const { workload, family, nemeses: names, why } of cells)
        console.log(`${workload} × ${family}: ${why ?? names.join(', ')}`)
      return
    }
    const { folder, matrix } = opened(argv)
    console.error(`campaign: ${folder.path}`)
    const over = new AbortController()
    const release = abortOnSignal(over)
    const done = await carriedOut(matrix, folder, argv, over.signal).finally(release)
    console.log(argv.json ? JSON.stringify(done, null, 2) : matrixText(done))
    console.error(`table: ${folder.path}/matrix.md`)
    if (over.signal.aborted) console.error(`go on with: matrix --resume ${folder.path}`)
    process.exitCode = over.signal.aborted ? exitCodes.couldNotRun : exitCodeOfMatrix(done)
  },
}

function carriedOut(
  matrix: Matrix,
  folder: MatrixFolder,
  { jobs, again, server }: MatrixArguments,
  over: AbortSignal,
): Promise<Matrix> {
  const { options } = matrix
  const program = server === undefined ? undefined : resolve(server)
  return campaign(matrix, {
    jobs: Math.max(1, jobs),
    again,
    over,
    run: (cell, seed) => runCell(cell, seed, { folder, matrix: options, server: program, over }),
    save: (state) => saveMatrix(folder, state),
    say: (line) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`),
    now: () => performance.now(),
  })
}

function opened(argv: MatrixArguments): { folder: MatrixFolder; matrix: Matrix } {
  if (argv.resume !== undefined) {
    const folder = matrixFolder(argv.resume)
    return { folder, matrix: readMatrix(folder) }
  }
  const matrix = begun(argv)
  const folder = createMatrixFolder(argv.store, new Date(matrix.startedAt))
  saveMatrix(folder, matrix)
  return { folder, matrix }
}

function begun(argv: MatrixArguments): Matrix {
  const { seed, time, nodes, rate, 'min-throughput': minThroughput } = argv
  const chosenWorkloads = chosen('workload', argv.workloads, workloads)
  const plan = planOf({
    workloads: chosenWorkloads.map(({ name }) => name),
    families: chosen('family', argv.families, families),
    nemeses,
    seconds: time,
    pace: usualPace(time),
  })
  return {
    startedAt: new Date().toISOString(),
    options: { seed, time, nodes, rate, minThroughput },
    cells: plan.map((cell) => ({ ...cell, attempts: [] })),
  }
}

/** In the order of the list that they are from. */
function chosen<T extends { readonly name: string }>(
  kind: string,
  names: string,
  all: readonly T[],
): readonly T[] {
  const wanted = names
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  const missing = wanted.find((name) => !all.some((one) => one.name === name))
  if (missing !== undefined)
    throw new CouldNotRun(
      `there is no ${kind} ${missing}; there are ${all.map(({ name }) => name).join(', ')}`,
    )
  return wanted.length === 0 ? all : all.filter(({ name }) => wanted.includes(name))
}

/** A campaign in which no cluster ever started says nothing about one. */
function exitCodeOfMatrix({ cells }: Matrix): number {
  const runnable = cells.filter(isRunnable)
  const hasRun = runnable.some(({ attempts }) => attempts.some(({ folder }) => folder !== ''))
  if (!hasRun) return exitCodes.couldNotRun
  return exitCodeOf(worst(runnable.map((cell) => resultOf(cell) ?? 'unknown')))
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Runs end their servers first. Returns what takes the handlers away again. */
function abortOnSignal(over: AbortController): () => void {
  const stop = (): void => over.abort()
  for (const signal of signals) process.on(signal, stop)
  return () => {
    for (const signal of signals) process.off(signal, stop)
  }
}
