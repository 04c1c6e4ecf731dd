import { readFileSync, statfsSync } from 'node:fs'

/** Below: the node could run out of descriptors under its ordinary load (sockets, segments, tables). */
const minOpenFiles = 4_096
/** Below: the log and its snapshots may not fit; a node whose disk is full stops (P11). */
const minFreeBytes = 1024 * 1024 * 1024

/** What of this machine will hurt, each with its cure; for the log at start. Empty: nothing known. */
export function machineWarnings(dataFolder: string): string[] {
  const warnings: string[] = []
  const files = openFilesLimit()
  if (files !== undefined && files < minOpenFiles) {
    warnings.push(
      `this process may open ${files} files; each client needs one. Raise it: ulimit -n 65536, or LimitNOFILE of the service`,
    )
  }
  const disk = statfsSync(dataFolder)
  const free = disk.bavail * disk.bsize
  if (free < minFreeBytes) {
    warnings.push(`${Math.round(free / 1024 / 1024)} MiB are free below ${dataFolder}; make room`)
  }
  return warnings
}

/** The soft limit, which Node raises to the hard one at start. Undefined: unlimited, or not told by this system. */
function openFilesLimit(): number | undefined {
  let text: string
  try {
    text = readFileSync('/proc/self/limits', 'utf8')
  } catch {
    return undefined // only Linux has the file
  }
  const match = /^Max open files\s+(\d+)/m.exec(text)
  return match === null ? undefined : Number(match[1])
}
