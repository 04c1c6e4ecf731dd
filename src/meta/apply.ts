import { unreachable } from '../assert.ts'
import { planted } from '../fault-points.ts'
import { maxNodeIndex } from '../ids/node-index.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import { partitionsOf } from '../ring/table.ts'
import type { Table } from '../ring/table.ts'
import type { AddMember, Applied, MetaCommand, MetaRefusal } from './command.ts'
import { liveMembers, maxJoinTokens, memberAt, memberNamed } from './meta-state.ts'
import type { Member, MetaState } from './meta-state.ts'
import { isMemberName, isPeerAddress } from './names.ts'

type CommandOf<K extends MetaCommand['kind']> = Extract<MetaCommand, { kind: K }>

/**
 * The next state of group 0. Pure, without clock and chance: every node that applies the same log
 * has the same state. `state` is null before the cluster's bootstrap.
 */
export function apply(state: MetaState | null, command: MetaCommand): Applied {
  if (command.kind === 'bootstrap') {
    return state === null ? done(command.state) : refused(state, 'already-bootstrapped')
  }
  if (state === null) return refused(state, 'not-bootstrapped')
  switch (command.kind) {
    case 'add-member':
      return addMember(state, command)
    case 'set-address':
      return setAddress(state, command)
    case 'set-state':
      return setState(state, command)
    case 'remove-member':
      return removeMember(state, command)
    case 'new-token':
      return newToken(state, command)
    case 'revoke-token':
      return revokeToken(state, command)
    case 'set-table':
      return setTable(state, command)
    case 'set-format':
      return setFormat(state, command)
    default:
      return unreachable(command)
  }
}

/**
 * A repeated join (its answer was lost) is given the index that it already has. A later life of a
 * node that never got beyond joining takes its own place, under a new index: what the earlier life
 * did with the old one, ids minted included, is not known.
 */
function addMember(state: MetaState, command: AddMember): Applied {
  const { name, address, clientAddress, zone, bootId, incarnation } = command
  const fault = joinFault(state, command)
  if (fault !== null) return refused(state, fault)
  let members = state.members
  const namesake = memberNamed(state, name)
  if (namesake !== undefined) {
    const isSameNode = namesake.state === 'joining' && namesake.address === address
    if (isSameNode && namesake.bootId === bootId) return done(state, namesake.index)
    if (!isSameNode || bootId < namesake.bootId) return refused(state, 'name-taken')
    members = withMember(state, { ...namesake, state: 'removed' }).members
  } else if (isAddressTaken(state, address, 0)) {
    return refused(state, 'address-taken')
  }
  const index = state.nextIndex
  if (index > maxNodeIndex) return refused(state, 'indexes-used-up')
  const place = { index, name, address, clientAddress, zone }
  const member: Member = { ...place, state: 'joining', bootId, incarnation }
  return done({ ...state, nextIndex: index + 1, members: [...members, member] }, index)
}

function joinFault(state: MetaState, command: AddMember): MetaRefusal | null {
  const { name, address, clientAddress, tokenHash, nowMs } = command
  if (!isMemberName(name)) return 'bad-name'
  if (!isPeerAddress(address)) return 'bad-address'
  if (clientAddress !== '' && !isPeerAddress(clientAddress)) return 'bad-address'
  const token = state.tokens.find((it) => it.hash === tokenHash)
  if (token === undefined) return 'token-unknown'
  return token.expiresAtMs <= nowMs ? 'token-expired' : null
}

function setAddress(state: MetaState, command: CommandOf<'set-address'>): Applied {
  const { index, address, clientAddress, bootId, incarnation } = command
  const member = memberAt(state, index)
  if (member === undefined || member.state === 'removed') return refused(state, 'no-such-member')
  if (!isPeerAddress(address)) return refused(state, 'bad-address')
  if (clientAddress !== '' && !isPeerAddress(clientAddress)) return refused(state, 'bad-address')
  const isKnown = member.incarnation !== ''
  if (isKnown && incarnation !== member.incarnation && !planted('K26'))
    return refused(state, 'wiped-disk')
  if (bootId < member.bootId) return refused(state, 'conflict')
  if (isAddressTaken(state, address, index)) return refused(state, 'address-taken')
  const isSame =
    member.address === address &&
    member.clientAddress === clientAddress &&
    member.bootId === bootId &&
    member.incarnation === incarnation
  if (isSame) return done(state)
  return done(withMember(state, { ...member, address, clientAddress, bootId, incarnation }))
}

