import type { CommandModule } from 'yargs'
import { defaultCheckOptions } from '../checker/checker.ts'
import { models } from '../checker/registry.ts'
import type { ModelName } from '../checker/registry.ts'
import { checkHistory, loadHistory } from '../check-history.ts'
import { exitCodeOf } from '../exit-code.ts'
import { judgementText } from '../judgement-text.ts'

interface CheckArguments {
  readonly history: string
  readonly model: ModelName | undefined
  readonly 'search-seconds': number
  readonly json: boolean
}

export const checkCommand: CommandModule<object, CheckArguments> = {
  command: 'check <history>',
  describe: 'judge a history, or the history of a run’s folder; from here or from elsewhere',
  builder: (y) =>
    y
      .positional('history', {
        type: 'string',
        demandOption: true,
        describe: 'JSON lines; README.md has the format',
      })
      .option('model', {
        choices: Object.keys(models) as ModelName[],
        requiresArg: true,
        describe: 'what the operations mean; missing: whatever fits',
      })
      .option('search-seconds', {
        type: 'number',
        default: defaultCheckOptions.searchMs / 1000,
        describe: 'searches give up then and say unknown',
      })
      .option('json', { type: 'boolean', default: false, describe: 'verdicts as JSON' }) as never,
  handler: async ({ history: path, model, json, 'search-seconds': seconds }) => {
    const options = { ...defaultCheckOptions, searchMs: seconds * 1000 }
    const judgement = checkHistory(await loadHistory(path), model, options)
    console.log(json ? JSON.stringify(judgement, null, 2) : judgementText(judgement))
    process.exitCode = exitCodeOf(judgement.result)
  },
}
