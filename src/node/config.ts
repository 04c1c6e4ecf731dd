import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { NodeIndex } from '../ids/node-index.ts'
import { clusterDefaults, ConfigRefused, parseClusterFile } from './cluster-file.ts'
import type { ClusterFile, ClusterSection, Complaint, NodeSeed, Profile } from './cluster-file.ts'
import { contradictions } from './contradictions.ts'
import { defaultOptions, environmentName, optionNames, optionRow } from './options.ts'
import type { OptionName, Options } from './options.ts'

/** What one node is started with: file, environment and command line together, checked. */
export interface NodeConfig {
  readonly cluster: ClusterConfig
  /** As the file lists them: the members of the first start, in order of their first node indexes. */
  readonly nodes: readonly NodeSeed[]
  /** This node; its `data` is an absolute path. */
  readonly self: NodeSeed
  readonly options: Options
  /** Of a node that joined a running cluster; null: one of those that the cluster was founded with. */
  readonly joined: Joined | null
}

/** What a node was told when it was let in; everything else it hears from the other members. */
export interface Joined {
  readonly index: NodeIndex
  readonly clusterId: string
  /** Whom to dial until the committed member list has come. */
  readonly firstMembers: readonly FirstMember[]
}

export interface FirstMember {
  readonly index: NodeIndex
  readonly name: string
  readonly peer: string
}

export interface ClusterConfig {
  readonly name: string
  readonly partitions: number
  readonly replicationFactor: number
  readonly virtualNodes: number
  readonly profile: Profile
  readonly secret: SecretSource
}

export type SecretSource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'inline'; readonly bytes: Uint8Array }

/** Where each option's value came from; `config print` shows it. */
export type Source = 'default' | 'file' | 'environment' | 'command line'

export interface Overrides {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** By option name, as text or already as a value. */
  readonly flags: Readonly<Record<string, string | number | boolean | undefined>>
}

export interface ResolvedCluster {
  readonly cluster: ClusterConfig
  readonly nodes: readonly NodeSeed[]
  readonly options: Options
  readonly sources: Readonly<Record<OptionName, Source>>
}

export const noOverrides: Overrides = { environment: {}, flags: {} }

/** Reads, overrides and checks the cluster file at `path`. Throws ConfigRefused. */
export function loadCluster(path: string, overrides: Overrides): ResolvedCluster {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const says = error instanceof Error ? error.message : String(error)
    const cure = 'give the path of a cluster file; cluster-config/ has examples'
    throw new ConfigRefused(path, [{ at: 'the file', says, cure }])
  }
  return resolveCluster(parseClusterFile(text, path), path, overrides)
}

/** Throws ConfigRefused. `path`: of the file; what it names is relative to its folder. */
export function resolveCluster(
  file: ClusterFile,
  path: string,
  overrides: Overrides,
): ResolvedCluster {
  const folder = dirname(resolve(path))
  const complaints: Complaint[] = []
  const { options, sources } = resolveOptions(file.options ?? {}, overrides, complaints)
  const nodes = file.nodes.map((node) => ({ ...node, data: resolve(folder, node.data) }))
  const cluster = clusterConfig(file.cluster, folder, complaints)
  complaints.push(...contradictions({ ...file, nodes }, options))
  if (complaints.length > 0) throw new ConfigRefused(path, complaints)
  return { cluster, nodes, options, sources }
}

/** The configuration of the node `name`; it may be left out when the file lists one node. Throws ConfigRefused. */
export function nodeConfig(
  resolved: ResolvedCluster,
  name: string | undefined,
  path: string,
): NodeConfig {
  const { cluster, nodes, options } = resolved
  const names = nodes.map((node) => node.name).join(', ')
  const self =
    name === undefined && nodes.length === 1 ? nodes[0] : nodes.find((node) => node.name === name)
  if (self === undefined) {
    const says = name === undefined ? 'the file lists several nodes' : `there is no node "${name}"`
    throw new ConfigRefused(path, [{ at: 'nodes', says, cure: `say --node with one of: ${names}` }])
  }
  return { cluster, nodes, self, options, joined: null }
}

function clusterConfig(
  section: ClusterSection,
  folder: string,
  complaints: Complaint[],
): ClusterConfig {
  const { secretFile, secret, ...rest } = section
  if (secretFile !== undefined && secret !== undefined) {
    complaints.push({
      at: 'cluster',
      says: 'it has both secret and secretFile',
      cure: 'keep secretFile, remove secret',
    })
  }
  const source: SecretSource =
    secret === undefined
      ? { kind: 'file', path: resolve(folder, secretFile ?? 'secret') }
      : { kind: 'inline', bytes: Buffer.from(secret, 'base64url') }
  return { ...clusterDefaults, ...rest, secret: source }
}

export function resolveOptions(
  file: Partial<Options>,
  overrides: Overrides,
  complaints: Complaint[],
): { options: Options; sources: Record<OptionName, Source> } {
  const options: Record<string, unknown> = { ...defaultOptions(), ...file }
  const sources: Record<string, Source> = {}
  for (const name of optionNames) {
    sources[name] = file[name] === undefined ? 'default' : 'file'
    const environment = overrides.environment[environmentName(name)]
    if (environment !== undefined) {
      options[name] = parseValue(name, environment, environmentName(name), complaints)
      sources[name] = 'environment'
    }
    const flag = overrides.flags[name]
    if (flag !== undefined) {
      options[name] = parseValue(name, String(flag), `--${name}`, complaints)
      sources[name] = 'command line'
    }
  }
  return {
    options: options as unknown as Options,
    sources: sources as Record<OptionName, Source>,
  }
}

/** A value from text. What is wrong goes to `complaints`, and the default stands in. */
function parseValue(
  name: OptionName,
  text: string,
  at: string,
  complaints: Complaint[],
): number | boolean | string {
  const row = optionRow(name)
  const refuse = (cure: string) => {
    complaints.push({ at, says: `${JSON.stringify(text)} is no value of ${name}`, cure })
    return row.default
  }
  switch (row.type) {
    case 'number': {
      const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
      if (value >= row.min && value <= row.max) return value
      return refuse(`use a whole number from ${row.min} to ${row.max} (${row.unit})`)
    }
    case 'boolean':
      if (text === 'true' || text === 'false') return text === 'true'
      return refuse('use true or false')
    case 'choice':
      return row.choices.includes(text) ? text : refuse(`use one of: ${row.choices.join(', ')}`)
  }
}
