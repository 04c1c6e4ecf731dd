import yargs from 'yargs'
import type { Argv } from 'yargs'
import { packageVersion } from '../node/version.ts'
import { acceptLossCommand } from './commands/accept-loss.ts'
import { benchCommand } from './commands/bench.ts'
import { chatCommand } from './commands/chat.ts'
import { configCommand } from './commands/config.ts'
import { keyCommand } from './commands/key.ts'
import { nodesCommand } from './commands/nodes.ts'
import { ringCommand } from './commands/ring.ts'
import { serveCommand } from './commands/serve.ts'
import { statusCommand } from './commands/status.ts'
import { tokenCommand } from './commands/token.ts'
import { topicCommand } from './commands/topic.ts'
import { upCommand } from './commands/up.ts'
import { exitCodes } from './exit-codes.ts'
import { say } from './output.ts'

/** Every command, for the words that a person typed. */
export function program(words: readonly string[]): Argv {
  return yargs([...words])
    .scriptName('flotilla')
    .usage(
      '$0 <command>\n\nAn instant-messaging server that survives the loss of machines and has no other parts.',
    )
    .command(upCommand)
    .command(serveCommand)
    .command(statusCommand)
    .command(nodesCommand)
    .command(tokenCommand)
    .command(ringCommand)
    .command(topicCommand)
    .command(chatCommand)
    .command(configCommand)
    .command(benchCommand)
    .command(keyCommand)
    .command(acceptLossCommand)
    .demandCommand(1, 'Say a command.')
    .recommendCommands()
    .strict()
    .version(packageVersion())
    .help()
    .alias('help', 'h')
    .wrap(Math.min(110, process.stdout.columns ?? 110))
    .epilogue('Exit codes: docs/operating/exit-codes.md')
    .fail((message, error, self) => {
      if (error instanceof Error) throw error
      say(`${message}\n`)
      self.showHelp((text) => say(text))
      process.exit(exitCodes.usage.code)
    })
}
