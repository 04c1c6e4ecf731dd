import { afterEach, expect, test } from 'vitest'
import type { MetaState } from '../../src/meta/meta-state.ts'
import { Announcer } from '../../src/node/announce.ts'
import type { AnnounceDeps } from '../../src/node/announce.ts'
import { membersToLink } from '../../src/node/member-list.ts'
import type { PeersOptions } from '../../src/peer/peers.ts'
import { realTimers, startNode, until } from '../peer/surroundings.ts'
import type { TestNode } from '../peer/surroundings.ts'
import { FakeMeta, foundedBy } from './fake-meta.ts'

/** What stands for Raft here: the leader sends the committed state to whom it can reach. */
const stateKind = 90
const leader = 1
const disk = (index: number) => `${index}`.repeat(32)

interface Member {
  readonly index: number
  readonly node: TestNode
  readonly meta: FakeMeta
  readonly announcer: Announcer
  readonly removals: string[]
  close(): void
}

const open: { close(): void }[] = []
afterEach(() => {
  for (const one of open.splice(0)) one.close()
})

/** A member over real links: it knows `state`, and listens where it likes. */
async function start(index: number, state: MetaState, bootId = 10): Promise<Member> {
  const meta = new FakeMeta(state)
  const removals: string[] = []
  let announcer: Announcer | null = null
  const incarnation = disk(index)
  const options: Partial<PeersOptions> = {
    members: () => membersToLink(meta.state(), []),
    handlers: {
      message: (from, m) => {
        if (announcer?.receive(from, m) === true) return
        if (m[0] === stateKind) meta.catchUp(m[1] as MetaState)
      },
      up: () => undefined,
      down: () => undefined,
    },
  }
  const node = await startNode({ index, bootId, previousBoot: bootId - 1, incarnation }, options)
  const self = {
    index,
    address: `127.0.0.1:${node.peers.port}`,
    clientAddress: '',
    bootId,
    incarnation,
  }
  const others = () => meta.state().members.map((it) => it.index)
  const deps: AnnounceDeps = {
    self,
    meta,
    lead: () => leader,
    linked: () => others().filter((it) => it !== index && node.peers.isUp(it)),
    post: (to, m) => node.peers.post(to, m),
    onRemoved: () => void removals.push('removed'),
    timers: { ...realTimers, every: (_ms, task) => realTimers.every(10, task) },
    logger: node.seen.logger,
  }
  // Only the leader can carry anything out; the others would hand it to their leader.
  if (index !== leader) meta.failing = 'no-owner'
  meta.onChange(() => node.peers.refresh())
  announcer = new Announcer(deps)
  const spread = realTimers.every(10, () => {
    if (index !== leader) return
    for (const it of deps.linked()) node.peers.post(it, [stateKind, meta.state()])
  })
  const member: Member = {
    index,
    node,
    meta,
    announcer,
    removals,
    close: () => {
      announcer?.close()
      spread()
      node.close()
    },
  }
  open.push(member)
  return member
}

const addressOf = (state: MetaState, index: number) => state.members[index - 1]?.address
const placeOf = (member: Member) => `127.0.0.1:${member.node.peers.port}`

/** Three that know each other, each having announced itself. */
async function three(): Promise<[Member, Member, Member]> {
  const members = [
    await start(1, foundedBy(3)),
    await start(2, foundedBy(3)),
    await start(3, foundedBy(3)),
  ]
  const places = foundedBy(3)
  const state = {
    ...places,
    members: places.members.map((it, at) => ({ ...it, address: placeOf(members[at]!) })),
  }
  for (const { meta } of members) meta.catchUp(state)
  await until(
    () => members.every(({ meta }) => meta.state().members.every((it) => it.bootId === 10)),
    'everybody to know everybody',
  )
  return members as [Member, Member, Member]
}

test('boot id and disk become known; then it is quiet', async () => {
  const [one] = await three()
  expect(one.meta.state().members.map((it) => it.incarnation)).toEqual([1, 2, 3].map(disk))
  const state = one.meta.state()
  await new Promise((go) => setImmediate(go))
  expect(one.meta.state()).toBe(state)
})

test('a node that comes back on another port, where nobody can dial it, is found again', async () => {
  const [one, two, three_] = await three()
  const known = three_.meta.state()
  three_.close()
  await until(() => !one.node.peers.isUp(3) && !two.node.peers.isUp(3), 'it to be gone')
  const moved = await start(3, known, 20)
  expect(addressOf(known, 3)).not.toBe(placeOf(moved))
  await until(() => addressOf(two.meta.state(), 3) === placeOf(moved), 'the new address to spread')
  await until(() => one.node.peers.isUp(3) && two.node.peers.isUp(3), 'the others to dial it')
  await until(() => moved.meta.state().members[2]?.bootId === 20, 'it to hear that it is known')
})

test('a refusal is told, once, with what to do', async () => {
  const [one, , three_] = await three()
  const known = three_.meta.state()
  three_.close()
  // Somebody has taken the address that it comes back with.
  const moved = await start(3, known, 20)
  const taken = { ...one.meta.state() }
  const members = taken.members.map((it) =>
    it.index === 2 ? { ...it, address: placeOf(moved) } : it,
  )
  one.meta.catchUp({ ...taken, members })
  // Nothing can be posted to it: it only knows that nobody takes what it says.
  await until(() => moved.node.seen.lines.some((it) => it.includes('not taken')), 'a warning')
  const told = one.node.seen.lines.filter((it) => it.includes('address-taken'))
  expect(told).toHaveLength(1)
  expect(told[0]).toContain('Choose another')
})

test('who is removed is told by the committed state', async () => {
  const [one, , three_] = await three()
  await one.meta.submit({ kind: 'remove-member', index: 3, expect: 'active', force: true })
  three_.meta.catchUp(one.meta.state())
  expect(three_.removals).toEqual(['removed'])
})

test.for([
  [[53, 5, '', 1, 'a']],
  [[53, '127.0.0.1:1', 5, 1, 'a']],
  [[53, '127.0.0.1:1', '', -1, 'a']],
  [[53, '127.0.0.1:1', '', 1, '']],
  [[53]],
] as const)('%j is not taken', async ([message]) => {
  const [one] = await three()
  const before = one.meta.state()
  expect(one.announcer.receive(2, message as never)).toBe(true)
  await new Promise((go) => setImmediate(go))
  expect(one.meta.state()).toBe(before)
})
