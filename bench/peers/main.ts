#!/usr/bin/env node
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { CommandFailed, exitCodes } from '../../src/cli/exit-codes.ts'
import { say } from '../../src/cli/output.ts'
import { fanoutCommand } from './fanout-command.ts'
import { listCommand } from './list-command.ts'
import { publishCommand } from './publish-command.ts'

/** Flotilla beside its peers in one run; see bench/README.md. */
try {
  await yargs(hideBin(process.argv))
    .scriptName('npm run bench:peers --')
    .usage(
      '$0 <command>\n\nFlotilla beside its peers: the same load, one after the other, in turns.',
    )
    .command(publishCommand)
    .command(fanoutCommand)
    .command(listCommand)
    .demandCommand(1, 'Say what to measure: publish or fanout; or list.')
    .strict()
    .version(false)
    .help()
    .epilogue('Exit codes: docs/operating/exit-codes.md')
    .fail((message, error) => {
      throw error ?? new CommandFailed('usage', message)
    })
    .parseAsync()
  process.exit(exitCodes.ok.code) // whatever a system's client left open
} catch (error) {
  const told = error instanceof CommandFailed
  say(`bench:peers: ${told ? error.message : String((error as Error).stack ?? error)}`)
  process.exit(exitCodes[told ? error.exit : 'failed'].code)
}
