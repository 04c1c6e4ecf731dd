import type { LocalCluster } from '../cluster/local-cluster.ts'
import type { NodeProcess } from '../cluster/node-process.ts'
import { CommandFailed } from '../exit-codes.ts'
import type { LinkCuts } from './link-cuts.ts'

/** How the owner is lost: killed at once; stopped, with its sockets open; cut off from its peers without a word. */
export const blows = ['kill', 'stop', 'cut'] as const
export type BlowKind = (typeof blows)[number]

export interface Blow {
  /** Settles when it has landed. */
  strike(node: NodeProcess): Promise<void>
  /** Undoes it; the node is to be waited for. */
  heal(node: NodeProcess): void
}

export function blowOf(kind: BlowKind, cluster: LocalCluster, cuts: LinkCuts | undefined): Blow {
  switch (kind) {
    case 'kill':
      return { strike: (node) => cluster.kill(node), heal: (node) => cluster.startNode(node) }
    case 'stop':
      return {
        strike: async (node) => signal(node, 'SIGSTOP'),
        heal: (node) => signal(node, 'SIGCONT'),
      }
    case 'cut': {
      if (cuts === undefined) throw new CommandFailed('usage', 'no proxies stand between the nodes')
      return { strike: async (node) => cuts.cut(node.seed.name), heal: () => cuts.heal() }
    }
  }
}

function signal(node: NodeProcess, name: 'SIGSTOP' | 'SIGCONT'): void {
  if (node.pid !== undefined) process.kill(node.pid, name)
}
