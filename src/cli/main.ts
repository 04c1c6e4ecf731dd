import { hideBin } from 'yargs/helpers'
import { BrokenInvariant } from '../assert.ts'
import { NewerFormat } from '../errors.ts'
import { ConfigRefused } from '../node/cluster-file.ts'
import { StepFailed } from '../node/lifecycle.ts'
import { CommandFailed, exitCodes } from './exit-codes.ts'
import type { ExitName } from './exit-codes.ts'
import { say } from './output.ts'
import { program } from './program.ts'

const bugs = [TypeError, ReferenceError, RangeError, BrokenInvariant]

try {
  await program(hideBin(process.argv)).parseAsync()
} catch (error) {
  say(`flotilla: ${error instanceof Error ? error.message : String(error)}`)
  const exit = exitOf(error)
  const cause = error instanceof StepFailed ? error.cause : error
  if (isBug(cause)) say(String((cause as Error).stack))
  process.exit(exitCodes[exit].code)
}

function exitOf(error: unknown): ExitName {
  if (error instanceof CommandFailed) return error.exit
  if (error instanceof ConfigRefused) return 'config'
  if (error instanceof StepFailed && error.cause instanceof ConfigRefused) return 'config'
  if (error instanceof StepFailed && error.cause instanceof NewerFormat) return 'format'
  return 'failed'
}

/** Faults of the code, which want a stack. What the machine or a room refuses (a port or folder in use, a full disk) wants none. */
function isBug(error: unknown): boolean {
  return bugs.some((kind) => error instanceof kind)
}
