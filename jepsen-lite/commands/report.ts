import type { CommandModule } from 'yargs'
import { exitCodeOf } from '../exit-code.ts'
import { writeReport } from '../write-report.ts'

interface ReportArguments {
  readonly folder: string
  readonly json: boolean
}

export const reportCommand: CommandModule<object, ReportArguments> = {
  command: 'report <folder>',
  describe: 'write the page of a run anew, from its history and its verdict',
  builder: (y) =>
    y
      .positional('folder', { type: 'string', demandOption: true, describe: 'the folder of a run' })
      .option('json', {
        type: 'boolean',
        default: false,
        describe: 'path and result as JSON',
      }) as never,
  handler: async ({ folder, json }) => {
    const { path, run } = await writeReport(folder)
    const { result } = run.judgement
    console.log(json ? JSON.stringify({ report: path, result }) : `${result}: ${path}`)
    process.exitCode = exitCodeOf(result)
  },
}
