import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { defaultCheckOptions } from './checker/checker.ts'
import { checkHistory, loadHistory } from './check-history.ts'
import { CouldNotRun } from './could-not-run.ts'
import type { History } from './operations.ts'
import { readNodeLogs } from './report/node-logs.ts'
import { reportPage } from './report/page.ts'
import type { RunSummary } from './report/run-summary.ts'
import { runFolder } from './store.ts'

/** Writes the page of the run in `folder` anew; returns its path and what it says. Throws CouldNotRun. */
export async function writeReport(folder: string): Promise<{ path: string; run: RunSummary }> {
  const { report, summary, logs } = runFolder(resolve(folder))
  const history = await loadHistory(folder)
  const run = readSummary(summary) ?? summaryOf(folder, history)
  writeFileSync(report, reportPage(run, history, readNodeLogs(logs, run.historyFrom)))
  return { path: report, run }
}

function readSummary(path: string): RunSummary | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  const read = JSON.parse(text) as Partial<RunSummary>
  if (!read.judgement || !read.versions || !read.config)
    throw new CouldNotRun(`${path} is no summary of a run`)
  return read as RunSummary
}

/** For a folder that holds a history from elsewhere and nothing more. */
function summaryOf(folder: string, history: History): RunSummary {
  return {
    name: folder,
    seed: 'unknown',
    startedAt: 'at an unknown time',
    versions: {},
    config: {},
    judgement: checkHistory(history, undefined, defaultCheckOptions),
  }
}
