import { afterEach, describe, expect, test } from 'vitest'
import { marks } from '../../src/assert.ts'
import type { ConfChange } from '../../src/raft/confchange.ts'
import type { ConfState } from '../../src/raft/entry.ts'
import { Cluster } from './cluster.ts'
import type { Node } from './cluster.ts'
import { crashAfter } from './crash-after.ts'
import { Truth } from './truth.ts'
import { seeded } from './virtual-time.ts'

/*
 * A group moves from {1, 2, 3} to {1, 2, 4}, back, and so on, as placement does it: the newcomer
 * opens the group without members, is added as a learner, catches up, takes the place of the old
 * member in one joint change, and the old one forgets the group. Whoever matters crashes or is cut
 * off meanwhile; and somebody who hears of none of it but what 3 tells it asks 3 for its vote, while
 * snapshots of former times arrive there.
 */
type Random = ReturnType<typeof seeded>

const group = 1
let cluster: Cluster
let truth: Truth
/** Linked to 3 alone, as long as it does not lead. */
let missed = 0
/** Nobody crashes or is cut off but that one: terms last, and so do promises of them. */
let isCalm = false

afterEach(() => {
  cluster.stop()
  expect(cluster.fatal).toEqual([])
})

async function start(seed: number, more: object = {}): Promise<void> {
  cluster = await Cluster.start({ nodes: 4, voters: [1, 2, 3], seed, ...more })
  truth = new Truth()
  for (const node of cluster.nodes.values()) truth.watch(node)
}

/** What the placement driver knows: the members as their leader sees them. */
function leading(): { node: Node; conf: ConfState; caughtUp: (id: number) => boolean } | null {
  const leaders = cluster.up.filter(({ host }) => host.get(group)?.isLeader === true)
  const [node] = leaders.sort((a, b) => cluster.group(b.id).term - cluster.group(a.id).term)
  if (node === undefined) return null
  const { config, progress, commit } = cluster.group(node.id).status()
  const caughtUp = (id: number): boolean => (progress[id]?.match ?? 0) + 5 >= commit
  return { node, conf: config, caughtUp }
}

/** One look, and the next order if one is due. True: the group is where it should be. */
function drive(from: number, to: number): boolean {
  const seen = leading()
  if (seen === null || seen.conf.outgoing.length > 0) return false
  const { node, conf, caughtUp } = seen
  const isIn = conf.voters.includes(to)
  if (isIn && !conf.voters.includes(from) && !conf.learners.includes(from)) return true
  const order = (transition: ConfChange['transition'], ...steps: ConfChange['steps']) =>
    cluster.group(node.id).proposeConfChange({ transition, steps, context: new Uint8Array(0) })
  if (!isIn && !conf.learners.includes(to)) order('auto', { kind: 'add-learner', id: to })
  else if (!isIn && caughtUp(to)) {
    order('joint-implicit', { kind: 'add-voter', id: to }, { kind: 'remove', id: from })
  }
  return false
}

function heal(): void {
  cluster.heal()
  if (leading()?.node.id === missed) missed = 0
  for (const id of [1, 2, 4]) {
    if (missed !== 0 && id !== missed) cluster.cut.add(`${id}>${missed}`).add(`${missed}>${id}`)
  }
}

/** Streams break for their senders, and arrive all the same: much later, or not at all. */
function delay(random: Random, from: number, to: number): void {
  if (random.below(12) === 0) cluster.lateTo = [from, to][random.below(2)] as number
  else if (random.below(8) === 0) cluster.lateTo = null
}

async function arrive(random: Random): Promise<void> {
  const late = cluster.late[random.below(cluster.late.length)]
  // Refused more often than not, and that is for the sender.
  if (late !== undefined) await cluster.time.passWhile(late().catch(() => {}))
}

function write(seed: number, count: number): void {
  const leader = leading()?.node
  if (leader === undefined) return
  const at = cluster.group(leader.id)
  for (let n = 0; n < count; n++) at.propose(Buffer.from(`${seed}.${n}`), at.term)
}

