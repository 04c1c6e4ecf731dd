import { afterEach, describe, expect, test } from 'vitest'
import { marks } from '../../src/assert.ts'
import type { ConfChange } from '../../src/raft/confchange.ts'
import { Cluster } from './cluster.ts'
import { Truth } from './truth.ts'

/*
 * A group comes back to a node that had given it up, and its log goes through an old state there.
 * `missed` has slept through everything since and still counts that node among its voters:
 *
 *   lead   1 … 70 71 … 80 81 …        all that is committed
 *   missed 1 … 70                     its members: lead, missed, back
 *   other           the same as lead: it has taken the place of `back`
 *   back   1 … 60                     it had 80, gave the group up, and is refilled
 */
const [back, other] = [3, 4]
const stages = ['removed', 'open', 'old', 'asked'] as const
type Stage = (typeof stages)[number] | 'never'

let cluster: Cluster
let truth: Truth

afterEach(() => {
  cluster.stop()
  expect(cluster.fatal).toEqual([])
})

async function order(...steps: ConfChange['steps']): Promise<void> {
  const transition = steps.length > 1 ? 'joint-implicit' : 'auto'
  const what: ConfChange = { transition, steps, context: new Uint8Array(0) }
  const lead = (await cluster.elected()).id
  const isTaken = (): boolean => cluster.group(lead).proposeConfChange(what).error === undefined
  await cluster.time.until(isTaken, 'the change is taken')
  await cluster.time.until(() => !cluster.group(lead).confPending, 'it is over')
}

async function open(id: number): Promise<void> {
  await cluster.open(cluster.node(id), 1, null)
  truth.watch(cluster.node(id))
}

/** Until `id` has applied what the leader has. */
async function level(lead: number, id: number): Promise<void> {
  const isLevel = (): boolean => cluster.group(id).appliedIndex === cluster.group(lead).appliedIndex
  await cluster.time.until(isLevel, `${id} is level`)
}

/** `lost`: of the records that its log had acknowledged. */
async function crash(id: number, lost = 0): Promise<void> {
  await cluster.boot(id, cluster.kill(id, 'power-loss', 0, lost), [])
  await open(id)
}

/** The group has left `back`, and `missed` does not know. A snapshot of `before` entries is still on its way there. */
async function left(before: number): Promise<{ lead: number; missed: number; late: () => void }> {
  cluster = await Cluster.start({
    nodes: 4,
    voters: [1, 2],
    group: { maxSizePerMsg: 64 },
    losable: 1_000,
  })
  truth = new Truth()
  for (const node of cluster.nodes.values()) truth.watch(node)
  for (const id of [back, other]) await cluster.time.passWhile(cluster.node(id).host.remove(1))
  const { id: lead } = await cluster.elected()
  const missed = 3 - lead
  for (let n = 0; n < before; n++) await cluster.write(`early ${n}`)
  await open(back)
  cluster.lateTo = back
  await order({ kind: 'add-learner', id: back })
  await cluster.time.until(() => cluster.late.length > 0, 'a snapshot is on its way')
  const late = cluster.late[0] as () => Promise<void>
  cluster.lateTo = null
  await level(lead, back)
  await order({ kind: 'add-voter', id: back })
  for (let n = before; n < 60; n++) await cluster.write(`early ${n}`)
  await cluster.time.advance(200)
  for (const id of [lead, other]) cluster.cut.add(`${id}>${missed}`).add(`${missed}>${id}`)
  const { term } = cluster.group(lead)
  for (let n = 0; n < 10; n++) cluster.group(lead).propose(Buffer.from(`acknowledged ${n}`), term)
  await cluster.time.advance(200)
  await level(lead, back)
  await open(other)
  await order({ kind: 'add-learner', id: other })
  await level(lead, other)
  await order({ kind: 'add-voter', id: other }, { kind: 'remove', id: back })
  await level(lead, other)
  return { lead, missed, late: () => void late() }
}

