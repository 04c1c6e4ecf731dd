import { clusterDefaults } from './cluster-file.ts'
import type { ClusterFile, Complaint, NodeSeed } from './cluster-file.ts'
import type { Options } from './options.ts'

/** Event-loop stalls of 20 to 40 ms are normal; an election timeout near them elects without cause. */
const minElectionTimeoutMs = 150

/** Values that are legal alone and cannot stand together. Empty: none. */
export function contradictions(file: ClusterFile, options: Options): Complaint[] {
  return [...ofCluster(file), ...ofNodes(file.nodes), ...optionContradictions(options)]
}

function ofCluster(file: ClusterFile): Complaint[] {
  const found: Complaint[] = []
  const { partitions, replicationFactor, profile, secret } = { ...clusterDefaults, ...file.cluster }
  if ((partitions & (partitions - 1)) !== 0) {
    const below = 2 ** Math.floor(Math.log2(partitions))
    found.push({
      at: 'cluster.partitions',
      says: `${partitions} is not a power of two`,
      cure: `use ${below} or ${below * 2}`,
    })
  }
  if (profile !== 'production') return found
  if (secret !== undefined) {
    found.push({
      at: 'cluster.secret',
      says: 'a production cluster keeps no secret in its file',
      cure: 'put it into a file of mode 0600 and name that in secretFile',
    })
  }
  if (file.nodes.length < replicationFactor) {
    found.push({
      at: 'cluster.replicationFactor',
      says: `${replicationFactor} replicas do not fit on ${file.nodes.length} node(s)`,
      cure: `list ${replicationFactor} nodes, or set replicationFactor to ${file.nodes.length}`,
    })
  }
  return found
}

function ofNodes(nodes: readonly NodeSeed[]): Complaint[] {
  const found: Complaint[] = []
  const taken = new Map<string, string>()
  const claim = (thing: string, value: string, by: string) => {
    const other = taken.get(`${thing} ${value}`)
    if (other === undefined) taken.set(`${thing} ${value}`, by)
    else
      found.push({
        at: by,
        says: `its ${thing} ${value} is also that of ${other}`,
        cure: `give each its own ${thing}`,
      })
  }
  for (const [i, node] of nodes.entries()) {
    claim('name', node.name, `nodes.${i}`)
    for (const door of ['peer', 'client', 'admin'] as const) {
      claim('address', node[door], `nodes.${i}.${door}`)
      const port = Number(node[door].slice(node[door].lastIndexOf(':') + 1))
      if (port < 1 || port > 65_535) {
        found.push({
          at: `nodes.${i}.${door}`,
          says: `there is no port ${port}`,
          cure: 'use a port from 1 to 65535',
        })
      }
    }
    // Two nodes may have equal paths on two machines; on one machine their addresses share a host.
    claim('data folder', `${hostOf(node.peer)} ${node.data}`, `nodes.${i}.data`)
  }
  const zoned = nodes.filter((node) => node.zone !== undefined).length
  if (zoned !== 0 && zoned !== nodes.length) {
    found.push({
      at: 'nodes',
      says: 'some nodes have a zone and some have none',
      cure: 'give every node a zone, or none',
    })
  }
  return found
}

export function optionContradictions(options: Options): Complaint[] {
  const found: Complaint[] = []
  const election = options['election-ticks']
  const heartbeat = options['heartbeat-ticks']
  if (election < 3 * heartbeat) {
    found.push({
      at: 'options.election-ticks',
      says: `${election} ticks leave no room for a lost heartbeat (every ${heartbeat})`,
      cure: `use at least ${3 * heartbeat}, or a smaller heartbeat-ticks`,
    })
  }
  const electionMs = election * options['tick-ms']
  if (electionMs < minElectionTimeoutMs) {
    found.push({
      at: 'options.tick-ms',
      says: `an election timeout of ${electionMs} ms is within the normal pauses of a process`,
      cure: `keep tick-ms × election-ticks at ${minElectionTimeoutMs} ms or more`,
    })
  }
  if (options['session-queue-bytes'] < options['max-message-size']) {
    found.push({
      at: 'options.session-queue-bytes',
      says: `a message of max-message-size (${options['max-message-size']} bytes) would never fit`,
      cure: 'make it at least max-message-size',
    })
  }
  return found
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'))
}
