import { afterEach, describe, expect, test } from 'vitest'
import { marks } from '../../src/assert.ts'
import { GroupLeaving } from '../../src/group/opening.ts'
import type { ConfChange } from '../../src/raft/confchange.ts'
import { message } from '../../src/raft/message.ts'
import { groupRange } from '../../src/store/keys.ts'
import type { Store } from '../../src/store/store.ts'
import { Cluster } from './cluster.ts'
import { crashAfter } from './crash-after.ts'
import { ListMachine } from './list-machine.ts'

let cluster: Cluster

afterEach(() => {
  cluster.stop()
  expect(cluster.fatal).toEqual([])
})

const steps = (...what: ConfChange['steps'][number][]): ConfChange => ({
  transition: 'auto',
  steps: what,
  context: new Uint8Array(0),
})

async function change(what: ConfChange): Promise<void> {
  let index = 0
  const taken = (): boolean => {
    const leader = cluster.leader()
    if (leader === null) return false
    const proposed = cluster.group(leader.id).proposeConfChange(what)
    if (proposed.error !== undefined) return false
    index = proposed.index
    return true
  }
  await cluster.time.until(taken, 'the change is taken')
  await cluster.applied(index)
}

/** Everything of a group, and of what is gathered or noted for it. */
async function leftovers(store: Store): Promise<number> {
  const rows = await store.range(groupRange(1))
  const notes = await store.range({ gte: Uint8Array.of(0xff, 0xf0), lt: Uint8Array.of(0xff, 0xff) })
  return rows.length + notes.length
}

/** A follower of a group with rows and a cut log; the others have removed it from the members. */
async function removedMember(): Promise<number> {
  cluster = await Cluster.start({ group: { compactEvery: 10 } })
  for (let n = 0; n < 30; n++) await cluster.write(`entry ${n}`)
  await cluster.time.advance(1_000)
  const { id: leader } = await cluster.elected()
  const id = leader === 3 ? 2 : 3
  await change(steps({ kind: 'remove', id }))
  return id
}

describe('removing a group', () => {
  test.each(['kill', 'power-loss'] as const)(
    'GROUP-13, GROUP-14: what a crash interrupts, the next start completes (%s)',
    async (after) => {
      const seen = new Set<string>()
      for (let at = 0; at <= 9; at++) {
        const id = await removedMember()
        const { host, log, store } = cluster.node(id)
        const before = log.group(1).initialState().hardState
        const last = log.group(1).lastIndex()
        const owed = { index: last, term: log.group(1).term(last) }
        crashAfter(store, at)
        void host.remove(1)
        await cluster.time.advance(100)
        const left = cluster.kill(id, after)
        const node = await cluster.boot(id, left, [])
        const here = node.log.group(1)
        if (here.isNew) {
          expect(await leftovers(node.store)).toBe(0)
          expect(here.initialState().hardState).toEqual({ ...before, commit: 0 })
          expect(here.owed).toEqual(owed)
          seen.add('gone')
        } else {
          // Nothing had begun: it is all there.
          const machine = await ListMachine.open(1, node.store)
          expect(await machine.texts()).toHaveLength(30)
          seen.add('there')
        }
        expect(cluster.fatal).toEqual([])
        cluster.stop()
      }
      expect([...seen]).toEqual(['there', 'gone'])
      expect(marks.get('group: a removal was completed at a start') ?? 0).toBeGreaterThan(3)
    },
  )

  test('GROUP-13: it is refused until it is gone, and then comes back empty, though it may be founded', async () => {
    const id = await removedMember()
    const { host, log } = cluster.node(id)
    const { term, vote } = log.group(1).initialState().hardState
    const removal = host.remove(1)
    expect([host.remove(1) === removal, host.removing(1) === removal]).toEqual([true, true])
    await expect(cluster.open(cluster.node(id), 1)).rejects.toThrow(GroupLeaving)
    await cluster.time.passWhile(removal)
    expect([host.removing(1), log.groups()]).toEqual([undefined, []])
    // With the founding members, as at the first start: it has been here, so they are not its own.
    const group = await cluster.open(cluster.node(id), 1, cluster.conf)
    expect(group.status()).toMatchObject({ term, vote, commit: 0, config: { voters: [] } })
    await cluster.time.advance(3_000)
    expect(group.status().config.voters).toEqual([])
    await change(steps({ kind: 'add-learner', id }))
    await change(steps({ kind: 'add-voter', id }))
    await cluster.write('it is back')
    expect(await cluster.machine(id).texts()).toHaveLength(31)
  })

  test('GROUP-13: a vote is not given twice in a term, whatever was removed between', async () => {
    const id = await removedMember()
    const node = cluster.node(id)
    const { term } = node.log.group(1).initialState().hardState
    await cluster.time.passWhile(node.host.remove(1))
    await cluster.open(node, 1, null)
    const before = cluster.frames.length
    const ask = { to: id, term, index: 999, logTerm: 999 }
    const { vote } = node.log.group(1).initialState().hardState
    const other = [1, 2, 3].find((from) => from !== id && from !== vote) as number
    expect(vote).not.toBe(0)
    node.host.receive(1, message('vote', { ...ask, from: other }), other)
    await cluster.time.advance(50)
    expect(node.log.group(1).initialState().hardState).toEqual({ term, vote, commit: 0 })
    // It owes what it had, so it does not even refuse.
    expect(cluster.frames.slice(before)).not.toContain(`${id}>${other} vote-response`)
  })

  test('GROUP-7: while a snapshot comes in, or its rows are being exchanged', async () => {
    const seen = new Set<boolean>()
    for (let at = 0; at < 12; at++) {
      cluster = await Cluster.start({ group: { compactEvery: 10 } })
      for (let n = 0; n < 5; n++) await cluster.write(`entry ${n}`)
      const { id: leader } = await cluster.elected()
      const id = leader === 3 ? 2 : 3
      const left = cluster.kill(id)
      for (let n = 5; n < 70; n++) await cluster.write(`entry ${n}`)
      await cluster.time.advance(2_000)
      const node = await cluster.boot(id, left)
      // The rows are exchanged step by step; the group goes at a different one each time.
      let calls = 0
      let removal: Promise<void> | null = null
      const write = node.store.write.bind(node.store)
      const sync = node.store.sync.bind(node.store)
      const step = (): void => {
        if (calls++ === at) removal ??= node.host.remove(1)
      }
      node.store.write = (ops) => (step(), write(ops))
      node.store.sync = () => (step(), sync())
      await cluster.time.until(() => removal !== null, 'it goes', 5_000).catch(() => {})
      if (removal !== null) {
        await cluster.time.passWhile(removal)
        seen.add(node.machines.get(1)?.told.some((told) => told.startsWith('restored')) === true)
        await cluster.time.advance(500)
        expect([await leftovers(node.store), node.log.groups()]).toEqual([0, []])
      }
      cluster.stop()
      expect(cluster.fatal).toEqual([])
    }
    expect(seen).toEqual(new Set([false, true]))
  })
})

