import { hideBin } from 'yargs/helpers'
import { ConfigRefused } from '../node/cluster-file.ts'
import { StepFailed } from '../node/lifecycle.ts'
import { CommandFailed, exitCodes } from './exit-codes.ts'
import type { ExitName } from './exit-codes.ts'
import { say } from './output.ts'
import { program } from './program.ts'

try {
  await program(hideBin(process.argv)).parseAsync()
} catch (error) {
  say(`flotilla: ${error instanceof Error ? error.message : String(error)}`)
  const exit = exitOf(error)
  if (exit === 'failed' && !(error instanceof CommandFailed))
    say(String((error as Error).stack ?? ''))
  process.exit(exitCodes[exit].code)
}

function exitOf(error: unknown): ExitName {
  if (error instanceof CommandFailed) return error.exit
  if (error instanceof ConfigRefused) return 'config'
  if (error instanceof StepFailed && error.cause instanceof ConfigRefused) return 'config'
  return 'failed'
}
