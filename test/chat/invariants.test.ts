import { expect, test } from 'vitest'
import { BrokenInvariant } from '../../src/assert.ts'
import { DeletionLog } from '../../src/chat/deletion-log.ts'
import { Member, decodeMember, encodeMember } from '../../src/chat/member.ts'
import { encodeMessage } from '../../src/chat/message-row.ts'
import { ProducerWindow } from '../../src/chat/producer-window.ts'
import { RowReader, fromJsonRow } from '../../src/chat/row-bytes.ts'
import { TopicState } from '../../src/chat/topic-state.ts'
import { anna, team } from './world.ts'

function marked(read: number, recv: number): Member {
  const member = new Member(anna)
  member.read = read
  member.recv = recv
  return member
}

function group(): TopicState {
  const state = new TopicState(team, [])
  state.head.state = 'live'
  state.description.owner = anna
  state.touchDescription()
  return state
}

/** Each invariant of docs/internals/chat.md, and a way to break it. */
test.each<[string, () => unknown]>([
  [
    'CHAT-1',
    () => {
      const state = group()
      state.append({ from: anna, ts: 1, head: null, content: '1' }, undefined)
      state.head.seq = 5
      state.append({ from: anna, ts: 1, head: null, content: '1' }, undefined)
    },
  ],
  ['CHAT-2', () => encodeMember(marked(2, 1), 9)],
  ['CHAT-2', () => encodeMember(marked(2, 3), 2)],
  ['CHAT-3', () => group().takeWrites()],
  [
    'CHAT-3',
    () => {
      const state = group()
      state.members.enter(anna, 1, false) // without O
      state.takeWrites()
    },
  ],
  ['CHAT-4', () => new RowReader(Uint8Array.of(0, 1))],
  ['CHAT-4', () => fromJsonRow(new Uint8Array(0))],
  [
    'CHAT-5',
    () => decodeMember(new Member(anna).key, encodeMember(marked(0, 0), 0).subarray(0, 5)),
  ],
  [
    'CHAT-6',
    () => encodeMessage({ from: '', ts: 1, head: null, content: '1', producer: 'x'.repeat(300) }),
  ],
  [
    'CHAT-7',
    () => {
      const window = new ProducerWindow()
      window.add(3, 1, 0)
      window.add(2, 2, 0)
    },
  ],
  [
    'CHAT-7',
    () => {
      const window = new ProducerWindow()
      window.add(1, 5, 0)
      window.add(2, 5, 0)
    },
  ],
  [
    'CHAT-8',
    () => {
      const log = new DeletionLog()
      log.add({ id: 2, uid: '', spans: [[1, 2]] })
      log.add({ id: 2, uid: '', spans: [[2, 3]] })
    },
  ],
])('%s', (id, act) => {
  let broken: unknown
  try {
    act()
  } catch (error) {
    broken = error
  }
  expect(broken).toBeInstanceOf(BrokenInvariant)
  expect((broken as BrokenInvariant).id).toBe(id)
})
