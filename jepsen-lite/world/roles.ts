import type { AdminView } from './admin-view.ts'
import type { Roles } from './world.ts'

/** Who leads what, asked of every node; whoever does not answer leads nothing. */
export async function rolesOf(
  nodes: readonly { readonly name: string; readonly view: AdminView }[],
): Promise<Roles> {
  const led = new Map(nodes.map(({ name }) => [name, 0]))
  let metaLeader: { node: string; term: number } | undefined
  let metaTerm = 0
  await Promise.all(
    nodes.map(async ({ name, view }) => {
      const groups = (await view.status())?.groups ?? []
      const leads = groups.filter((group) => group.role === 'leader')
      for (const { group, term } of groups) if (group === 0) metaTerm = Math.max(metaTerm, term)
      const meta = leads.find((group) => group.group === 0)
      if (meta && meta.term >= (metaLeader?.term ?? 0)) metaLeader = { node: name, term: meta.term }
      led.set(name, leads.filter((group) => group.group !== 0).length)
    }),
  )
  return { metaLeader: metaLeader?.node, metaTerm, led }
}
