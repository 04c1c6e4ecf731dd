import type { ConfChange } from './confchange.ts'
import { decodeConfChange } from './confchange.ts'
import type { ConfState, Entry, HardState, RaftId, Snapshot } from './entry.ts'
import type { Message } from './message.ts'
import type { Ready } from './ready.ts'
import type { PeerStatus, RaftStatus } from './status.ts'

/*
 * One line for each thing, for scripts, failing tests and logs. A position in the log is written
 * index/term, payload as text when it is short and printable, else as its length.
 */

const maxShownBytes = 24

/** `1→2 append t2 after 3/1 commit 2 [4/2 "x"]`: the term of the sender, then what the kind uses. */
export function describeMessage(m: Message): string {
  return [`${m.from}→${m.to} ${m.kind} t${m.term}`, ...fields(m)].join(' ')
}

function fields(m: Message): string[] {
  switch (m.kind) {
    case 'append':
      return [`after ${m.index}/${m.logTerm}`, `commit ${m.commit}`, describeEntries(m.entries)]
    case 'append-response':
      if (m.reject) return [`refuses ${m.index}`, `hint ${m.rejectHint}/${m.logTerm}`]
      return [`holds ${m.index}`, `commit ${m.commit}`]
    case 'heartbeat':
      return [`commit ${m.commit}`, ...round(m)]
    case 'heartbeat-response':
      return round(m)
    case 'pre-vote':
    case 'vote':
      return [`last ${m.index}/${m.logTerm}`, ...(m.context === 0 ? [] : ['after transfer'])]
    case 'pre-vote-response':
    case 'vote-response':
      return m.reject ? ['refused', `commit ${m.commit}/${m.logTerm}`] : ['granted']
    case 'snapshot':
      return [describeSnapshot(m.snapshot)]
    case 'storage-append-response':
      return [
        `stored ${m.index}/${m.logTerm}`,
        ...(m.snapshot ? [describeSnapshot(m.snapshot)] : []),
      ]
    case 'read-index':
      return [`read ${m.context}`]
    case 'read-index-response':
      return [`read ${m.context}`, `index ${m.index}`]
    case 'transfer-leader':
      return [`to ${m.context}`]
    case 'propose':
    case 'timeout-now':
    case 'forget-leader':
      return []
  }
}

function round(m: Message): string[] {
  return m.context === 0 ? [] : [`round ${m.context}`]
}

/** `4/2 "x"`, `5/2` for the empty entry of a term, `6/2 conf +4 -1`. */
export function describeEntry(entry: Entry): string {
  const position = `${entry.index}/${entry.term}`
  if (entry.kind === 'conf-change') {
    const change = decodeConfChange(entry.data)
    return `${position} conf ${change === null ? '?' : describeConfChange(change)}`
  }
  return entry.data.length === 0 ? position : `${position} ${describeData(entry.data)}`
}

export function describeEntries(entries: readonly Entry[]): string {
  return `[${entries.map(describeEntry).join(', ')}]`
}

function describeData(data: Uint8Array): string {
  const isShown = data.length <= maxShownBytes && data.every((byte) => byte >= 0x20 && byte < 0x7f)
  return isShown ? `"${String.fromCharCode(...data)}"` : `#${data.length}`
}

/** `+4 ~5 -1`: voter, learner, remove; `leave` without steps; the way when it is not `auto`. */
export function describeConfChange(change: ConfChange): string {
  const sign = { 'add-voter': '+', 'add-learner': '~', remove: '-' } as const
  const steps = change.steps.map(({ kind, id }) => `${sign[kind]}${id}`)
  const what = steps.length === 0 ? 'leave' : steps.join(' ')
  return change.transition === 'auto' ? what : `${what} ${change.transition}`
}

/** `voters 1 2 3`, in a joint phase `voters 1 2 & 1 2 3`, then what else there is. */
export function describeConf(conf: ConfState): string {
  const { voters, outgoing, learners, learnersNext, autoLeave } = conf
  const parts = [`voters ${ids(voters)}`]
  if (outgoing.length > 0) parts.push(`& ${ids(outgoing)}`)
  if (learners.length > 0) parts.push(`learners ${ids(learners)}`)
  if (learnersNext.length > 0) parts.push(`next learners ${ids(learnersNext)}`)
  if (autoLeave) parts.push('auto-leave')
  return parts.join(' ')
}

function ids(list: readonly RaftId[]): string {
  return list.length === 0 ? '-' : list.join(' ')
}

export function describeSnapshot(snapshot: Snapshot | null): string {
  if (snapshot === null) return 'no snapshot'
  const { index, term, conf } = snapshot.meta
  return `snapshot ${index}/${term} (${describeConf(conf)})`
}

export function describeHardState(state: HardState): string {
  return `term ${state.term} vote ${state.vote} commit ${state.commit}`
}

/** A line for each thing in it, in the order in which the host carries them out. */
export function describeReady(rd: Ready): string[] {
  const lines: string[] = [`${rd.role} term ${rd.term} lead ${rd.lead}`]
  for (const m of rd.messages) lines.push(`send ${describeMessage(m)}`)
  const store: string[] = []
  if (rd.hardState !== null) store.push(describeHardState(rd.hardState))
  if (rd.snapshot !== null) store.push(describeSnapshot(rd.snapshot))
  if (rd.entries.length > 0) store.push(describeEntries(rd.entries))
  if (store.length > 0) lines.push(`${rd.mustSync ? 'sync' : 'store'} ${store.join(' ')}`)
  for (const m of rd.afterStore) lines.push(`then ${describeMessage(m)}`)
  for (const entry of rd.committed) lines.push(`apply ${describeEntry(entry)}`)
  for (const { context, index } of rd.reads) lines.push(`read ${context} at ${index}`)
  return lines
}

export function describeStatus(status: RaftStatus): string {
  const { id, role, term, vote, lead, commit, applied } = status
  return `${id} ${role} term ${term} vote ${vote} lead ${lead} commit ${commit} applied ${applied}`
}

/** A line for each member the leader knows: `2 replicate match 4 next 5`. */
export function describeProgress(status: RaftStatus): string[] {
  return Object.entries(status.progress).map(([id, peer]) => `${id} ${describePeer(peer)}`)
}

function describePeer(peer: PeerStatus): string {
  const parts = [`${peer.state} match ${peer.match} next ${peer.next}`]
  if (peer.inflight > 0) parts.push(`inflight ${peer.inflight}`)
  if (peer.learner) parts.push('learner')
  if (peer.paused) parts.push('paused')
  if (!peer.active) parts.push('inactive')
  return parts.join(' ')
}
