import { readFileSync } from 'node:fs'

/** Reads /proc; elsewhere than on Linux there are no figures. */
const ticksPerSecond = 100
const kbPerPage = 4

/** CPU seconds that the processes have used so far; NaN: not known. */
export function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0
  for (const pid of pids) {
    const fields = statFields(pid)
    ticks += fields === undefined ? Number.NaN : Number(fields[11]) + Number(fields[12])
  }
  return ticks / ticksPerSecond
}

/** Resident memory of the processes in kB (1,024 bytes); NaN: not known. */
export function residentKb(pids: readonly number[]): number {
  let pages = 0
  for (const pid of pids) {
    const fields = statFields(pid)
    pages += fields === undefined ? Number.NaN : Number(fields[21])
  }
  return pages * kbPerPage
}

/** The fields of /proc/PID/stat behind the name, which may contain blanks and parentheses. */
function statFields(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined // gone, or no such file system
  }
}
