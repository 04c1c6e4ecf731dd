import { join } from 'node:path'

/** Addresses of one node, `host:port`. */
export interface NodeAddresses {
  readonly name: string
  readonly peer: string
  readonly client: string
  readonly admin: string
}

/** The API key of clusters with the development profile. */
export const developmentApiKey = 'AQEAAAABAAD_rAp4DJh05a1HAwFT3A6K'

/** The cluster file that all nodes are started with; the only place that knows its format. */
export function clusterConfig(
  nodes: readonly NodeAddresses[],
  folder: string,
  options: { readonly partitions: number; readonly replicas: number; readonly secretFile: string },
): unknown {
  return {
    cluster: {
      name: 'jepsen-lite',
      partitions: options.partitions,
      replicationFactor: options.replicas,
      profile: 'development',
      secretFile: options.secretFile,
    },
    nodes: nodes.map((node) => ({ ...node, data: join(folder, node.name) })),
    options: {},
  }
}
