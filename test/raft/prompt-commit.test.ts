import { describe, expect, test } from 'vitest'
import type { ConfChange } from '../../src/raft/confchange.ts'
import type { Message } from '../../src/raft/message.ts'
import { seeded } from './world/random.ts'
import { Group, text } from './world/group.ts'
import type { MemberConfig } from './world/member.ts'

/** Three members, led by the first, with everything of its term known everywhere. */
function led(config: Partial<MemberConfig>): Group {
  const group = Group.of(3, seeded(1), config)
  group.raft(1).campaign()
  group.settle()
  return group
}

/** Until nothing moves any more; what was sent. */
function sentBy(group: Group): Message[] {
  const sent: Message[] = []
  const send = group.send.bind(group)
  group.send = (messages) => {
    sent.push(...messages)
    send(messages)
  }
  group.settle()
  group.send = send
  return sent.filter(({ from, to }) => from !== to)
}

const applied = (group: Group): number[] => group.members.map((member) => member.applied)

describe('a lone entry', () => {
  test.each([
    [true, 8],
    [false, 4],
  ])('prompt commits: %s, messages: %i', (promptCommit, messages) => {
    const group = led({ promptCommit })
    group.raft(1).propose(text('lone'))
    expect(sentBy(group)).toHaveLength(messages)
    const [own = 0] = applied(group)
    expect(applied(group)).toEqual(promptCommit ? [own, own, own] : [own, own - 1, own - 1])
    group.tick(group.member(1), 2)
    group.settle()
    expect(applied(group)).toEqual([own, own, own])
  })

  test('is told of with the next append', () => {
    const group = led({ promptCommit: false })
    group.raft(1).propose(text('one'))
    group.settle()
    const [own = 0] = applied(group)
    group.raft(1).propose(text('two'))
    expect(sentBy(group)).toHaveLength(4)
    expect(applied(group)).toEqual([own + 1, own, own])
  })
})

describe('told at once all the same', () => {
  test('that a term has begun', () => {
    expect(new Set(applied(led({ promptCommit: false }))).size).toBe(1)
  })

  test('that members change, and that a leader is one no longer', () => {
    const group = led({ promptCommit: false })
    const change: ConfChange = {
      transition: 'auto',
      steps: [{ kind: 'remove', id: 1 }],
      context: new Uint8Array(0),
    }
    expect(group.raft(1).proposeConfChange(change)).toHaveProperty('index')
    // The others hold it. What comes behind it commits later, and they must know before the leader goes.
    group.work(group.member(1))
    for (const m of group.network.splice(0)) group.deliver(m)
    for (const id of [2, 3]) group.work(group.member(id))
    expect(group.raft(1).propose(text('last'))).toHaveProperty('index')
    group.settle()
    for (const id of [2, 3]) expect(group.member(id).conf.voters).toEqual([2, 3])
    // Without a tick: it has handed over.
    expect(group.leader()?.id).not.toBe(1)
  })
})
