import { accessSync, constants } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import { CommandFailed } from '../../src/cli/exit-codes.ts'
import type { System } from './system.ts'

/** Debian installs servers where the path of a plain user does not look. */
const serverFolders = ['/usr/sbin', '/usr/local/sbin']

/** The file of a program; undefined: it is not installed. */
export function programFile(program: string, path = process.env['PATH'] ?? ''): string | undefined {
  const folders = [...path.split(delimiter).filter((folder) => folder !== ''), ...serverFolders]
  return folders.map((folder) => join(folder, program)).find(isExecutable)
}

/** What a system needs and does not find here, with what installs it; empty: it can be measured. */
export function missingOf(system: System): string[] {
  const programs = system.needs
    .filter(({ program }) => programFile(program) === undefined)
    .map(
      ({ program, debianPackage }) =>
        `${program} is not installed (Debian: apt-get install ${debianPackage})`,
    )
  const { npmPackage } = system
  if (npmPackage === undefined || isResolved(npmPackage)) return programs
  return [...programs, `the package ${npmPackage} is not installed (npm install)`]
}

/** For systems that were asked for by name: throws when one cannot be measured here, with what installs it. */
export function requireInstalled(systems: readonly System[]): void {
  const complaints = systems.flatMap((system) =>
    missingOf(system).map((what) => `${system.name}: ${what}`),
  )
  if (complaints.length > 0) throw new CommandFailed('failed', complaints.join('; '))
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false // not there, or not for us
  }
}

function isResolved(npmPackage: string): boolean {
  try {
    createRequire(import.meta.url).resolve(npmPackage)
    return true
  } catch {
    return false // Node says so with a list of where it looked
  }
}
