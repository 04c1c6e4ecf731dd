import type { History, Operation } from '../operations.ts'
import { fields } from './topic-log.ts'

/** A time in which a member is certainly out of a topic; positions in the history. */
export interface Absence {
  /** The answer to what put him out. */
  readonly from: number
  /** Somebody asks to let him in again; Infinity: nobody ever did. */
  readonly to: number
  /** He cannot come in by himself. */
  readonly banned: boolean
  readonly by: Operation
}

/**
 * By topic and member. Nothing is certain while something that lets him in is under way, and after
 * one of unknown outcome never again: it may still happen. O(operations of a member × his absences).
 */
export function absences(
  history: History,
): ReadonlyMap<string, ReadonlyMap<string, readonly Absence[]>> {
  const topics = new Map<string, Map<string, readonly Absence[]>>()
  for (const [topic, members] of changesByMember(history))
    topics.set(
      topic,
      new Map([...members].map(([member, changes]) => [member, absencesOf(changes)])),
    )
  return topics
}

const endsMembership: ReadonlySet<string> = new Set(['leave', 'expel', 'ban'])

function absencesOf(changes: readonly Operation[]): Absence[] {
  return changes.flatMap((by) => {
    const { invoke, complete, outcome } = by
    if (!endsMembership.has(invoke.f) || outcome !== 'ok' || !complete) return []
    const banned = invoke.f === 'ban'
    const openings = changes.filter(
      (one) => one.outcome !== 'fail' && (banned ? isAdmission(one) : opensDoor(one)),
    )
    const doubtful = openings.some(
      (one) => one.invoke.index < complete.index && endOf(one) > invoke.index,
    )
    if (doubtful) return []
    const later = openings.map((one) => one.invoke.index).filter((at) => at > complete.index)
    // A refused knock opens nothing, but a ban that was never lifted must refuse it: that is judged.
    return { by, banned, from: complete.index, to: Math.min(Infinity, ...later) }
  })
}

/** Whoever is banned comes in only if he is admitted; whoever left or was expelled, by himself as well. */
function opensDoor(operation: Operation): boolean {
  return operation.invoke.f === 'attach' || isAdmission(operation)
}

function isAdmission({ invoke }: Operation): boolean {
  return invoke.f === 'admit'
}

function endOf({ complete, outcome }: Operation): number {
  return outcome === 'info' ? Infinity : (complete?.index ?? Infinity)
}

function changesByMember(history: History): ReadonlyMap<string, ReadonlyMap<string, Operation[]>> {
  const topics = new Map<string, Map<string, Operation[]>>()
  for (const f of ['attach', 'admit', ...endsMembership])
    for (const operation of history.named(f)) {
      const { invoke } = operation
      const member = fields(invoke)['member']
      if (typeof member !== 'string') continue
      const topic = invoke.key ?? '?'
      const members = topics.get(topic) ?? new Map<string, Operation[]>()
      topics.set(topic, members)
      const changes = members.get(member)
      if (changes) changes.push(operation)
      else members.set(member, [operation])
    }
  return topics
}
