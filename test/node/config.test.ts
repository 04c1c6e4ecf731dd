import { describe, expect, test } from 'vitest'
import { ConfigRefused, parseClusterFile } from '../../src/node/cluster-file.ts'
import type { ClusterFile, Complaint } from '../../src/node/cluster-file.ts'
import { nodeConfig, noOverrides, resolveCluster } from '../../src/node/config.ts'
import type { Overrides } from '../../src/node/config.ts'
import { defaultOptions } from '../../src/node/options.ts'

const node = (i: number) => ({
  name: `n${i}`,
  peer: `127.0.0.1:${7000 + i}`,
  client: `127.0.0.1:${7100 + i}`,
  admin: `127.0.0.1:${7200 + i}`,
  data: `n${i}`,
})
const good = (): any => ({ cluster: { name: 'c' }, nodes: [node(1), node(2), node(3)] })

function complaints(run: () => unknown): readonly Complaint[] {
  try {
    run()
  } catch (error) {
    if (error instanceof ConfigRefused) return error.complaints
    throw error
  }
  return []
}

const load = (file: object, overrides: Overrides = noOverrides) =>
  resolveCluster(parseClusterFile(JSON.stringify(file), 'f.json'), '/etc/x/f.json', overrides)

describe('a good file', () => {
  test('gets the defaults, and paths relative to it', () => {
    const { cluster, nodes, options } = load(good())
    expect(cluster).toEqual({
      name: 'c',
      partitions: 64,
      replicationFactor: 3,
      virtualNodes: 128,
      profile: 'development',
      secret: { kind: 'file', path: '/etc/x/secret' },
    })
    expect(nodes.map((n) => n.data)).toEqual(['/etc/x/n1', '/etc/x/n2', '/etc/x/n3'])
    expect(options).toEqual(defaultOptions())
  })

  test('environment overrides file, command line overrides environment', () => {
    const file = { ...good(), options: { 'tick-ms': 60, 'max-tag-count': 5, 'p2p-delete': false } }
    const overrides = {
      environment: {
        FLOTILLA_TICK_MS: '70',
        FLOTILLA_P2P_DELETE: 'true',
        FLOTILLA_SERVICE_HOST: 'k8s',
      },
      flags: { 'tick-ms': '80', 'log-level': 'warn' },
    }
    const { options, sources } = load(file, overrides)
    expect(options['tick-ms']).toBe(80)
    expect(options['p2p-delete']).toBe(true)
    expect(options['max-tag-count']).toBe(5)
    expect(options['log-level']).toBe('warn')
    expect(sources['tick-ms']).toBe('command line')
    expect(sources['p2p-delete']).toBe('environment')
    expect(sources['max-tag-count']).toBe('file')
    expect(sources['max-message-size']).toBe('default')
  })

  test('names the node to run', () => {
    const resolved = load(good())
    expect(nodeConfig(resolved, 'n2', 'f').self.peer).toBe('127.0.0.1:7002')
    expect(complaints(() => nodeConfig(resolved, undefined, 'f'))[0]?.cure).toContain('n1, n2, n3')
    expect(complaints(() => nodeConfig(resolved, 'n9', 'f'))[0]?.says).toContain('"n9"')
    const alone = load({ ...good(), nodes: [node(1)] })
    expect(nodeConfig(alone, undefined, 'f').self.name).toBe('n1')
  })
})

const changed = (change: (file: any) => unknown) => {
  const file = good()
  change(file)
  return file as ClusterFile
}

