import type { NodeIndex } from '../ids/node-index.ts'
import { isBusy, isCaughtUp, isHealthy, isJoint, isMoving, steps } from './group-scene.ts'
import type { Led, Scene } from './group-scene.ts'
import type { ConfStep } from './node-report.ts'
import type { FirstConf } from './seed.ts'

/** What one partition should do next on its way to where the table wishes it. */
export interface Intent {
  /**
   * `add`: begin to copy to these nodes, as many of them as there is room for. `begin`: enter a
   * joint phase out of rest. `go on`: ends what is under way or changes one voter; never waits.
   */
  readonly kind: 'add' | 'begin' | 'go on'
  readonly steps: readonly ConfStep[]
}

/**
 * One step, or null: there is nothing to do, or nothing that can be done yet. In this order: end a
 * joint phase that does not end by itself; turn back learners that are no longer wished; add those
 * that are missing; when all wished ones that live have caught up, change the voters in one go.
 */
export function intentOf(scene: Scene, led: Led, wish: readonly NodeIndex[]): Intent | null {
  if (isBusy(scene, led)) return null
  const { conf } = led.group
  if (isSettled(conf, wish) || !isHealthy(scene, led, conf.voters)) return null
  if (isJoint(conf)) {
    // The old voters must agree to the end of their own rule.
    if (conf.autoLeave || !isHealthy(scene, led, conf.outgoing)) return null
    return { kind: 'go on', steps: [] }
  }
  const stray = conf.learners.filter((node) => !wish.includes(node))
  if (stray.length > 0) return { kind: 'go on', steps: steps('remove', stray) }
  const missing = wish.filter(
    (node) =>
      !conf.voters.includes(node) && !conf.learners.includes(node) && mayAdd(scene, led, node),
  )
  if (missing.length > 0) return { kind: 'add', steps: steps('add-learner', missing) }
  return voterChange(scene, led, wish)
}

/** Nearly all partitions nearly always. */
function isSettled(conf: FirstConf, wish: readonly NodeIndex[]): boolean {
  const { voters } = conf
  return !isMoving(conf) && voters.length === wish.length && wish.every((it) => voters.includes(it))
}

/**
 * A node is added only when it holds the group and has applied this table or a later one. A drop of
 * an earlier table that is still on its way is then refused there, so what the node acknowledges
 * from now on stays.
 */
function mayAdd({ state, reports }: Scene, { group }: Led, node: NodeIndex): boolean {
  const report = reports.get(node)
  if (report === undefined || report.tableVersion < state.table.version) return false
  return report.holds.includes(group.group)
}

function voterChange(scene: Scene, led: Led, wish: readonly NodeIndex[]): Intent | null {
  const { conf } = led.group
  const target = nextVoters(scene, led, wish)
  const added = target.filter((node) => !conf.voters.includes(node))
  const removed = conf.voters.filter((node) => !target.includes(node))
  const all = [...steps('add-voter', added), ...steps('remove', removed)]
  if (all.length === 0 || !isHealthy(scene, led, target)) return null
  // One voter more or less shares a majority with the voters before; more go through a joint phase.
  return { kind: all.length === 1 || isMoving(conf) ? 'go on' : 'begin', steps: all }
}

/**
 * The wished replicas that vote or are fit to, filled up with unwished ones to the wished number: a
 * lost voter is replaced, not just removed, since three voters of whom one is dead survive as much
 * as two. As long as a live newcomer is behind nobody is promoted, so that all go in one change; a
 * dead one holds up only itself.
 */
function nextVoters(scene: Scene, led: Led, wish: readonly NodeIndex[]): NodeIndex[] {
  const { conf } = led.group
  const kept = wish.filter((node) => conf.voters.includes(node))
  const living = wish.filter((node) => !conf.voters.includes(node) && scene.reports.has(node))
  const ready = living.filter((node) => isReady(scene, led, node))
  const target = [...kept, ...(ready.length === living.length ? ready : [])]
  const rest = conf.voters.filter((node) => !wish.includes(node))
  rest.sort((a, b) => worth(scene, led, b) - worth(scene, led, a) || a - b)
  target.push(...rest.slice(0, Math.max(wish.length - target.length, 0)))
  const self = led.by.node
  if (!target.includes(self) && awaitsHandover(scene, led, target, wish)) target.push(self)
  return target
}

function isReady(scene: Scene, led: Led, node: NodeIndex): boolean {
  return led.group.conf.learners.includes(node) && isCaughtUp(scene, led, node)
}

/** Of voters that are not wished any more, which stays longest: the leader, then who is alive. */
function worth(scene: Scene, led: Led, node: NodeIndex): number {
  if (node === led.by.node) return 2
  return scene.reports.has(node) ? 1 : 0
}

/**
 * A leader that is not wished stays one voter too many as long as the preferred owner votes, or is
 * about to, and is fit to take over: leadership is then handed over once, to where it belongs.
 * Otherwise it is removed like others, and hands over by itself when that is committed.
 */
function awaitsHandover(
  scene: Scene,
  led: Led,
  target: readonly NodeIndex[],
  wish: readonly NodeIndex[],
): boolean {
  const preferred = wish[0]
  if (preferred === undefined || !target.includes(preferred)) return false
  return isCaughtUp(scene, led, preferred)
}
