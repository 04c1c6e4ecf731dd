import { expect, test } from 'vitest'
import { message } from '../../src/raft/message.ts'
import { Raft } from '../../src/raft/raft.ts'
import { confOf } from './world/group.ts'
import { MemoryDisk } from './world/memory-disk.ts'
import { usualConfig } from './world/member.ts'
import { always } from './world/random.ts'

test('a change that was handed out before a snapshot came does not touch the members of the snapshot', () => {
  const config = { ...usualConfig, id: 3, applied: 0, random: always(0) }
  const raft = new Raft(config, new MemoryDisk(confOf([1, 2, 3])))
  const conf = confOf([1, 3, 4])
  const snapshot = { meta: { index: 9, term: 4, conf }, data: new Uint8Array(0) }
  raft.step(message('snapshot', { from: 1, to: 3, term: 5, snapshot }))
  const change = { transition: 'auto', steps: [{ kind: 'remove', id: 1 }] } as const
  expect(raft.applyConfChange({ ...change, context: new Uint8Array(0) })).toEqual(conf)
  expect(raft.status().config).toEqual(conf)
})
