import { expect, test } from 'vitest'
import { emptyConfState } from '../../src/raft/entry.ts'
import { message } from '../../src/raft/message.ts'
import { Group } from '../raft/world/group.ts'
import { seeded } from '../raft/world/random.ts'

/** Found by seed 5670: an entry handed out before a snapshot changed the members of the snapshot. */
test('a change of members from before a snapshot that was taken is void', () => {
  const { raft } = Group.of(3, seeded(1)).member(2)
  const conf = { ...emptyConfState, voters: [1, 2, 3] }
  const snapshot = { meta: { index: 9, term: 1, conf }, data: new Uint8Array(0) }
  raft.step(message('snapshot', { from: 1, to: 2, term: 1, snapshot }))
  const change = { transition: 'auto', context: new Uint8Array(0) } as const
  raft.applyConfChange({ ...change, steps: [{ kind: 'add-voter', id: 4 }] })
  expect(raft.status().config.voters).toEqual([1, 2, 3])
  raft.check()
})