const badFiles: readonly (readonly [(file: any) => unknown, string, string])[] = [
  // what is wrong                                               at                       cure
  [(f) => (f.cluster.partions = 4), 'cluster', 'partitions'],
  [(f) => (f.colour = 1), 'the file', 'known keys'],
  [(f) => (f.options = { 'tick-msec': 1 }), 'options', 'tick-ms'],
  [(f) => (f.options = { tickMs: 1 }), 'options', 'tick-ms'],
  [(f) => (f.nodes[0].address = 'x'), 'nodes.0', 'known keys'],
  [(f) => delete f.nodes[1].peer, 'nodes.1', 'add it'],
  [(f) => delete f.cluster.name, 'cluster', 'add it'],
  [(f) => (f.nodes = []), 'nodes', 'change the value'],
  [(f) => (f.nodes[0].peer = '6060'), 'nodes.0.peer', 'host:port'],
  [(f) => (f.nodes[0].name = 'Node 1'), 'nodes.0.name', 'small letters'],
  [(f) => (f.cluster.profile = 'test'), 'cluster.profile', 'development, production'],
  [(f) => (f.cluster.secret = 'short'), 'cluster.secret', 'secretFile'],
  [(f) => (f.cluster.partitions = 65), 'cluster.partitions', '64 or 128'],
  [(f) => (f.cluster.partitions = 0), 'cluster.partitions', 'change the value'],
  [(f) => (f.options = { 'tick-ms': '50' }), 'options.tick-ms', 'change the value'],
  [(f) => (f.options = { 'tick-ms': 5 }), 'options.tick-ms', 'change the value'],
  [(f) => (f.nodes[1].name = 'n1'), 'nodes.1', 'its own name'],
  [(f) => (f.nodes[1].admin = f.nodes[0].client), 'nodes.1.admin', 'its own address'],
  [(f) => (f.nodes[1].data = 'n1'), 'nodes.1.data', 'its own data folder'],
  [(f) => (f.nodes[1].client = '127.0.0.1:70000'), 'nodes.1.client', '65535'],
  [(f) => (f.nodes[1].zone = 'a'), 'nodes', 'every node a zone'],
  [(f) => (f.options = { 'heartbeat-ticks': 5 }), 'options.election-ticks', 'at least 15'],
  [(f) => (f.options = { 'tick-ms': 10 }), 'options.tick-ms', '150 ms'],
  [
    (f) => (f.options = { 'session-queue-bytes': 65_536 }),
    'options.session-queue-bytes',
    'max-message-size',
  ],
  [
    (f) => (f.cluster = { name: 'c', secretFile: 's', secret: 'a'.repeat(43) }),
    'cluster',
    'keep secretFile',
  ],
  [
    (f) => (f.cluster = { name: 'c', profile: 'production', secret: 'a'.repeat(43) }),
    'cluster.secret',
    '0600',
  ],
  [
    (f) => (f.cluster = { name: 'c', profile: 'production', replicationFactor: 5 }),
    'cluster.replicationFactor',
    'list 5 nodes',
  ],
]

describe('a bad file is refused with its place and a cure', () => {
  test.for(badFiles)('%s', ([change, at, cure]) => {
    const found = complaints(() => load(changed(change)))
    expect(found).toEqual([expect.objectContaining({ at, cure: expect.stringContaining(cure) })])
  })

  test('text that is not JSON', () => {
    expect(complaints(() => parseClusterFile('{', 'f'))[0]?.says).toContain('not JSON')
  })

  test('all complaints come at once', () => {
    const found = complaints(() =>
      load(changed((f) => ((f.a = 1), (f.cluster.b = 2), delete f.nodes[0].data))),
    )
    expect(found).toHaveLength(3)
  })

  test.for([
    ['tick-ms', '5'],
    ['tick-ms', '1e2'],
    ['tick-ms', ''],
    ['p2p-delete', 'yes'],
    ['log-level', 'loud'],
  ] as const)('%s=%j from outside', ([name, text]) => {
    const environment = { [`FLOTILLA_${name.toUpperCase().replaceAll('-', '_')}`]: text }
    expect(complaints(() => load(good(), { environment, flags: {} }))).toHaveLength(1)
    expect(
      complaints(() => load(good(), { environment: {}, flags: { [name]: text } })),
    ).toHaveLength(1)
  })
})
