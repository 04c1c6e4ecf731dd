import type { NodeIndex } from '../ids/node-index.ts'
import { liveMembers, memberAt } from '../meta/meta-state.ts'
import type { MetaState } from '../meta/meta-state.ts'
import type { Members } from '../peer/identity.ts'
import type { FirstMember } from './config.ts'
import { hostAndPort } from './host-and-port.ts'

/** Whom to link to: the members as committed; before a new node has heard of them, those it was told of. */
export function membersToLink(state: MetaState | null, first: readonly FirstMember[]): Members {
  if (state === null) {
    return new Map(first.map(({ index, name, peer }) => [index, { name, ...hostAndPort(peer) }]))
  }
  return new Map(
    liveMembers(state).map(({ index, name, address, incarnation, bootId }) => [
      index,
      { name, ...hostAndPort(address), incarnation, bootId },
    ]),
  )
}

/** Was a member and is none any more; an index is never granted again. */
export function isRemovedMember(state: MetaState | null, node: NodeIndex): boolean {
  return state !== null && memberAt(state, node)?.state === 'removed'
}
