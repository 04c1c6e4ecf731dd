import { Ajv } from 'ajv'
import type { ErrorObject } from 'ajv'
import { optionNames, optionRow } from './options.ts'
import type { OptionRow, Options } from './options.ts'

/**
 * A cluster file: one JSON file that all nodes of a cluster are first started with. Paths in it
 * are relative to the file.
 */
export interface ClusterFile {
  readonly cluster: ClusterSection
  readonly nodes: readonly NodeSeed[]
  readonly options?: Partial<Options>
}

export type Profile = 'development' | 'production'

export interface ClusterSection {
  readonly name: string
  /** Fixed for ever at the first start; a power of two. */
  readonly partitions?: number
  /** Replicas of each partition. With fewer nodes than this, each node holds all. */
  readonly replicationFactor?: number
  /** Points of each node on the ring. */
  readonly virtualNodes?: number
  readonly profile?: Profile
  /** A file of 32 or more random bytes, mode 0600, the same on every node. */
  readonly secretFile?: string
  /** The same bytes in base64url, for tests. */
  readonly secret?: string
}

/** A node as the file names it. Addresses are `host:port`. */
export interface NodeSeed {
  readonly name: string
  readonly peer: string
  readonly client: string
  readonly admin: string
  /** The folder of its data. */
  readonly data: string
  readonly zone?: string
}

export const clusterDefaults = {
  partitions: 64,
  replicationFactor: 3,
  virtualNodes: 128,
  profile: 'development',
} as const satisfies Partial<ClusterSection>

/** Something in a configuration that stops the start: where, what, and what to do about it. */
export interface Complaint {
  readonly at: string
  readonly says: string
  readonly cure: string
}

/** Thrown when a configuration cannot be used; the message lists every complaint. */
export class ConfigRefused extends Error {
  override readonly name = 'ConfigRefused'
  readonly complaints: readonly Complaint[]

  constructor(source: string, complaints: readonly Complaint[]) {
    const lines = complaints.map((c) => `  ${c.at}: ${c.says}\n      cure: ${c.cure}`)
    super(`${source} cannot be used:\n${lines.join('\n')}`)
    this.complaints = complaints
  }
}

/** The text of a cluster file, or ConfigRefused. Contradictions between values are looked for in `config.ts`. */
export function parseClusterFile(text: string, source: string): ClusterFile {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    const says = `not JSON (${error instanceof Error ? error.message : String(error)})`
    throw new ConfigRefused(source, [{ at: 'the file', says, cure: 'correct the JSON' }])
  }
  if (!checkShape(value)) {
    throw new ConfigRefused(source, (checkShape.errors ?? []).map(complaint))
  }
  return value
}

const address = '^(\\[[0-9a-fA-F:.]+\\]|[A-Za-z0-9._-]+):[0-9]{1,5}$'
const nodeName = '^[a-z0-9][a-z0-9-]{0,31}$'

/** JSON schema (draft 7) of a cluster file; `cluster-config/schema.json` is this. */
export const clusterFileSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Flotilla cluster file',
  type: 'object',
  additionalProperties: false,
  required: ['cluster', 'nodes'],
  properties: {
    $schema: { type: 'string' },
    cluster: {
      type: 'object',
      additionalProperties: false,
      required: ['name'],
      properties: {
        name: { type: 'string', pattern: nodeName },
        partitions: {
          type: 'integer',
          minimum: 1,
          maximum: 4_096,
          default: clusterDefaults.partitions,
        },
        replicationFactor: {
          type: 'integer',
          minimum: 1,
          maximum: 7,
          default: clusterDefaults.replicationFactor,
        },
        virtualNodes: {
          type: 'integer',
          minimum: 1,
          maximum: 4_096,
          default: clusterDefaults.virtualNodes,
        },
        profile: { enum: ['development', 'production'], default: clusterDefaults.profile },
        secretFile: { type: 'string', minLength: 1 },
        secret: { type: 'string', pattern: '^[A-Za-z0-9_-]{43,}$' },
      },
    },
    nodes: {
      type: 'array',
      minItems: 1,
      maxItems: 1_024,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'peer', 'client', 'admin', 'data'],
        properties: {
          name: { type: 'string', pattern: nodeName },
          peer: { type: 'string', pattern: address },
          client: { type: 'string', pattern: address },
          admin: { type: 'string', pattern: address },
          data: { type: 'string', minLength: 1 },
          zone: { type: 'string', pattern: nodeName },
        },
      },
    },
    options: {
      type: 'object',
      additionalProperties: false,
      properties: Object.fromEntries(
        optionNames.map((name) => [name, optionSchema(optionRow(name))]),
      ),
    },
  },
}

