import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Timers } from '../../src/ports.ts'
import { noMetrics } from '../../src/ports.ts'
import { MemoryLog } from '../../src/store/memory-log.ts'
import { SegmentedLog } from '../../src/store/segmented-log.ts'
import { logConformance, run, state, store, tell } from '../conformance/log.ts'
import type { LogUnderTest } from '../conformance/log.ts'
import { FaultyDisk } from './faulty-disk.ts'

const options = {
  onFatal: (error: Error): void => {
    throw error
  },
  metrics: noMetrics,
  segmentBytes: 64 * 1024,
}

async function onFiles(dir: string): Promise<LogUnderTest> {
  const log = await SegmentedLog.open(dir, options)
  return {
    log,
    reopen: async () => {
      await log.close()
      return onFiles(dir)
    },
    destroy: async () => {
      await log.close()
      await rm(dir, { recursive: true })
    },
  }
}

async function onDisk(disk: FaultyDisk, segmentBytes: number): Promise<LogUnderTest> {
  const log = await SegmentedLog.openOn(disk, { ...options, segmentBytes })
  return {
    log,
    reopen: async () => {
      await log.close()
      return onDisk(disk, segmentBytes)
    },
    destroy: () => log.close(),
  }
}

const timers: Timers = {
  after: (ms, task) => {
    const timer = setTimeout(task, ms)
    return () => clearTimeout(timer)
  },
  every: () => () => {},
  soon: (task) => void setImmediate(task),
}

function inMemory(log: MemoryLog): LogUnderTest {
  return {
    log,
    reopen: async () => {
      await log.close()
      return inMemory(log.crash())
    },
    destroy: () => log.close(),
  }
}

logConformance('SegmentedLog on files', async () =>
  onFiles(await mkdtemp(join(tmpdir(), 'flotilla-log-'))),
)
logConformance('SegmentedLog in tiny segments', () => onDisk(new FaultyDisk(), 512))
logConformance('MemoryLog', () => Promise.resolve(inMemory(new MemoryLog({ timers }))))

describe('MemoryLog', () => {
  test('a crash takes what was not synced, and leaves the survivors', async () => {
    const log = new MemoryLog({ timers })
    await store(log, 1, { hardState: state(1, 1, 0), entries: run(1, 2, 1) })
    log.append(
      1,
      { hardState: null, entries: run(3, 3, 1), snapshot: null, conf: null },
      true,
      () => {
        throw new Error('answered after the crash')
      },
    )
    log.append(
      1,
      { hardState: state(2, 2, 0), entries: [], snapshot: null, conf: null },
      true,
      () => {
        throw new Error('answered after the crash')
      },
    )
    expect(tell(log.crash(1).group(1))).toBe('t1 v1 c0 (0:0) 1:1 2:1 3:1')
    await new Promise((resolve) => setImmediate(resolve))
  })
})
