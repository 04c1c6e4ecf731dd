import type { CommandModule } from 'yargs'
import { kv } from '../checker/kv.ts'
import { nameModel } from '../checker/name-model.ts'
import { register } from '../checker/register.ts'
import { checkers } from '../checker/registry.ts'
import { nemeses } from '../nemesis/registry.ts'
import { recommendedRuns } from '../recommended-runs.ts'
import { workloads } from '../workload/registry.ts'

interface Row {
  readonly name: string
  readonly says: string
}

const lists: Readonly<Record<string, readonly Row[]>> = {
  workloads,
  nemeses,
  checkers,
  models: [
    {
      name: 'topic',
      says: 'publish, deliver, attach, read-all, history: checkers of I1–I9 and I12.',
    },
    register,
    kv,
    nameModel,
    { name: 'ids', says: 'mint → id or ids.' },
  ],
  options: [
    {
      name: '--snapshot-every 50',
      says: 'L5: logs are cut all the time, so that whoever lags gets a snapshot.',
    },
  ],
  recommended: recommendedRuns.map(({ workload, nemeses: names, says }) => ({
    name: `${workload} + ${names.join(',')}`,
    says,
  })),
}

export const listCommand: CommandModule<object, { readonly json: boolean }> = {
  command: 'list',
  describe:
    'workloads, nemeses, checkers, models, options that hurt and recommended runs, one line each',
  builder: (y) =>
    y.option('json', { type: 'boolean', default: false, describe: 'as JSON' }) as never,
  handler: ({ json }) => {
    if (json) {
      const plain = Object.entries(lists).map(([title, rows]) => [
        title,
        rows.map(({ name, says }) => ({ name, says })),
      ])
      console.log(JSON.stringify(Object.fromEntries(plain), null, 2))
      return
    }
    for (const [title, rows] of Object.entries(lists)) {
      const width = Math.max(...rows.map(({ name }) => name.length))
      console.log(`\n${title}`)
      for (const { name, says } of rows) console.log(`  ${name.padEnd(width)}  ${says}`)
    }
  },
}