async function comesBack(before: number, entriesTo: number, at: Stage, lost = 0): Promise<void> {
  const { lead, missed, late } = await left(before)
  const end = cluster.group(missed).log.lastIndex()
  const { log } = cluster.group(back)
  const owed = { index: log.lastIndex(), term: log.term(log.lastIndex()) }
  expect(owed.index).toBeGreaterThan(end + 10)
  await cluster.time.passWhile(cluster.node(back).host.remove(1))
  await open(back)
  if (at === 'removed') await crash(back)
  cluster.lateTo = back
  cluster.isLost = (from, to, { entries }) =>
    from !== missed && to === back && (entries.at(-1)?.index ?? 0) > entriesTo
  await order({ kind: 'add-learner', id: back })
  if (at === 'open') await crash(back)
  late()
  const refilled = (): number => cluster.group(back).log.lastIndex()
  await cluster.time.until(() => refilled() >= entriesTo - 5 && refilled() > 0, 'it is old')
  for (const id of [lead, other]) cluster.cut.add(`${id}>${back}`).add(`${back}>${id}`)
  await cluster.time.advance(200)
  expect(refilled()).toBeLessThan(end)
  if (at === 'old') await crash(back, lost)
  const { voters } = cluster.group(back).status().config
  if (lost === 0) expect(voters).toContain(missed)
  const asked = cluster.frames.length
  for (let turn = 0; turn < 60; turn++) {
    await cluster.time.advance(50)
    truth.look(cluster.nodes.values())
    if (at === 'asked' && turn === 30) await crash(back)
  }
  expect(cluster.frames.slice(asked)).toContain(`${missed}>${back} pre-vote`)
  expect(cluster.group(missed).term).toBe(cluster.group(lead).term)
  expect(cluster.group(back).isMuted).toBe(true)
  if (lost === 0) expect(cluster.group(back).log.owed).toEqual(owed)
  await refill(lead)
}

/** The links are whole again: it gets the rest, and votes. */
async function refill(lead: number): Promise<void> {
  cluster.heal()
  cluster.lateTo = null
  cluster.isLost = () => false
  await cluster.time.until(() => !cluster.group(back).isMuted, 'it votes again')
  await cluster.write('after')
  const wanted = truth.list(1)
  expect(wanted).toHaveLength(71)
  for (const id of cluster.nodes.keys()) expect(await cluster.machine(id).texts()).toEqual(wanted)
  expect(cluster.group(back).log.owed).toBeNull()
  // And its vote is needed: of the four, one is gone and one is cut off.
  await order({ kind: 'add-voter', id: back })
  await crash(back)
  expect(cluster.group(back).isMuted).toBe(false)
  cluster.kill(lead)
  await cluster.write('with its vote')
}

describe('GROUP-14: a group that comes back to a node', () => {
  test.each(['never', ...stages] as const)(
    'an old snapshot makes it nobody’s voter (a crash: %s)',
    (at) => comesBack(56, 0, at),
  )
  test.each(['never', ...stages] as const)('nor do old entries behind one (a crash: %s)', (at) =>
    comesBack(3, 40, at),
  )

  test.each([1, 3, 10, 30, 100, 1_000])(
    'nor does a log that has lost its end, and the removal with it (%i records)',
    (lost) => comesBack(3, 40, 'old', lost),
  )

  test('it does not take the lead over before it is where it was', async () => {
    const { lead } = await left(3)
    await cluster.time.passWhile(cluster.node(back).host.remove(1))
    await open(back)
    cluster.isLost = (_, to, { kind, commit }) =>
      to === back && kind !== 'timeout-now' && commit > 40
    await order({ kind: 'add-learner', id: back })
    expect(cluster.group(back).isMuted).toBe(true)
    const before = cluster.frames.length
    cluster.group(back).campaign()
    await cluster.time.advance(3_000)
    const asks = new RegExp(`^${back}>. (pre-vote|vote)`)
    expect(cluster.frames.slice(before).filter((frame) => asks.test(frame))).toEqual([])
    expect(cluster.group(lead).isLeader).toBe(true)
  })

  test('a snapshot from before a change of members is not offered behind it', async () => {
    cluster = await Cluster.start({ nodes: 4, voters: [1, 2] })
    for (const id of [back, other]) await cluster.time.passWhile(cluster.node(id).host.remove(1))
    for (let n = 0; n < 20; n++) await cluster.write(`entry ${n}`)
    const { id: lead } = await cluster.elected()
    await cluster.open(cluster.node(other), 1, null)
    cluster.stuckTo = other
    await order({ kind: 'add-learner', id: other })
    await cluster.time.until(() => cluster.bulksOpened > 0, 'a snapshot is on its way')
    // The offer is in use, and could be given to the next one as well.
    await cluster.open(cluster.node(back), 1, null)
    await order({ kind: 'add-learner', id: back })
    const change = cluster.group(lead).log.snapshotFrom
    const told = (): string[] => cluster.machine(back).told
    await cluster.time.until(() => told().some((what) => what.startsWith('restored')), 'it is here')
    expect(told().find((what) => what.startsWith('restored'))).toBe(`restored ${change}`)
    expect(marks.get('group: a snapshot of members of the past was thrown away')).toBeGreaterThan(0)
    cluster.stuckTo = null
    await cluster.boot(other, cluster.kill(other))
    await cluster.write('for all')
  })
})
