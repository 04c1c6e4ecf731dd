import { afterEach, expect, test } from 'vitest'
import { clearStaging, stagingMarks } from '../../src/group/staged-rows.ts'
import { finishInstalls, markStaged, stage, swapIn } from '../../src/group/staging.ts'
import { groupRange } from '../../src/store/keys.ts'
import type { MemoryStore } from '../../src/store/memory-store.ts'
import type { Pair } from '../../src/store/store.ts'
import { Cluster } from './cluster.ts'
import { catchUp, leaveBehind } from './left-behind.ts'

let cluster: Cluster
const start = async (): Promise<Cluster> =>
  (cluster = await Cluster.start({ group: { compactEvery: 10 } }))

afterEach(() => {
  cluster.stop()
  expect(cluster.fatal).toEqual([])
})

/** It was deaf for so long that the others have cut what it needs, and is sent a snapshot once more. */
async function sendAgain(id: number): Promise<void> {
  const leader = cluster.group((await cluster.elected()).id)
  cluster.isLost = (_, to) => to === id
  for (let n = 100; n < 200; n++) {
    leader.propose(Buffer.from(`meanwhile ${n}`), leader.term)
    await cluster.time.advance(10)
  }
  await cluster.time.advance(2_000)
  const before = cluster.bulksOpened
  cluster.isLost = () => false
  await cluster.time.until(() => cluster.bulksOpened > before, 'a second snapshot')
}

/**
 * The mark of the first exchange goes, and what is synced next is held until it may go on, or until
 * rows of the next snapshot come in: the worst moment.
 */
function holdAfterMark(store: MemoryStore): { goOn(): void } {
  let goOn = (): void => {}
  const gate = new Promise<void>((resolve) => (goOn = resolve))
  const [write, sync] = [store.write.bind(store), store.sync.bind(store)]
  const isOf = (prefix: number, key: Uint8Array): boolean => key[0] === 0xff && key[1] === prefix
  let isGone = false
  let isHeld = false
  store.write = async (ops) => {
    await write(ops)
    if (ops.some(({ key, value }) => isOf(0xfe, key) && value === null)) isGone = true
    if (!isHeld || !ops.some(({ key }) => isOf(0xfd, key))) return
    goOn()
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  }
  store.sync = async () => {
    const isFirst = isGone && !isHeld
    isHeld ||= isGone
    if (isFirst) await gate
    await sync()
  }
  return { goOn }
}

test('its rows stay when those of the one before are cleared late', async () => {
  await start()
  const { id, left } = await leaveBehind(cluster)
  const { store } = await cluster.boot(id, left)
  const clearing = holdAfterMark(store)
  await catchUp(cluster, id)
  await sendAgain(id)
  await cluster.time.advance(50)
  clearing.goOn()
  await catchUp(cluster, id)
  const { told } = cluster.machine(id)
  expect(told.filter((what) => what.startsWith('restored'))).toHaveLength(2)
})

test('its mark stays when the log takes the one before late', async () => {
  await start()
  const { id, left } = await leaveBehind(cluster)
  const { store } = await cluster.boot(id, left)
  const group = cluster.group(id)
  const installed = group.installed.bind(group)
  const taken: (() => void)[] = []
  group.installed = (index, stored) => installed(index, () => taken.push(stored))
  await catchUp(cluster, id)
  await sendAgain(id)
  await cluster.time.until(() => taken.length === 2, 'the log took both')
  const marksAfter = async (stored: (() => void) | undefined): Promise<number> => {
    stored?.()
    await cluster.time.advance(10)
    return (await store.range(stagingMarks)).length
  }
  expect(await marksAfter(taken[0])).toBe(1)
  expect(await marksAfter(taken[1])).toBe(0)
})

test('a crash while its rows are gathered leaves the rows of the one before', async () => {
  await start()
  const { log, store } = cluster.kill(1)
  const row = (key: number, value: number): Pair => [Buffer.from([0, 9, key]), Uint8Array.of(value)]
  const rows = [row(1, 1), row(2, 1), row(3, 1)]
  const meta = { index: 7, term: 1, conf: cluster.conf }
  await stage(store, 9, rows)
  await markStaged(store, 9, meta)
  await swapIn(store, 9, meta)
  // The log does not know yet, and the leader sends anew.
  await clearStaging(store, 9)
  await stage(store, 9, [row(1, 2)])
  const after = store.reopened('kill')
  await cluster.time.passWhile(finishInstalls(log, after))
  expect(await after.range(groupRange(9))).toEqual(rows)
  expect(await after.range(stagingMarks)).toEqual([])
  expect(log.group(9).lastIndex()).toBe(7)
})
