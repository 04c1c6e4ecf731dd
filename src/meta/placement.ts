import type { GroupId } from '../ids/group-id.ts'
import { metaGroup } from '../ids/group-id.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import { assign } from '../ring/assignment.ts'
import { placed } from '../ring/table.ts'
import type { Table } from '../ring/table.ts'
import type { MetaCommand } from './command.ts'
import { confMembers, isBusy, isCaughtUp, isCommitHeld, isMoving, sceneOf } from './group-scene.ts'
import type { Led, PlacementView, Scene } from './group-scene.ts'
import { metaSteps } from './meta-voters.ts'
import { liveMembers } from './meta-state.ts'
import type { MetaState } from './meta-state.ts'
import { MoveBudget } from './move-budget.ts'
import type { ConfStep, DropOrder, Order } from './node-report.ts'
import { intentOf } from './partition-move.ts'
import type { Intent } from './partition-move.ts'

export { defaultPlacementLimits } from './node-report.ts'
export type { PlacementView } from './group-scene.ts'
export type {
  ChangeOrder,
  DropOrder,
  LedGroup,
  LedMember,
  NodeReport,
  Order,
  PlacementLimits,
} from './node-report.ts'

export interface Decision {
  readonly commands: readonly MetaCommand[]
  readonly orders: readonly Order[]
}

/**
 * What the leader of the meta group should ask for, seen what it sees: pure, without memory, so that
 * the next leader goes on where this one stopped. Whatever is asked twice, late or not at all does
 * no harm: each order and command names what must still hold when it is carried out, and the same
 * view gives the same decision again. `wished` is wishedTable(state), when the caller has kept it.
 */
export function decide(view: PlacementView, wished: Table = wishedTable(view.state)): Decision {
  const scene = sceneOf(view)
  return {
    commands: [...promotions(scene), ...newTables(view.state, wished)],
    orders: [...metaChanges(scene), ...moves(scene), ...drops(scene)],
  }
}

/**
 * Where partitions should be, given the members: active ones hold, draining ones cease to, joining
 * and removed ones are not there. The table in force itself when it says so already. Takes up to
 * half a second for the largest clusters: worth keeping for as long as the state is the same.
 */
export function wishedTable(state: MetaState): Table {
  const { partitions, replicationFactor, vnodes, table: previous } = state
  const able = liveMembers(state).filter((member) => member.state !== 'joining')
  if (!able.some((member) => member.state === 'active')) return previous
  const members = able.map(({ index, zone, state: is }) => {
    return { index, zone, weight: is === 'active' ? 1 : 0 }
  })
  return assign({ members, partitions, replicationFactor, vnodes, previous })
}

/** A joiner that follows the meta group may hold something. One at a time: each changes the table. */
function promotions(scene: Scene): MetaCommand[] {
  const meta = scene.leaders.get(metaGroup)
  if (meta === undefined) return []
  const { learners, voters } = meta.group.conf
  const ready = scene.state.members.find(({ index, state }) => {
    const version = scene.reports.get(index)?.tableVersion ?? 0
    const isMember = learners.includes(index) || voters.includes(index)
    const isAware = version >= scene.state.table.version
    return state === 'joining' && isMember && isAware && isCaughtUp(scene, meta, index)
  })
  if (ready === undefined) return []
  return [{ kind: 'set-state', index: ready.index, expect: 'joining', state: 'active' }]
}

function newTables(state: MetaState, wished: Table): MetaCommand[] {
  const base = state.table.version
  return wished === state.table ? [] : [{ kind: 'set-table', base, table: wished }]
}

function metaChanges(scene: Scene): Order[] {
  const led = scene.leaders.get(metaGroup)
  const steps = led === undefined ? null : metaSteps(scene, led)
  return led === undefined || steps === null ? [] : [change(scene, led, steps)]
}