async function crash(random: Random, id: number): Promise<void> {
  const node = cluster.nodes.get(id)
  if (node === undefined) return
  const isOpen = node.host.get(group) !== undefined
  if (random.below(2) === 0) {
    // In the middle of whatever it is doing with its rows.
    crashAfter(node.store, random.below(8))
    await cluster.time.advance(random.below(150))
  }
  const after = random.below(2) === 0 ? 'kill' : 'power-loss'
  const left = cluster.kill(id, after, random.below(4))
  if (random.below(2) === 0) await cluster.linkDown(id)
  await cluster.time.advance(random.below(random.below(3) === 0 ? 900 : 60))
  // What it has on its disk it opens; what was being removed is gone.
  const again = await cluster.boot(id, left, [])
  if (isOpen || !again.log.group(group).isNew) await open(again)
}

async function open(node: Node): Promise<void> {
  // As a founder does whose seed still names it: that must not matter.
  await cluster.open(node, group, cluster.conf)
  truth.watch(node)
}

async function move(random: Random, seed: number, from: number, to: number): Promise<void> {
  const crashes = isCalm ? 0 : 1 + random.below(3)
  const at = Array.from({ length: crashes }, () => random.below(random.below(2) === 0 ? 8 : 60))
  if (cluster.node(to).host.get(group) === undefined) await open(cluster.node(to))
  if (random.below(2) === 0) cluster.lateTo = to
  let turn = 0
  const isMoved = async (): Promise<boolean> => {
    for (; turn < 2_000; turn++) {
      if (at.includes(turn)) {
        const lead = leading()?.node.id ?? 1
        await crash(random, [lead, from, to][random.below(3)] as number)
      }
      delay(random, from, to)
      if (random.below(20) === 0) await arrive(random)
      // It may have heard of the move, and the new members need it.
      if (turn === 300) missed = 0
      if (random.below(12) === 0) heal()
      else if (!isCalm && random.below(25) === 0) cluster.isolate(1 + random.below(4))
      if (turn < 80) write(seed, 1 + random.below(4))
      if (drive(from, to)) return true
      await cluster.time.advance(random.below(25))
      truth.look(cluster.nodes.values())
    }
    return false
  }
  expect(await isMoved()).toBe(true)
  cluster.lateTo = null
  await forget(random, from)
  // Whoever missed the removal may ask it for a vote.
  if (random.below(3) > 0) {
    await open(cluster.node(from))
    if (random.below(3) > 0) await arrive(random)
  }
  await cluster.time.advance(random.below(missed === 0 ? 2_000 : 5_000))
  truth.look(cluster.nodes.values())
}

/** The order to forget comes some time later; a crash in the middle is not the end of it. */
async function forget(random: Random, id: number): Promise<void> {
  await cluster.time.advance(random.below(500))
  const { host } = cluster.node(id)
  const removal = host.remove(group)
  if (random.below(2) === 0) {
    await cluster.time.passWhile(removal)
    return
  }
  await cluster.time.advance(random.below(4))
  const left = cluster.kill(id, random.below(2) === 0 ? 'kill' : 'power-loss', random.below(2))
  const node = await cluster.boot(id, left, [])
  if (!node.log.group(group).isNew) await cluster.time.passWhile(node.host.remove(group))
  expect(node.log.groups()).toEqual([])
}

