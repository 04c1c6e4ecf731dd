import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { ConfigRefused } from '../node/cluster-file.ts'
import { StepFailed } from '../node/lifecycle.ts'
import { packageVersion } from '../node/version.ts'
import { benchCommand } from './commands/bench.ts'
import { chatCommand } from './commands/chat.ts'
import { configCommand } from './commands/config.ts'
import { keyCommand } from './commands/key.ts'
import { ringCommand } from './commands/ring.ts'
import { serveCommand } from './commands/serve.ts'
import { statusCommand } from './commands/status.ts'
import { topicCommand } from './commands/topic.ts'
import { upCommand } from './commands/up.ts'
import { CommandFailed, exitCodes } from './exit-codes.ts'
import type { ExitName } from './exit-codes.ts'
import { say } from './output.ts'

const parser = yargs(hideBin(process.argv))
  .scriptName('flotilla')
  .usage(
    '$0 <command>\n\nAn instant-messaging server that survives the loss of machines and has no other parts.',
  )
  .command(upCommand)
  .command(serveCommand)
  .command(statusCommand)
  .command(ringCommand)
  .command(topicCommand)
  .command(chatCommand)
  .command(configCommand)
  .command(benchCommand)
  .command(keyCommand)
  .demandCommand(1, 'Say a command.')
  .recommendCommands()
  .strict()
  .version(packageVersion())
  .help()
  .alias('help', 'h')
  .wrap(Math.min(110, process.stdout.columns ?? 110))
  .epilogue('Exit codes: docs/operating/exit-codes.md')
  .exitProcess(true)
  .fail((message, error, self) => {
    if (error instanceof Error) throw error
    say(`${message}\n`)
    self.showHelp((text) => say(text))
    process.exit(exitCodes.usage.code)
  })

try {
  await parser.parseAsync()
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
