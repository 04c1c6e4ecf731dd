import { expect, test } from 'vitest'
import { emptyConfState } from '../../src/raft/entry.ts'
import { message } from '../../src/raft/message.ts'
import { Raft } from '../../src/raft/raft.ts'
import { confOf } from './world/group.ts'
import { MemoryDisk } from './world/memory-disk.ts'
import { usualConfig } from './world/member.ts'
import { always } from './world/random.ts'

const config = { ...usualConfig, id: 3, applied: 0, random: always(0) }
const asked = { from: 2, to: 3, term: 5, index: 9, logTerm: 4 } as const

/** What a node answers to a request for its vote. */
function answer(kind: 'pre-vote' | 'vote', disk: MemoryDisk): unknown {
  const raft = new Raft(config, disk)
  raft.step(message(kind, asked))
  const { messages, afterStore } = raft.ready()
  return [...messages, ...afterStore].find((m) => m.kind === `${kind}-response`)
}

/**
 * A replica that was removed, dropped its log and was opened again may be all that a member which
 * missed the removal needs for a majority of the members it remembers.
 */
test.each(['pre-vote', 'vote'] as const)('who knows no members grants no %s', (kind) => {
  expect(answer(kind, new MemoryDisk(emptyConfState))).toMatchObject({ to: 2, reject: true })
  expect(answer(kind, new MemoryDisk(confOf([1, 2, 3])))).toMatchObject({ to: 2, reject: false })
})