function setState(state: MetaState, command: CommandOf<'set-state'>): Applied {
  const member = memberAt(state, command.index)
  if (member === undefined) return refused(state, 'no-such-member')
  if (member.state !== command.expect) return refused(state, 'conflict')
  const from = member.state
  const mayBecome =
    command.state === 'active' ? from === 'joining' || from === 'draining' : from === 'active'
  if (!mayBecome) return refused(state, 'bad-transition')
  if (command.state === 'draining' && !hasOtherActive(state, command.index)) {
    return refused(state, 'last-member')
  }
  return done(withMember(state, { ...member, state: command.state }))
}

function removeMember(state: MetaState, command: CommandOf<'remove-member'>): Applied {
  const member = memberAt(state, command.index)
  if (member === undefined) return refused(state, 'no-such-member')
  if (member.state !== command.expect) return refused(state, 'conflict')
  if (member.state === 'removed') return refused(state, 'bad-transition')
  if (!hasOtherActive(state, command.index)) return refused(state, 'last-member')
  if (!command.force) {
    if (member.state === 'active') return refused(state, 'bad-transition')
    if (partitionsOf(state.table, command.index).length > 0) return refused(state, 'still-holds')
  }
  return done(withMember(state, { ...member, state: 'removed' }))
}

function newToken(state: MetaState, command: CommandOf<'new-token'>): Applied {
  const { hash, expiresAtMs, nowMs, sealed } = command
  const valid = state.tokens.filter((it) => it.expiresAtMs > nowMs && it.hash !== hash)
  if (valid.length >= maxJoinTokens) return refused(state, 'too-many-tokens')
  return done({ ...state, tokens: [...valid, { hash, expiresAtMs, sealed }] })
}

function revokeToken(state: MetaState, command: CommandOf<'revoke-token'>): Applied {
  const tokens = state.tokens.filter((it) => it.hash !== command.hash)
  if (tokens.length === state.tokens.length) return refused(state, 'token-unknown')
  return done({ ...state, tokens })
}

function setTable(state: MetaState, command: CommandOf<'set-table'>): Applied {
  const { base, table } = command
  if (base !== state.table.version) return refused(state, 'conflict')
  if (table.version !== base + 1 || !isPossible(state, table)) return refused(state, 'bad-table')
  return done({ ...state, table }, table.version)
}

function setFormat(state: MetaState, command: CommandOf<'set-format'>): Applied {
  if (command.expect !== state.formatVersion) return refused(state, 'conflict')
  if (command.version <= state.formatVersion) return refused(state, 'bad-version')
  return done({ ...state, formatVersion: command.version })
}

/** All partitions, each with distinct members that are not removed and do not only just join. */
function isPossible(state: MetaState, table: Table): boolean {
  const able = new Set<NodeIndex>()
  for (const member of liveMembers(state)) if (member.state !== 'joining') able.add(member.index)
  const isWhole = table.partitions.every(
    ({ replicas }) =>
      replicas.length > 0 &&
      new Set(replicas).size === replicas.length &&
      replicas.every((node) => able.has(node)),
  )
  return isWhole && table.partitions.length === state.partitions
}

function isAddressTaken(state: MetaState, address: string, except: NodeIndex): boolean {
  return liveMembers(state).some((it) => it.address === address && it.index !== except)
}

function hasOtherActive(state: MetaState, index: NodeIndex): boolean {
  return state.members.some((it) => it.state === 'active' && it.index !== index)
}

function withMember(state: MetaState, member: Member): MetaState {
  const members = state.members.map((it) => (it.index === member.index ? member : it))
  return { ...state, members }
}

function done(state: MetaState, value = 0): Applied {
  return { state, result: { ok: true, value } }
}

function refused(state: MetaState | null, error: MetaRefusal): Applied {
  return { state, result: { ok: false, error } }
}