describe('a member that was removed', () => {
  test('is quiet when it knows, and disturbs nobody when it does not', async () => {
    cluster = await Cluster.start({ nodes: 5 })
    await cluster.write('before')
    const { id: knows } = await cluster.elected()
    const deaf = knows === 1 ? 2 : 1
    // Nothing of the leader reaches it any more, but it can still ask the others.
    cluster.cut.add(`${knows}>${deaf}`)
    await remove(deaf, deaf)
    await remove(knows, deaf)
    await cluster.time.until(() => (cluster.leader()?.id ?? knows) !== knows, 'the next')
    const { id: leader } = await cluster.elected()
    await cluster.time.advance(1_000)
    const { term } = cluster.group(leader)
    const before = cluster.frames.length
    await cluster.time.advance(10_000)
    cluster.heal()
    await cluster.time.advance(10_000)
    const sent = cluster.frames.slice(before)
    // It answers whoever asks, and asks for nothing.
    expect(new Set(sent.filter((frame) => frame.startsWith(`${knows}>`)))).toEqual(
      new Set([`${knows}>${deaf} pre-vote-response`]),
    )
    expect(sent).toContain(`${deaf}>${leader} pre-vote`)
    expect([cluster.group(leader).term, cluster.leader()?.id]).toEqual([term, leader])
    expect(cluster.group(deaf).status().config.voters).toContain(deaf)
    // Nor when the leader goes, and it alone has waited for so long.
    cluster.kill(leader)
    await cluster.time.until(() => (cluster.leader()?.id ?? leader) !== leader, 'the third', 3_000)
    expect([knows, deaf, leader]).not.toContain(cluster.leader()?.id)
  })
})

/** Removes a member; `deaf` does not hear of it. */
async function remove(id: number, deaf: number): Promise<void> {
  const { id: leader } = await cluster.elected()
  const proposed = cluster.group(leader).proposeConfChange(steps({ kind: 'remove', id }))
  expect(proposed.error).toBeUndefined()
  expect(cluster.group(leader).confPending).toBe(true)
  expect(cluster.group(leader).proposeConfChange(steps({ kind: 'remove', id }))).toEqual({
    error: 'pending-conf-change',
  })
  const others = [1, 2, 3, 4, 5].filter((node) => node !== deaf)
  const isGone = (node: number): boolean => !cluster.group(node).status().config.voters.includes(id)
  await cluster.time.until(() => others.every(isGone), `${id} is removed`)
  await cluster.time.until(() => !cluster.group(leader).confPending, 'it is over')
  expect(cluster.group(deaf).proposeConfChange(steps({ kind: 'remove', id }))).toEqual({
    error: 'not-leader',
  })
}
