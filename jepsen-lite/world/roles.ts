import { groupName } from './admin-view.ts'
import type { AdminView, Status } from './admin-view.ts'
import type { GroupRoles, Roles } from './world.ts'

/** Who leads what, asked of every node; whoever does not answer leads nothing. */
export async function rolesOf(
  nodes: readonly { readonly name: string; readonly view: AdminView }[],
): Promise<Roles> {
  const led = new Map(nodes.map(({ name }) => [name, 0]))
  const groups = new Map<string, Told>()
  let metaTerm = 0
  await Promise.all(
    nodes.map(async ({ name, view }) => {
      const status = await view.status()
      if (status === undefined) return
      for (const group of status.groups) {
        if (group.group === 0) metaTerm = Math.max(metaTerm, group.term)
        else if (group.role === 'leader') led.set(name, (led.get(name) ?? 0) + 1)
        hear(groups, name, status, group)
      }
    }),
  )
  return { metaLeader: groups.get('meta')?.leader, metaTerm, led, groups }
}

/** Any node can tell; the first that does is believed, for a topic never changes its group. */
export async function locateBy(
  nodes: readonly { readonly view: AdminView }[],
  topic: string,
): Promise<string | undefined> {
  for (const { view } of nodes) {
    const group = await view.locate(topic)
    if (group !== undefined) return group
  }
  return undefined
}

/** Whoever leads is believed before all others, and then the latest term. */
interface Told extends GroupRoles {
  readonly term: number
}

type GroupStatus = Status['groups'][number]

function hear(
  groups: Map<string, Told>,
  node: string,
  { members = [] }: Partial<Pick<Status, 'members'>>,
  {
    group,
    role,
    term,
    voters = [],
    joint = false,
  }: Partial<GroupStatus> & Pick<GroupStatus, 'group' | 'term'>,
): void {
  const before = groups.get(groupName(group))
  const leader = role === 'leader' ? node : undefined
  if (before) {
    if ((before.leader !== undefined) !== (leader !== undefined)) {
      if (leader === undefined) return
    } else if (term < before.term) return
  }
  const nameOf = new Map(members.map(({ index, name }) => [index, name]))
  groups.set(groupName(group), {
    term,
    leader,
    voters: joint ? [] : voters.map((index) => nameOf.get(index) ?? String(index)),
  })
}
