import type { CommandModule } from 'yargs'
import type { RingReport } from '../../node/facts.ts'
import { askAll, findCluster, whereaboutsOptions } from '../cluster/find-cluster.ts'
import type { Whereabouts } from '../cluster/find-cluster.ts'
import { CommandFailed } from '../exit-codes.ts'
import { print, printJson, printTable } from '../output.ts'

export const ringCommand: CommandModule<object, Whereabouts & { json: boolean }> = {
  command: 'ring',
  describe: 'print which nodes hold each partition, and who leads it: wished and actual',
  builder: (y) =>
    y
      .options(whereaboutsOptions)
      .option('json', { type: 'boolean', default: false, describe: 'print JSON' }),
  handler: async (argv) => {
    const nodes = findCluster(argv)
    const answers = await askAll(nodes, (admin) => admin.ring())
    const asked = answers.map((answer, i) => ({
      name: nodes[i]!.name ?? nodes[i]!.admin.address,
      answer,
    }))
    const told = asked.flatMap(({ name, answer }) =>
      'value' in answer ? [{ name, ring: answer.value }] : [],
    )
    const silent = asked.flatMap(({ name, answer }) =>
      'error' in answer ? [`${name}: ${answer.error}`] : [],
    )
    const first = told[0]
    if (first === undefined)
      throw new CommandFailed('unreachable', `no node answered:\n  ${silent.join('\n  ')}`)
    const agree = told.every(({ ring }) => ring.hash === first.ring.hash)
    if (argv.json) printJson({ ...first.ring, agree, toldBy: told.map(({ name }) => name), silent })
    else show(first.ring, told, silent)
    if (!agree)
      throw new CommandFailed(
        'unhealthy',
        'the nodes have different tables; is a change under way? ask again',
      )
  },
}

function show(
  ring: RingReport,
  told: readonly { name: string; ring: RingReport }[],
  silent: readonly string[],
): void {
  printTable(
    ['partition', 'wished', 'actual', 'term', 'replicas', ''],
    ring.partitions.map((p) => [
      p.partition,
      p.wished,
      p.actual,
      p.term,
      p.replicas.join(' '),
      p.actual === p.wished ? '' : p.actual === null ? 'no owner known' : 'elsewhere',
    ]),
  )
  print()
  const names = new Set(ring.partitions.flatMap((p) => p.replicas))
  printTable(
    ['node', 'replicas', 'wished', 'leads'],
    [...names]
      .sort()
      .map((name) => [
        name,
        ring.partitions.filter((p) => p.replicas.includes(name)).length,
        ring.partitions.filter((p) => p.wished === name).length,
        ring.partitions.filter((p) => p.actual === name).length,
      ]),
  )
  print()
  for (const { name, ring: other } of told)
    print(`${name}: version ${other.version}, table ${other.hash}`)
  for (const reason of silent) print(reason)
}
