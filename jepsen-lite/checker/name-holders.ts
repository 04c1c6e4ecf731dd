import { indexesOf } from '../operations.ts'
import type { History, Operation } from '../operations.ts'
import type { Checker } from './checker.ts'
import { nameModel } from './name-model.ts'
import { fields } from './topic-log.ts'
import { Findings } from './verdict.ts'

/**
 * Needs no search, and so no luck: whoever was told that he has a name holds it for certain from
 * then on until he asks for its release. Two such times of different owners do not overlap, and who
 * looks the name up within one finds its owner. After a release of unknown outcome nothing is
 * certain of that owner any more, because it may take effect at any time. O(n log n).
 */
export const nameHolders: Checker = {
  name: 'name-holders',
  says: 'I11: nobody else is told that he has a name while somebody certainly holds it.',
  check(history) {
    const findings = new Findings('name-holders')
    for (const [name, operations] of byName(history)) {
      const holds = certainHolds(operations)
      findings.count('holds', holds.length)
      checkOverlap(name, holds, findings)
      checkLookups(name, { holds, operations }, findings)
    }
    return findings.verdict()
  },
}

/** From the answer to the create until the release is asked for; positions in the history. */
interface Hold {
  readonly owner: string
  readonly create: Operation
  readonly from: number
  /** Infinity: never released. */
  readonly to: number
}

function byName(history: History): ReadonlyMap<string, Operation[]> {
  const names = new Map<string, Operation[]>()
  for (const operation of nameModel.names.flatMap((f) => history.named(f))) {
    const name = operation.invoke.key ?? ''
    const list = names.get(name)
    if (list) list.push(operation)
    else names.set(name, [operation])
  }
  return names
}

function certainHolds(operations: readonly Operation[]): Hold[] {
  const releases = new Map<string, Operation[]>()
  for (const operation of operations)
    if (isRelease(operation) && operation.outcome !== 'fail') {
      const owner = ownerOf(operation)
      const list = releases.get(owner)
      if (list) list.push(operation)
      else releases.set(owner, [operation])
    }
  return operations.flatMap((create) => {
    if (create.invoke.f !== 'create' || create.outcome !== 'ok' || !create.complete) return []
    const [owner, from] = [ownerOf(create), create.complete.index]
    const own = releases.get(owner) ?? []
    // A release that was still open when the name was given may undo just this.
    const doubtful = own.some(({ invoke, complete, outcome }) => {
      const over = outcome === 'ok' ? (complete?.index ?? Infinity) : Infinity
      return invoke.index < from && over > create.invoke.index
    })
    if (doubtful) return []
    const after = own.map(({ invoke }) => invoke.index).filter((at) => at > from)
    return { owner, create, from, to: Math.min(Infinity, ...after) }
  })
}

function checkOverlap(name: string, holds: readonly Hold[], findings: Findings): void {
  const longest: Hold[] = []
  for (const hold of holds.toSorted((a, b) => a.from - b.from)) {
    // The two that last longest, of different owners, are enough to compare with.
    const other = longest.find(({ owner, to }) => owner !== hold.owner && to > hold.from)
    if (other)
      findings.anomaly({
        kind: 'two-holders',
        invariant: 'I11',
        key: name,
        says: `${other.owner} was told that it has ${name} and did not give it up, and then ${hold.owner} was told the same`,
        ops: [...indexesOf(other.create), ...indexesOf(hold.create)],
      })
    const same = longest.findIndex(({ owner }) => owner === hold.owner)
    if (same < 0) longest.push(hold)
    else if ((longest[same] as Hold).to < hold.to) longest[same] = hold
    longest.sort((a, b) => b.to - a.to).splice(2)
  }
}

function checkLookups(
  name: string,
  { holds, operations }: { holds: readonly Hold[]; operations: readonly Operation[] },
  findings: Findings,
): void {
  for (const lookup of operations) {
    const { invoke, complete, outcome } = lookup
    if (invoke.f !== 'lookup' || outcome !== 'ok' || !complete) continue
    findings.count('lookups')
    const hold = holds.find(({ from, to }) => from < invoke.index && to > complete.index)
    const found = textOf(complete.value)
    if (!hold || hold.owner === found) continue
    findings.anomaly({
      kind: 'holder-not-found',
      invariant: 'I11',
      key: name,
      says: `${name} was looked up while ${hold.owner} held it, and ${found === 'null' ? 'nobody' : found} was found`,
      ops: [...indexesOf(hold.create), ...indexesOf(lookup)],
    })
  }
}

function isRelease({ invoke }: Operation): boolean {
  return invoke.f === 'delete' || invoke.f === 'release'
}

function ownerOf({ invoke }: Operation): string {
  return textOf(fields(invoke)['owner'] ?? invoke.process)
}

/** Owners are any JSON; texts stand for themselves. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null)
}
