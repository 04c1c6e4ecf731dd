import type { Group } from '../group/group.ts'
import type { GroupId } from '../ids/group-id.ts'
import type { Index, Term } from '../raft/entry.ts'
import type { RaftStatus } from '../raft/status.ts'

interface Seal {
  readonly term: Term
  /** Of the change of members that it stands for. */
  readonly conf: Index
  /** Of the entry that this leader appended when it had applied the change. */
  readonly index: Index
}

/** The members that a group begins with: known to all from the start. */
const founding: Index = 1

/**
 * Whether a majority of a group's voters *knows* that the last change of members is committed. To hold
 * its entry is not enough: members act by what they have applied, so after the loss of the leader
 * the others might still need the vote of somebody who was removed, and who has forgotten the group
 * meanwhile. An entry that the leader appends after it has applied the change carries that
 * knowledge: whoever has stored the one has stored the other.
 */
export class Seals {
  readonly #seals = new Map<GroupId, Seal>()

  /** Asked of groups that this node leads, with their status now; appends the entry that is missing. */
  isSealed(group: Group, { term, config, progress, confPending }: RaftStatus): boolean {
    const conf = group.log.conf?.index ?? 0
    if (conf <= founding) return true
    const seal = this.#seals.get(group.id)
    if (seal?.term !== term || seal.conf !== conf) {
      if (!confPending && group.appliedIndex >= conf) this.#append(group, term, conf)
      return false
    }
    const holding = config.voters.filter((node) => (progress[node]?.match ?? 0) >= seal.index)
    return holding.length * 2 > config.voters.length
  }

  forget(group: GroupId): void {
    this.#seals.delete(group)
  }

  #append(group: Group, term: Term, conf: Index): void {
    const proposed = group.propose(new Uint8Array(0), term)
    // Refused, it is asked for again: whoever needs the answer keeps asking.
    if (proposed.error === undefined) {
      this.#seals.set(group.id, { term, conf, index: proposed.index })
    }
  }
}
