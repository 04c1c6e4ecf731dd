import type { AddMember, MetaCommand } from '../meta/command.ts'
import { joinTokenHash } from '../meta/join-token.ts'
import type { MetaGroup } from '../meta/meta-group.ts'
import { liveMembers, memberNamed } from '../meta/meta-state.ts'
import type { Member, MemberState, MetaState } from '../meta/meta-state.ts'
import type { NodeReport } from '../meta/placement.ts'
import { endangeredBy, heldBy } from '../meta/removal.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import type { Clock } from '../ports.ts'
import { adminRefusals } from './admin-refusals.ts'
import type { AdminRefusal } from './admin-refusals.ts'
import type {
  AdminAnswer,
  Administration,
  Admission,
  JoinRequest,
  KnownToken,
  NewToken,
} from './administration.ts'
import type { NodeConfig } from './config.ts'
import { admissionProof, newJoinToken, sealSecret } from './join-seal.ts'
import { changedOptions } from './options.ts'

const minValidMs = 1_000
const maxValidMs = 30 * 24 * 3_600_000
/** Digits of a token's hash by which people name it. */
const tokenIdDigits = 12

export interface AdministrationDeps {
  readonly meta: Pick<MetaGroup, 'state' | 'submit'>
  readonly config: Pick<NodeConfig, 'cluster' | 'options'>
  readonly clusterId: string
  /** Of the cluster; given to new nodes, sealed. */
  readonly secret: Uint8Array
  /** What nodes said of themselves lately. */
  reports(): ReadonlyMap<NodeIndex, NodeReport>
  readonly clock: Clock
}

/**
 * Administration over the meta group: a request becomes a command that says what its asker saw, so of
 * two that contradict each other one is carried out and the other is told. What is so already is
 * answered as done: every request may be repeated.
 */
export class NodeAdministration implements Administration {
  readonly #deps: AdministrationDeps

  constructor(deps: AdministrationDeps) {
    this.#deps = deps
  }

  async newToken(validForMs: number): Promise<AdminAnswer<NewToken>> {
    const { clock, secret, clusterId } = this.#deps
    if (!(validForMs >= minValidMs && validForMs <= maxValidMs)) return refusal('bad-validity')
    const token = newJoinToken()
    const hash = joinTokenHash(token)
    const nowMs = clock.now()
    const expiresAtMs = nowMs + Math.floor(validForMs)
    const sealed = sealSecret(secret, token, clusterId)
    const command = { kind: 'new-token', hash, expiresAtMs, nowMs, sealed } as const
    const value = { id: hash.slice(0, tokenIdDigits), token, expiresAtMs }
    return this.#submit(command, 'the token', () => value)
  }

  tokens(): readonly KnownToken[] {
    const { meta, clock } = this.#deps
    const now = clock.now()
    return (meta.state()?.tokens ?? [])
      .filter((it) => it.expiresAtMs > now)
      .map(({ hash, expiresAtMs }) => ({ id: hash.slice(0, tokenIdDigits), expiresAtMs }))
  }

  async revokeToken(id: string): Promise<AdminAnswer<null>> {
    const token = this.#deps.meta.state()?.tokens.find((it) => it.hash.startsWith(id))
    if (token === undefined || id.length < tokenIdDigits) return refusal('token-unknown')
    return this.#submit({ kind: 'revoke-token', hash: token.hash }, id, () => null)
  }

  /** A token that this node has not heard of costs no entry in the log: strangers cannot fill it. */
  async admit(request: JoinRequest): Promise<AdminAnswer<Admission>> {
    const { meta, clock } = this.#deps
    const { name, peer, client, zone, bootId, incarnation, tokenHash } = request
    const token = meta.state()?.tokens.find((it) => it.hash === tokenHash)
    if (token === undefined) return refusal('token-unknown')
    const command: AddMember = {
      kind: 'add-member',
      name,
      address: peer,
      clientAddress: client,
      zone,
      bootId,
      incarnation,
      tokenHash,
      nowMs: clock.now(),
    }
    return this.#submit(command, name, (index) => this.#admission(index, token.sealed, request))
  }

  async setState(node: string, state: 'active' | 'draining'): Promise<AdminAnswer<MemberState>> {
    const found = this.#member(node)
    if ('ok' in found) return found
    if (found.state === state) return { ok: true, value: state }
    const { index, state: expect } = found
    const command = { kind: 'set-state', index, expect, state } as const
    return this.#submit(command, node, () => state)
  }

  async remove(node: string, force: boolean): Promise<AdminAnswer<null>> {
    const found = this.#member(node)
    if ('ok' in found) return found
    const { index, state: expect } = found
    const view = { state: this.#deps.meta.state() as MetaState, reports: this.#deps.reports() }
    const isAlone = liveMembers(view.state).length === 1
    if (force && !isAlone && endangeredBy(view, index).length > 0) return refusal('endangers', node)
    if (!force && expect !== 'active' && heldBy(view, index).length > 0)
      return refusal('still-holds', node)
    return this.#submit({ kind: 'remove-member', index, expect, force }, node, () => null)
  }

  #member(name: string): Member | { readonly ok: false; error: AdminRefusal; says: string } {
    const state = this.#deps.meta.state()
    if (state === null) return refusal('not-bootstrapped')
    return memberNamed(state, name) ?? refusal('no-such-member', name)
  }

  #admission(index: number, sealed: string, request: JoinRequest): Admission {
    const { config, clusterId, secret, meta } = this.#deps
    const { name, profile } = config.cluster
    const state = meta.state() as MetaState
    const { partitions, replicationFactor, vnodes } = state
    const told = {
      index,
      clusterId,
      cluster: {
        name,
        profile,
        partitions,
        replicationFactor,
        virtualNodes: vnodes,
        options: changedOptions(config.options),
      },
      members: liveMembers(state)
        .filter((it) => it.index !== index)
        .map((it) => ({ index: it.index, name: it.name, peer: it.address })),
      sealed,
    }
    return { ...told, proof: admissionProof(secret, request, told) }
  }

  async #submit<T>(
    command: MetaCommand,
    what: string,
    value: (granted: number) => T,
  ): Promise<AdminAnswer<T>> {
    const outcome = await this.#deps.meta.submit(command)
    if (outcome.ok) return { ok: true, value: value(outcome.value) }
    return refusal('failed' in outcome ? outcome.failed : outcome.error, what)
  }
}

function refusal(
  error: AdminRefusal,
  what = '',
): { readonly ok: false; error: AdminRefusal; says: string } {
  return { ok: false, error, says: adminRefusals[error].says(what) }
}