/** What is under way goes first and always; then what loses least by waiting waits. */
function moves(scene: Scene): Order[] {
  const intents: Wanted[] = []
  const budget = new MoveBudget(scene.limits)
  for (const led of ofPartitions(scene)) {
    const { group, conf } = led.group
    if (isMoving(conf)) budget.moves(conf.learners)
    const intent = intentOf(scene, led, placed(scene.state.table, group).replicas)
    if (intent !== null) intents.push({ led, intent })
  }
  intents.sort(
    (a, b) => urgency(scene, a) - urgency(scene, b) || a.led.group.group - b.led.group.group,
  )
  const orders: Order[] = []
  let waiting = 0
  for (const { led, intent } of intents) {
    const steps = granted(budget, led, intent)
    if (steps !== null) orders.push(change(scene, led, steps))
    else if (budget.isSpent) waiting++
  }
  return [...orders, ...turnBacks(scene, waiting, orders)]
}

interface Wanted {
  readonly led: Led
  readonly intent: Intent
}

/** What moves already; then by how many losses its living voters survive; then the rest. */
function urgency(scene: Scene, { led, intent }: Wanted): number {
  const { conf } = led.group
  if (intent.kind === 'go on' || isMoving(conf)) return -conf.voters.length
  const living = conf.voters.filter((node) => scene.reports.has(node)).length
  return living - (Math.floor(conf.voters.length / 2) + 1)
}

function granted(budget: MoveBudget, led: Led, intent: Intent): readonly ConfStep[] | null {
  if (intent.kind === 'go on') return intent.steps
  if (!isMoving(led.group.conf) && budget.isSpent) return null
  const steps =
    intent.kind === 'begin' ? intent.steps : intent.steps.filter(({ id }) => budget.hasRoom(id))
  if (steps.length === 0) return null
  const learners = steps.filter((step) => step.kind === 'add-learner').map((step) => step.id)
  if (isMoving(led.group.conf)) budget.joins(learners)
  else budget.moves(learners)
  return steps
}

/** Nodes that died while they caught up would hold up all others: they give their places back. */
function turnBacks(scene: Scene, waiting: number, orders: readonly Order[]): Order[] {
  const turned: Order[] = []
  const ordered = new Set(orders.map((order) => order.group))
  for (const led of ofPartitions(scene)) {
    if (turned.length >= waiting) break
    const { group, conf } = led.group
    const isStuck = conf.learners.length > 0 && !conf.learners.some((it) => scene.reports.has(it))
    if (!isStuck || ordered.has(group) || conf.outgoing.length > 0 || isBusy(scene, led)) continue
    turned.push(
      change(
        scene,
        led,
        conf.learners.map((id) => ({ kind: 'remove', id })),
      ),
    )
  }
  return turned
}

/**
 * What a node holds and should not. Its group's leader must have applied this table, so that an
 * older order to add the node comes too late there, and must be at rest without it, with all that is
 * committed on a majority of those who stay, and a majority that knows of the change: after the loss
 * of the leader nobody needs the vote of the node any more, which it does not give.
 */
function drops(scene: Scene): DropOrder[] {
  const { version } = scene.state.table
  const orders: DropOrder[] = []
  for (const { node, tableVersion, holds } of scene.reports.values()) {
    if (tableVersion !== version) continue
    const mayGo = holds.toSorted((a, b) => a - b).filter((group) => isForeign(scene, node, group))
    for (const group of mayGo.slice(0, scene.limits.maxMovesPerNode)) {
      const { term, commit } = scene.leaders.get(group)!.group
      orders.push({ kind: 'drop', to: node, group, term, commit, tableVersion })
    }
  }
  return orders
}

function isForeign(scene: Scene, node: NodeIndex, group: GroupId): boolean {
  const { table } = scene.state
  if (group === metaGroup || group > table.partitions.length) return false
  if (placed(table, group).replicas.includes(node)) return false
  const led = scene.leaders.get(group)
  if (led === undefined || isBusy(scene, led) || isMoving(led.group.conf)) return false
  return !confMembers(led.group.conf).has(node) && isCommitHeld(led) && led.group.sealed
}

function change(scene: Scene, led: Led, steps: readonly ConfStep[]): Order {
  const { group, term, conf } = led.group
  const tableVersion = scene.state.table.version
  return { kind: 'change', to: led.by.node, group, term, conf, tableVersion, steps }
}

/** The partitions of the table whose leader is known, ascending. */
function ofPartitions(scene: Scene): Led[] {
  const leds = scene.state.table.partitions.map((_, at) => scene.leaders.get(at + 1))
  return leds.filter((led) => led !== undefined)
}
