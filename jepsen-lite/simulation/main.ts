import { runCampaign } from './campaign.ts'
import { UsageError, readSettings, usage } from './command-line.ts'
import type { Settings } from './command-line.ts'
import { exitCodes } from '../exit-code.ts'
import { runMutants } from './mutant-campaign.ts'
import { runSeed } from './run-seed.ts'

async function main(words: readonly string[]): Promise<number> {
  if (words.includes('--help')) {
    console.log(usage)
    return exitCodes.valid
  }
  const settings = readSettings(words)
  if (settings.trace) return replay(settings)
  return settings.command === 'run' ? runCampaign(settings) : runMutants(settings)
}

/** One seed, with a line for everything that happens in it. */
function replay({ seed, overrides }: Settings): number {
  const { failure, hash, virtualMs, events } = runSeed(seed, {
    ...overrides,
    print: (line) => console.log(line),
  })
  console.log(`seed ${seed}: ${events} events, ${virtualMs.toFixed(0)} virtual ms, trace ${hash}`)
  return failure === null ? exitCodes.valid : exitCodes.invalid
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  console.error(`${error.message}\n\n${usage}`)
  process.exitCode = exitCodes.couldNotRun
}
