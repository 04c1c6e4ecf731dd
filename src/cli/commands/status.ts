import type { CommandModule } from 'yargs'
import type { NodeStatus, Readiness } from '../../node/facts.ts'
import { askAll, findCluster, whereaboutsOptions } from '../cluster/find-cluster.ts'
import type { KnownNode, Whereabouts } from '../cluster/find-cluster.ts'
import { CommandFailed } from '../exit-codes.ts'
import { print, printJson, printTable } from '../output.ts'

interface NodeReport {
  readonly name: string | null
  readonly admin: string
  readonly ready: boolean
  /** Why it is not ready, or why it did not answer. */
  readonly reasons: readonly string[]
  readonly status: NodeStatus | null
}

export const statusCommand: CommandModule<object, Whereabouts & { json: boolean }> = {
  command: 'status',
  describe: 'tell which nodes are there, ready and linked, and what they hold',
  builder: (y) =>
    y
      .options(whereaboutsOptions)
      .option('json', { type: 'boolean', default: false, describe: 'print JSON' }),
  handler: async (argv) => {
    const reports = withoutRemoved(await ask(findCluster(argv)))
    if (reports.every((report) => report.status === null)) {
      const reasons = reports.map(({ admin, reasons }) => `  ${admin}: ${reasons.join(', ')}`)
      throw new CommandFailed('unreachable', `no node answered:\n${reasons.join('\n')}`)
    }
    if (argv.json) printJson({ nodes: reports })
    else show(reports)
    const unwell = reports.filter((report) => !report.ready)
    if (unwell.length > 0) {
      throw new CommandFailed(
        'unhealthy',
        `not ready: ${unwell.map((r) => r.name ?? r.admin).join(', ')}`,
      )
    }
  },
}

async function ask(nodes: readonly KnownNode[]): Promise<NodeReport[]> {
  const answers = await askAll(nodes, async (admin) => ({
    readiness: await admin.ready(),
    status: await admin.status().catch(() => null),
  }))
  return answers.map((answer, i) => {
    const { name, admin } = nodes[i]!
    if ('error' in answer) {
      return { name, admin: admin.address, ready: false, reasons: [answer.error], status: null }
    }
    const { readiness, status }: { readiness: Readiness; status: NodeStatus | null } = answer.value
    return { name: status?.node.name ?? name, admin: admin.address, ...readiness, status }
  })
}

/** The file that names the founders does not know who has been removed since; the members do. */
function withoutRemoved(reports: readonly NodeReport[]): NodeReport[] {
  const members = reports.find((report) => report.status !== null)?.status?.members ?? []
  const isGone = (name: string | null) =>
    members.some((it) => it.name === name && it.state === 'gone') &&
    !members.some((it) => it.name === name && it.state !== 'gone')
  return reports.filter(({ name, status }) => status !== null || !isGone(name))
}

function show(reports: readonly NodeReport[]): void {
  const first = reports.find((report) => report.status !== null)?.status
  if (first) {
    const { cluster, format } = first
    print(`cluster ${cluster.name} (${cluster.id}), writes format ${format?.cluster ?? 1}\n`)
  }
  printTable(
    [
      'node',
      'index',
      'ready',
      'admin',
      'version',
      'reads format',
      'up s',
      'sessions',
      'topics',
      'leads',
      'groups',
    ],
    reports.map(({ name, admin, ready, status }) => [
      name,
      status?.node.index,
      ready,
      admin,
      status?.node.version ?? '–',
      status?.format?.reads,
      status && Math.round(status.node.uptimeS),
      status?.sessions,
      status?.topics,
      status?.groups.filter((group) => group.role === 'leader').length,
      status?.groups.length,
    ]),
  )
  for (const { name, admin, reasons } of reports) {
    for (const reason of reasons) print(`${name ?? admin}: ${reason}`)
  }
  if (!first) return
  print(`\nmembers, as ${first.node.name} sees them\n`)
  printTable(
    ['name', 'index', 'state', 'linked', 'rtt ms', 'client', 'peer'],
    first.members.map((m) => [m.name, m.index, m.state, m.up, rounded(m.rttMs), m.client, m.peer]),
  )
}

function rounded(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 100) / 100
}
