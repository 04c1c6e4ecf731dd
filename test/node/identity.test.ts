import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { nodeConfig, noOverrides, resolveCluster } from '../../src/node/config.ts'
import type { NodeConfig } from '../../src/node/config.ts'
import { takeIdentity } from '../../src/node/identity.ts'

const key = new Uint8Array(32).fill(1)
let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'flotilla-identity-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

function config(names = ['n1', 'n2'], self = 'n2', data = 'home'): NodeConfig {
  const nodes = names.map((name, i) => ({
    name,
    peer: `127.0.0.1:${7001 + i}`,
    client: `127.0.0.1:${6001 + i}`,
    admin: `127.0.0.1:${5001 + i}`,
    data: name === self ? data : `other-${name}`,
  }))
  const file = { cluster: { name: 'c' }, nodes }
  return nodeConfig(resolveCluster(file, join(dir, 'c.json'), noOverrides), self, 'c.json')
}

test('the first start makes a disk and an index; later ones keep both and count up', () => {
  const first = takeIdentity(config(), key, 1_000)
  expect(first).toMatchObject({ index: 2, name: 'n2', bootId: 1_000, previousBoot: 0, fresh: true })
  expect(first.incarnation).toMatch(/^[0-9a-f]{32}$/)
  // The clock stands, or was set back.
  const second = takeIdentity(config(), key, 1_000)
  const third = takeIdentity(config(), key, 5)
  expect([second.bootId, second.previousBoot]).toEqual([1_001, 1_000])
  expect([third.bootId, third.previousBoot]).toEqual([1_002, 1_001])
  expect(third).toMatchObject({ index: 2, incarnation: first.incarnation, fresh: false })
})

test('an emptied folder is another disk', () => {
  const first = takeIdentity(config(), key, 1_000)
  rmSync(join(dir, 'home'), { recursive: true })
  expect(takeIdentity(config(), key, 2_000).incarnation).not.toBe(first.incarnation)
})

test('an older copy shows by the start before it', () => {
  takeIdentity(config(), key, 1_000)
  const copy = readFileSync(join(dir, 'home/identity.json'))
  const second = takeIdentity(config(), key, 2_000)
  writeFileSync(join(dir, 'home/identity.json'), copy)
  expect(takeIdentity(config(), key, 3_000).previousBoot).toBeLessThan(second.bootId)
})

test('a folder from before disks had names gets one, and keeps it', () => {
  const { clusterId } = takeIdentity(config(), key, 1_000)
  const path = join(dir, 'home/identity.json')
  writeFileSync(path, JSON.stringify({ clusterId, name: 'n2', index: 2, bootId: 1_000 }))
  const { incarnation } = takeIdentity(config(), key, 2_000)
  expect(incarnation).toMatch(/^[0-9a-f]{32}$/)
  expect(takeIdentity(config(), key, 3_000).incarnation).toBe(incarnation)
})

test.for([
  ['another node', () => config(['n1', 'n2'], 'n1'), 'belongs to node "n2"'],
  ['another cluster, or one more founder', () => config(['n1', 'n2', 'n3']), 'token new'],
] as const)('the folder of %s is refused with the cure', ([, other, cure]) => {
  takeIdentity(config(), key, 1_000)
  expect(() => takeIdentity(other(), key, 2_000)).toThrow(cure)
})

test('a node that joined has its index from the cluster, and no identity is damage', () => {
  const joined = { index: 9, clusterId: 'c9', firstMembers: [] }
  const member = { ...config(), joined }
  expect(() => takeIdentity(member, key, 1_000)).toThrow('the folder is damaged')
  const stored = { clusterId: 'c9', name: 'n2', index: 9, bootId: 5, incarnation: 'ab'.repeat(16) }
  rmSync(join(dir, 'home'), { recursive: true, force: true })
  const { self } = config()
  expect(() => takeIdentity(member, key, 1_000)).toThrow()
  writeFileSync(join(self.data, 'identity.json'), JSON.stringify(stored))
  expect(takeIdentity(member, key, 1_000)).toMatchObject({ index: 9, clusterId: 'c9' })
})
