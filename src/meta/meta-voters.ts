import type { NodeIndex } from '../ids/node-index.ts'
import { confMembers, isBusy, isCaughtUp, isHealthy, isJoint, steps } from './group-scene.ts'
import type { Led, Scene } from './group-scene.ts'
import { liveMembers } from './meta-state.ts'
import type { Member } from './meta-state.ts'
import type { ConfStep } from './node-report.ts'
import { maxMetaVoters, metaVoterCount } from './seed.ts'

/** The next change of the meta group's own members: voters, and all other members as learners. */
export function metaSteps(scene: Scene, led: Led): readonly ConfStep[] | null {
  if (isBusy(scene, led)) return null
  const { conf } = led.group
  if (!isHealthy(scene, led, conf.voters)) return null
  if (isJoint(conf)) return conf.autoLeave || !isHealthy(scene, led, conf.outgoing) ? null : []
  const members = liveMembers(scene.state).map((member) => member.index)
  const target = new Set(chooseVoters(scene, led))
  if (!isHealthy(scene, led, [...target])) return null
  const added = [...target].filter((node) => !conf.voters.includes(node))
  const learning = members.filter((node) => !target.has(node) && !conf.learners.includes(node))
  const gone = [...confMembers(conf)].filter((node) => !members.includes(node))
  const all = [
    ...steps('add-voter', added),
    ...steps('add-learner', learning),
    ...steps('remove', gone),
  ]
  return all.length === 0 ? null : all
}

/**
 * metaVoterCount of those who can. Voters that are active stay, dead or alive: a restart moves
 * nothing. Places are filled with live learners that have caught up, zones first. A draining voter
 * keeps its place until whoever comes for it has caught up.
 */
export function chooseVoters(scene: Scene, led: Led): NodeIndex[] {
  const { voters } = led.group.conf
  const active = liveMembers(scene.state).filter((member) => member.state === 'active')
  const staying = active.filter((member) => voters.includes(member.index))
  const coming = active.filter(({ index }) => !voters.includes(index) && scene.reports.has(index))
  const fit = coming.filter((member) => isCaughtUp(scene, led, member.index))
  const leaving = liveMembers(scene.state).filter(
    ({ index, state }) => state === 'draining' && voters.includes(index),
  )
  const chosen = [...staying]
  while (chosen.length > maxMetaVoters) shed(scene, led, chosen)
  fill(chosen, fit, maxMetaVoters)
  fill(chosen, leaving, Math.min(chosen.length + coming.length - fit.length, maxMetaVoters))
  if (chosen.length > metaVoterCount(chosen.length)) {
    // Whoever came last goes first: leaving ones, then new ones, then one of those that vote.
    if (chosen.length > staying.length) chosen.pop()
    else shed(scene, led, chosen)
  }
  spread(scene, led, chosen, fit)
  // Nobody active is fit: better those who go than nobody.
  return (chosen.length > 0 ? chosen : leaving).map((member) => member.index)
}

/** Adds from `pool` up to `count` in all, each time from the zone that has least. */
function fill(chosen: Member[], pool: readonly Member[], count: number): void {
  const left = [...pool]
  while (chosen.length < count && left.length > 0) {
    left.sort((a, b) => inZone(chosen, a) - inZone(chosen, b) || a.index - b.index)
    chosen.push(left.shift()!)
  }
}

/** Removes the one that is missed least: dead, then from the fullest zone, then the highest index. */
function shed(scene: Scene, led: Led, chosen: Member[]): void {
  const cost = ({ index }: Member): number => {
    if (index === led.by.node) return 2
    return scene.reports.has(index) ? 1 : 0
  }
  const worst = chosen.toSorted(
    (a, b) => cost(a) - cost(b) || inZone(chosen, b) - inZone(chosen, a) || b.index - a.index,
  )[0]
  if (worst !== undefined) chosen.splice(chosen.indexOf(worst), 1)
}

/**
 * Swaps while a zone has two voters more than another one could: each swap makes the zones more
 * even, so this ends, and whoever was swapped in is not swapped out again.
 */
function spread(scene: Scene, led: Led, chosen: Member[], fit: readonly Member[]): void {
  for (let swaps = 0; swaps < maxMetaVoters; swaps++) {
    const fresh = fit
      .filter((member) => !chosen.includes(member))
      .toSorted((a, b) => inZone(chosen, a) - inZone(chosen, b) || a.index - b.index)[0]
    const crowded = chosen
      .filter((member) => member.index !== led.by.node)
      .toSorted((a, b) => inZone(chosen, b) - inZone(chosen, a) || b.index - a.index)[0]
    if (fresh === undefined || crowded === undefined) return
    if (inZone(chosen, crowded) < inZone(chosen, fresh) + 2) return
    chosen[chosen.indexOf(crowded)] = fresh
  }
}

function inZone(chosen: readonly Member[], { zone, index }: Member): number {
  return chosen.filter((it) => (zone === '' ? it.index === index : it.zone === zone)).length
}
