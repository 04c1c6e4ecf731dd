import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

/** Everything of one run lies in one folder; `latest` beside it points at the newest. */
export interface RunFolder {
  readonly path: string
  readonly history: string
  readonly summary: string
  readonly report: string
  /** One file per node, and their data directories under `nodes`. */
  readonly logs: string
  readonly nodes: string
}

/** Makes `<root>/<time>-<name>` and points `<root>/latest` at it. */
export function createRunFolder(root: string, name: string, startedAt: Date): RunFolder {
  const time = startedAt.toISOString().slice(0, 19).replaceAll(':', '').replace('T', '-')
  const safe = name.replaceAll(/[^A-Za-z0-9._+-]+/g, '_').slice(0, 100)
  mkdirSync(root, { recursive: true })
  const path = firstFree(join(root, `${time}-${safe}`))
  const folder = runFolder(path)
  mkdirSync(folder.logs)
  mkdirSync(folder.nodes)
  // A rename replaces the old link in one step, so `latest` always leads somewhere.
  const fresh = join(root, `.latest-${process.pid}`)
  rmSync(fresh, { force: true })
  symlinkSync(basename(path), fresh)
  renameSync(fresh, join(root, 'latest'))
  return folder
}

export function runFolder(path: string): RunFolder {
  return {
    path,
    history: join(path, 'history.jsonl'),
    summary: join(path, 'run.json'),
    report: join(path, 'report.html'),
    logs: join(path, 'logs'),
    nodes: join(path, 'nodes'),
  }
}

export function writeJson(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`)
}

/** Two runs may start in one second. */
function firstFree(path: string): string {
  for (let i = 1; ; i++) {
    const candidate = i === 1 ? path : `${path}-${i}`
    try {
      mkdirSync(candidate)
      return candidate
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}
