import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A library to load in front of a server, or why there is none. */
export type Preload = { readonly path: string } | { readonly path: undefined; readonly why: string }

const compileDeadlineMs = 60_000

/** Builds the disk shim into `folder`. */
export function buildDiskShim(folder: string): Preload {
  const none = (why: string): Preload => ({ path: undefined, why })
  if (process.platform !== 'linux') return none('the disk shim is for Linux only')
  const source = shimSources.find((path) => existsSync(path))
  if (source === undefined) return none('the source of the disk shim (disk-shim.c) is not there')
  const path = join(folder, 'disk-shim.so')
  const flags = ['-shared', '-fPIC', '-O2', '-D_LARGEFILE64_SOURCE', '-o', path, source]
  const { error, status, stderr } = spawnSync('cc', [...flags, '-ldl', '-lpthread'], {
    encoding: 'utf8',
    timeout: compileDeadlineMs,
  })
  if (error) return none(`there is no C compiler for the disk shim (cc: ${error.message})`)
  if (status !== 0) return none(`the disk shim does not compile here: ${stderr.slice(0, 300)}`)
  return { path }
}

/** libfaketime, where Linux distributions put it. */
export function findFaketime(): Preload {
  for (const root of ['/usr/lib', '/usr/local/lib', '/usr/lib64'])
    for (const folder of [root, ...foldersOf(root)]) {
      const path = join(folder, 'faketime', 'libfaketimeMT.so.1')
      if (existsSync(path)) return { path }
    }
  return { path: undefined, why: 'libfaketime is not installed (package faketime)' }
}

function foldersOf(root: string): string[] {
  if (!existsSync(root)) return []
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name.endsWith('-linux-gnu'))
    .map((entry) => join(root, entry.name))
}

// Beside this file in the sources; the build copies no C, so from there it is in the package's folder.
const shimSources = ['./disk-shim.c', '../../../jepsen-lite/world/disk-shim.c'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
)
