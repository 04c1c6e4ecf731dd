import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { busyPorts, openClusterFolder } from '../../src/cli/cluster/cluster-folder.ts'
import type { FolderWish } from '../../src/cli/cluster/cluster-folder.ts'
import { findCluster } from '../../src/cli/cluster/find-cluster.ts'

let dir: string
beforeEach(() => {
  dir = join(mkdtempSync(join(tmpdir(), 'flotilla-folder-')), 'f')
})
afterEach(() => rmSync(join(dir, '..'), { recursive: true }))

const wish = (more: Partial<FolderWish> = {}): FolderWish => ({
  dir,
  nodes: undefined,
  basePort: undefined,
  name: 'local',
  options: {},
  ...more,
})

test('a first start makes three nodes, a random secret and addresses; later starts find them again', async () => {
  const first = await openClusterFolder(wish())
  expect(first.fresh).toBe(true)
  expect(first.nodes.map((node) => node.name)).toEqual(['n1', 'n2', 'n3'])
  expect(
    new Set(first.nodes.flatMap(({ client, admin, peer }) => [client, admin, peer])).size,
  ).toBe(9)
  expect(first.nodes[0]!.data).toBe(join(dir, 'n1'))
  expect(statSync(join(dir, 'secret')).mode & 0o777).toBe(0o600)
  const secret = readFileSync(join(dir, 'secret'))
  const second = await openClusterFolder(wish({ nodes: 3, basePort: 9_999 }))
  expect(second).toEqual({ ...first, fresh: false })
  expect(readFileSync(join(dir, 'secret'))).toEqual(secret)
  expect(findCluster({ dir }).map(({ admin }) => admin.address)).toEqual(
    first.nodes.map(({ admin }) => admin),
  )
})

test('ports in use are passed by', async () => {
  const server = createServer()
  const first = await openClusterFolder(wish({ nodes: 1 }))
  const port = Number(first.nodes[0]!.client.split(':')[1])
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  expect(await busyPorts([port])).toEqual([port])
  const other = await openClusterFolder(wish({ dir: `${dir}2`, nodes: 1 }))
  expect(other.nodes[0]!.client).not.toBe(first.nodes[0]!.client)
  await new Promise((resolve) => server.close(resolve))
})

test('another number of nodes is a contradiction', async () => {
  await openClusterFolder(wish({ nodes: 1, basePort: 20_000 }))
  await expect(openClusterFolder(wish({ nodes: 3 }))).rejects.toThrow('--dir')
})

test('a folder without a cluster', () => {
  expect(() => findCluster({ dir })).toThrow('flotilla up')
  expect(() => findCluster({ admin: 'nowhere' })).toThrow('host:port')
})