async function run(seed: number): Promise<number> {
  const random = seeded(seed)
  const compactEvery = [10, 60, 1_000][random.below(3)] as number
  const syncMs = [0, 2, 10][random.below(3)] as number
  await start(seed, { syncMs, group: { compactEvery } })
  await cluster.time.passWhile(cluster.node(4).host.remove(group))
  await cluster.elected()
  write(seed, 40)
  isCalm = random.below(2) === 0
  missed = 0
  const moves = 1 + random.below(3)
  const missesFrom = random.below(2) === 0 ? moves - 1 : random.below(4)
  for (let n = 0; n < moves; n++) {
    const [from, to] = n % 2 === 0 ? [3, 4] : [4, 3]
    if (n === missesFrom) {
      missed = 1 + random.below(2)
      heal()
    }
    await move(random, seed + n / 10, from as number, to as number)
  }
  missed = 0
  heal()
  // Until whoever leads knows the members of today.
  await cluster.time.advance(3_000)
  for (const { id, host } of cluster.up) {
    if (leading()?.conf.voters.includes(id) !== true)
      await cluster.time.passWhile(host.remove(group))
  }
  await cluster.write('the last')
  const wanted = truth.list(group)
  const { conf } = leading() ?? {}
  for (const id of conf?.voters ?? []) expect(await cluster.machine(id).texts()).toEqual(wanted)
  expect(conf?.voters).toHaveLength(3)
  expect(cluster.fatal).toEqual([])
  return wanted.length
}

describe('a group moves under load', () => {
  test('from the first entry to the last, without a crash', async () => {
    await start(1, { group: { compactEvery: 10 } })
    await cluster.time.passWhile(cluster.node(4).host.remove(group))
    await cluster.elected()
    for (let n = 0; n < 50; n++) await cluster.write(`entry ${n}`)
    await cluster.time.advance(1_000)
    await open(cluster.node(4))
    await cluster.time.until(() => drive(3, 4), 'it is moved')
    expect(cluster.bulksOpened).toBeGreaterThan(0)
    await cluster.time.passWhile(cluster.node(3).host.remove(group))
    await cluster.write('on the new members')
    for (const id of [1, 2, 4]) expect(await cluster.machine(id).texts()).toEqual(truth.list(group))
    // And back again: the member that left is a newcomer like any other.
    await open(cluster.node(3))
    await cluster.time.until(() => drive(4, 3), 'it is back')
    await cluster.time.passWhile(cluster.node(4).host.remove(group))
    await cluster.write('on the old members')
    for (const id of [1, 2, 3]) expect(await cluster.machine(id).texts()).toEqual(truth.list(group))
  })

  test('who missed the removal gets no vote of who was removed, and came back with nothing', async () => {
    await start(2)
    await cluster.time.passWhile(cluster.node(4).host.remove(group))
    const { id: leader } = await cluster.elected()
    const [missed = 0, from = 0] = [1, 2, 3].filter((id) => id !== leader)
    await cluster.write('before')
    await open(cluster.node(4))
    for (const other of [leader, 4]) {
      cluster.cut.add(`${missed}>${other}`)
      cluster.cut.add(`${other}>${missed}`)
    }
    await cluster.time.until(() => drive(from, 4), 'it is moved')
    write(2, 5)
    await cluster.time.passWhile(cluster.node(from).host.remove(group))
    await open(cluster.node(from))
    // To the one that missed it, those two are the majority.
    await cluster.time.advance(5_000)
    write(2, 5)
    await cluster.time.advance(500)
    truth.look(cluster.nodes.values())
    expect(leading()?.node.id).toBe(leader)
    cluster.heal()
    await cluster.time.passWhile(cluster.node(from).host.remove(group))
    await cluster.write('after')
    for (const id of [leader, missed, 4]) {
      expect(await cluster.machine(id).texts()).toEqual(truth.list(group))
    }
  })

  const chunk = 15
  test.each([0, 1, 2, 3, 4, 5, 6, 7])('seeds, no. %i: nothing is lost', async (n) => {
    let written = 0
    for (let seed = n * chunk + 1; seed <= (n + 1) * chunk; seed++) {
      if (seed > n * chunk + 1) cluster.stop()
      written += await run(seed)
    }
    expect(written).toBeGreaterThan(40 * chunk)
  })

  test.each([203, 406])('GROUP-14: an old state is asked for its vote, seed %i', async (seed) => {
    expect(await run(seed)).toBeGreaterThan(40)
  })

  test('the campaign met what it is about', () => {
    for (const mark of [
      'group: a removal was completed at a start',
      'group: the exchange of rows was completed at a start',
      'group: one that was removed is back',
    ]) {
      expect(marks.get(mark) ?? 0, mark).toBeGreaterThan(0)
    }
  })
})
