import { describe, expect, test } from 'vitest'
import { changed } from '../../src/raft/confchange.ts'
import type { ConfState } from '../../src/raft/entry.ts'
import type { LedGroup, Order, PlacementView } from '../../src/meta/placement.ts'
import { liveMembers } from '../../src/meta/meta-state.ts'
import { seeded } from './seeded.ts'
import { ToyCluster } from './toy-cluster.ts'

const isMoving = (conf: { outgoing: readonly number[]; learners: readonly number[] }) =>
  conf.outgoing.length > 0 || conf.learners.length > 0

/** What must hold of every decision, whatever was reported. */
function check({ state, reports, limits }: PlacementView, orders: readonly Order[]): void {
  const leds = new Map<number, LedGroup & { by: number }>()
  const live = new Set(liveMembers(state).map((member) => member.index))
  for (const { node, leads } of reports.values()) {
    for (const led of live.has(node) ? leads : []) {
      if ((leds.get(led.group)?.term ?? 0) < led.term) leds.set(led.group, { ...led, by: node })
    }
  }
  const moving = [...leds.values()].filter((led) => led.group !== 0 && isMoving(led.conf))
  let count = moving.length
  const byNode = new Map<number, number>()
  const note = (nodes: readonly number[]) => {
    for (const node of nodes) byNode.set(node, (byNode.get(node) ?? 0) + 1)
  }
  for (const { conf } of moving) note(conf.learners)
  const before = new Map(byNode)
  for (const order of orders) {
    const led = leds.get(order.group)!
    if (order.kind === 'drop') {
      const { voters, outgoing, learners } = led.conf
      const members = [...voters, ...outgoing, ...learners]
      must(!members.includes(order.to), 'dropped by a member', order)
      const wished = state.table.partitions[order.group - 1]!.replicas
      must(!wished.includes(order.to), 'dropped where it is wished', order)
      continue
    }
    const isAsSeen = order.to === led.by && order.term === led.term && order.conf === led.conf
    must(isAsSeen, 'not what was reported', order)
    const context = new Uint8Array(0)
    const { conf } = changed(led.conf as ConfState, {
      transition: 'auto',
      steps: order.steps,
      context,
    })
    for (const half of [led.conf.voters, led.conf.outgoing, conf!.voters, conf!.outgoing]) {
      const up = half.filter(
        (node) =>
          node === led.by ||
          (reports.has(node) && led.members.find((it) => it.node === node)?.active === true),
      )
      must(up.length * 2 > half.length || half.length === 0, 'no living majority', order)
    }
    for (const { kind, id } of order.steps) {
      const member = led.members.find((it) => it.node === id)
      const isFit = member !== undefined && member.active && !member.snapshot
      const isBehind = (member?.match ?? 0) + limits.maxLagEntries < led.commit
      must(kind !== 'add-voter' || (isFit && !isBehind), 'promoted too early', order)
    }
    if (order.group === 0) continue
    const wished = state.table.partitions[order.group - 1]!.replicas.length
    const least = Math.min(wished, led.conf.voters.length)
    must(conf!.voters.length >= least, 'fewer voters than need be', order)
    note(conf!.learners.filter((node) => !led.conf.learners.includes(node)))
    if (!isMoving(led.conf) && isMoving(conf!)) {
      count++
      must(count <= limits.maxMoves, 'too many moves', order)
    }
  }
  for (const [node, now] of byNode) {
    const isWithin = now <= limits.maxMovesPerNode || now <= (before.get(node) ?? 0)
    must(isWithin, 'too many moves to a node', { node, now })
  }
}

/** Cheaper than an expectation, of which there would be millions. */
function must(holds: boolean, what: string, seen: object): void {
  if (!holds) throw new Error(`${what}: ${JSON.stringify(seen)}`)
}

function settle(cluster: ToyCluster, rounds: number): void {
  cluster.isQuiet = true
  for (const index of cluster.live()) cluster.nodes.get(index)!.isUp = true
  for (let i = 0; i < rounds; i++) {
    cluster.round()
    if (i % 25 === 24 && cluster.differences().length === 0) break
  }
  expect(cluster.differences()).toEqual([])
}

/** Something happens to the cluster. */
function disturb(cluster: ToyCluster, random: () => number): void {
  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)]
  const { members } = cluster.state
  const live = cluster.live()
  const down = live.filter((it) => !cluster.nodes.get(it)!.isUp)
  const dice = random()
  if (dice < 0.3) {
    const node = pick(live)!
    if (down.length < Math.ceil(live.length / 2)) cluster.nodes.get(node)!.isUp = false
  } else if (dice < 0.6) {
    const node = pick(down)
    if (node !== undefined) cluster.restart(node)
  } else if (dice < 0.7) {
    if (live.length < 7) cluster.join()
  } else if (dice < 0.78) {
    cluster.deposeMeta()
  } else if (dice < 0.86) {
    const index = pick(live)!
    cluster.submit({ kind: 'set-state', index, expect: 'active', state: 'draining' })
  } else if (dice < 0.9) {
    const index = pick(live)!
    cluster.submit({ kind: 'set-state', index, expect: 'draining', state: 'active' })
  } else {
    const index = pick(random() < 0.5 && down.length > 0 ? down : live)!
    const expectState = members.find((it) => it.index === index)!.state
    if (!cluster.canLose([index])) return
    const force = down.includes(index)
    cluster.submit({ kind: 'remove-member', index, expect: expectState, force })
  }
}

const blocks = [0, 1, 2, 3]
const seedsPerBlock = 50
/** A second or two; more on a machine that has others to serve, ms. */
const timeout = 60_000

describe('a cluster that is disturbed all the time', () => {
  test.each(blocks)(
    'endangers no group and comes to rest as the table says (%i)',
    { timeout },
    (block) => {
      let [copies, dropped] = [0, 0]
      for (let i = 1; i <= seedsPerBlock; i++) {
        const seed = block * seedsPerBlock + i
        try {
          const cluster = disturbed(seed)
          settle(cluster, 8_000)
          copies += cluster.copies
          dropped += cluster.dropped
        } catch (error) {
          throw new Error(`seed ${seed}`, { cause: error })
        }
      }
      expect(copies).toBeGreaterThan(5 * seedsPerBlock)
      expect(dropped).toBeGreaterThan(5 * seedsPerBlock)
    },
  )
})

function disturbed(seed: number): ToyCluster {
  const random = seeded(seed)
  const limits = {
    maxMoves: 1 + Math.floor(random() * 8),
    maxMovesPerNode: 1 + Math.floor(random() * 4),
    maxLagEntries: 20,
  }
  const cluster = new ToyCluster({
    nodes: 1 + Math.floor(random() * 5),
    partitions: [8, 8, 16, 8, 8, 8, 8, 8, 16, 8, 8, 32][seed % 12]!,
    replicationFactor: [3, 3, 3, 1, 2, 5][Math.floor(random() * 6)]!,
    zones: random() < 0.3 ? 3 : 0,
    limits,
    random,
    check,
  })
  for (let i = 0; i < 120; i++) {
    if (random() < 0.15) disturb(cluster, random)
    cluster.round(5)
  }
  return cluster
}
