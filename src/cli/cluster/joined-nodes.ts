import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { NodeSeed } from '../../node/cluster-file.ts'
import { membershipFile, readMembership } from '../../node/membership.ts'

/** Nodes that have joined the cluster from a folder inside of its own: `serve --join --data DIR/NAME`. */
export function joinedNodes(dir: string): NodeSeed[] {
  if (!existsSync(dir)) return []
  const folders = readdirSync(dir, { withFileTypes: true }).filter(
    (it) => it.isDirectory() && existsSync(join(dir, it.name, membershipFile)),
  )
  return folders.flatMap((it) => {
    const data = resolve(dir, it.name)
    const known = readMembership(data)
    if (known === undefined) return []
    const { zone, ...self } = known.self
    return [{ ...self, data, ...(zone === '' ? {} : { zone }) }]
  })
}