function optionSchema(row: OptionRow): object {
  const rest = { default: row.default, description: row.says }
  switch (row.type) {
    case 'number':
      return { type: 'integer', minimum: row.min, maximum: row.max, ...rest }
    case 'boolean':
      return { type: 'boolean', ...rest }
    case 'choice':
      return { enum: row.choices, ...rest }
  }
}

const checkShape = new Ajv({ allErrors: true, verbose: true }).compile<ClusterFile>(
  clusterFileSchema,
)

const checkOptionsShape = new Ajv({ allErrors: true, verbose: true }).compile<Partial<Options>>(
  clusterFileSchema.properties.options,
)

/** What is wrong with the `options` of a file; empty: nothing. */
export function optionFaults(options: unknown): Complaint[] {
  return checkOptionsShape(options) ? [] : (checkOptionsShape.errors ?? []).map(complaint)
}

function complaint(error: ErrorObject): Complaint {
  const at =
    error.instancePath === '' ? 'the file' : error.instancePath.slice(1).replaceAll('/', '.')
  const params = error.params as Record<string, unknown>
  switch (error.keyword) {
    case 'additionalProperties': {
      const key = String(params['additionalProperty'])
      const known = Object.keys((error.parentSchema?.['properties'] as object | undefined) ?? {})
      return { at, says: `unknown key "${key}"`, cure: unknownKeyCure(key, known) }
    }
    case 'required':
      return { at, says: `"${String(params['missingProperty'])}" is missing`, cure: 'add it' }
    case 'pattern':
      return {
        at,
        says: `${JSON.stringify(error.data)} has not the right form`,
        cure: patternCure(error),
      }
    case 'enum':
      return {
        at,
        says: `${JSON.stringify(error.data)} is none of the choices`,
        cure: `use one of: ${(params['allowedValues'] as unknown[]).join(', ')}`,
      }
    default:
      return {
        at,
        says: `${error.message ?? error.keyword}, but is ${JSON.stringify(error.data)}`,
        cure: 'change the value, or leave the key out for its default',
      }
  }
}

function patternCure(error: ErrorObject): string {
  const pattern = String((error.params as Record<string, unknown>)['pattern'])
  if (pattern === address) return 'write it as host:port, for example 127.0.0.1:6060'
  if (pattern === nodeName) return 'use 1 to 32 small letters, digits and dashes'
  return 'use 32 or more random bytes in base64url; better, leave it out and use secretFile'
}

/** What to write instead of an unknown key: the nearest known one, or all of them. */
export function unknownKeyCure(key: string, known: readonly string[]): string {
  const near = nearest(key, known)
  return near === undefined
    ? `remove it; known keys: ${known.join(', ')}`
    : `did you mean "${near}"? otherwise remove it`
}

function nearest(key: string, known: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replaceAll(/[-_]/g, '')
  let best: string | undefined
  let bestDistance = 3
  for (const candidate of known) {
    const d = distance(plain(key), plain(candidate))
    if (d < bestDistance) [best, bestDistance] = [candidate, d]
  }
  return best
}

/** Levenshtein's distance, one row at a time. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
