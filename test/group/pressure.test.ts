import { expect, test } from 'vitest'
import { noMetrics } from '../../src/ports.ts'
import { SegmentedLog } from '../../src/store/segmented-log.ts'
import { FaultyDisk } from '../store/faulty-disk.ts'
import { Cluster } from './cluster.ts'

const options = {
  onFatal: (error: Error): void => {
    throw error
  },
  metrics: noMetrics,
  segmentBytes: 64 * 1024,
  /** Nothing is written again at the end to make room. */
  maxSegments: 1_000,
}

test('large entries: logs are cut by what they take on the disk, long before they hold many', async () => {
  const open = (): Promise<SegmentedLog> => SegmentedLog.openOn(new FaultyDisk(), options)
  const cluster = await Cluster.start({ openLog: open, group: { compactEvery: 1_000_000 } })
  await cluster.write('first')
  const { id } = await cluster.elected()
  const group = cluster.group(id)
  const [total, later] = [8_000, 40]
  for (let n = 0; n < total; n += 50) {
    for (let i = 0; i < 50; i++) {
      group.propose(Buffer.from(`${n + i} `.padEnd(200, 'x')), group.term)
    }
    await cluster.time.advance(20)
  }
  // That a log was cut goes to the disk along with what is written next.
  for (let n = 0; n < later; n++) {
    await cluster.write('later')
    await cluster.time.advance(600)
  }
  for (const node of cluster.nodes.values()) {
    // All of it would take some 30 segments.
    expect(node.log.stats().segments).toBeLessThanOrEqual(6)
  }
  for (const member of [1, 2, 3]) {
    expect(await cluster.machine(member).texts()).toHaveLength(total + later + 1)
  }
  expect(cluster.fatal).toEqual([])
  cluster.stop()
})
