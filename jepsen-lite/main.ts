#!/usr/bin/env node
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { attachCommand } from './commands/attach.ts'
import { checkCommand } from './commands/check.ts'
import { listCommand } from './commands/list.ts'
import { matrixCommand } from './commands/matrix.ts'
import { reportCommand } from './commands/report.ts'
import { runCommand } from './commands/run.ts'
import { selftestCommand } from './commands/selftest.ts'
import { CouldNotRun } from './could-not-run.ts'
import { exitCodes } from './exit-code.ts'

try {
  await yargs(hideBin(process.argv))
    .scriptName('jepsen-lite')
    .usage('$0 <command>: does a cluster keep its promises while things break?')
    .command(runCommand)
    .command(attachCommand)
    .command(checkCommand)
    .command(reportCommand)
    .command(matrixCommand)
    .command(selftestCommand)
    .command(listCommand)
    .demandCommand(1, 'say what to do')
    .strict()
    .parserConfiguration({ 'duplicate-arguments-array': false })
    .fail((message, error) => {
      throw error ?? new CouldNotRun(message)
    })
    .epilogue('Exit codes: 0 valid, 1 invalid, 2 unknown, 3 could not run.')
    .parseAsync()
} catch (error) {
  // A stack helps with bugs only; what the reader can mend has a sentence.
  const text =
    error instanceof CouldNotRun ? error.message : error instanceof Error ? error.stack : error
  console.error(`jepsen-lite: ${String(text)}`)
  // Clients of a run that broke off may be at work for a while yet, for nobody.
  process.exit(exitCodes.couldNotRun)
}
