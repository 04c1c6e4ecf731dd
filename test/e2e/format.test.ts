import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { TestCluster } from './cluster.ts'

test('a node refuses a newer data folder with the cure, and serves it again unharmed', async () => {
  await using cluster = await TestCluster.start(1)
  const node = cluster.nodes[0]!
  expect(await cluster.stop(0, 'SIGTERM')).toBe(0)
  const mark = join(node.data, 'format')
  const before = readFileSync(mark, 'utf8')
  writeFileSync(mark, '2\n')
  cluster.launch(0)
  expect(await cluster.exit(0)).toBe(7)
  expect(readFileSync(node.logFile, 'utf8')).toContain(
    `the data folder ${node.data} was written by a newer Flotilla (format 2, this one reads up to 1): start the newer version here; nothing was changed`,
  )
  writeFileSync(mark, before)
  cluster.launch(0)
  await cluster.ready()
  const status = await cluster.flotilla('status')
  expect(status.out).toContain('writes format 1')
}, 60_000)
