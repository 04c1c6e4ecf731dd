import type { UserId } from '../ids/user-id.ts'
import { A, O, S, modeChange } from './access-mode.ts'
import type { Actor } from './command.ts'
import type { Env } from './entity.ts'
import type { ModesEvent, PresEvent } from './event.ts'
import type { Fact, ListNotice } from './fact.ts'
import type { Member } from './member.ts'
import type { Draft } from './replies.ts'
import type { Rights } from './rights.ts'
import type { TopicState } from './topic-state.ts'

/** One command at work: the topic, who asks, the world, and what comes of it. */
export interface Turn {
  readonly s: TopicState
  readonly actor: Actor
  readonly env: Env
  readonly d: Draft
}

export const sharers = O | A | S

/** Rights changed, as `dacs` tells it (4.6). */
export type Dacs = { readonly want?: string; readonly given?: string }

export function pres(
  to: PresEvent['to'],
  what: PresEvent['what'],
  fields: Partial<Omit<PresEvent, 'kind' | 'to' | 'what'>>,
): PresEvent {
  return { kind: 'pres', to, what, needs: 0, anyOf: 0, ...fields }
}

export function dacsOf(before: Rights | undefined, after: Rights): Dacs {
  const want = modeChange(before?.want, after.want)
  const given = modeChange(before?.given, after.given)
  return { ...(want === undefined ? {} : { want }), ...(given === undefined ? {} : { given }) }
}

/**
 * Tells everybody concerned that `target` has other rights (4.4, 6.3). `before` undefined: he is
 * new here; then his own sessions hear of it through his list ({@link listed}), not from the topic.
 */
export function tellModes(t: Turn, target: Member, before: Rights | undefined): void {
  const { actor, d } = t
  const dacs = dacsOf(before, target)
  if (dacs.want === undefined && dacs.given === undefined) return
  const { uid } = target
  d.events.push(modesOf(target))
  const common = { act: actor.uid, dacs, skipSid: actor.sid }
  if (!target.reader) tellOthers(t, target, before === undefined, common)
  if (before === undefined) return
  d.events.push(pres('attached', 'acs', { ...common, onlyUser: uid }))
  d.events.push(pres('watchers', 'acs', { ...common, onlyUser: uid }))
}

/** Tells everybody concerned that `target` is no longer subscribed. */
export function tellGone(t: Turn, target: Member): void {
  const { s, actor, d } = t
  const dacs: Dacs = { want: 'N', given: 'N' }
  if (!target.reader && s.kind !== 'slf') {
    const whom =
      s.kind === 'p2p' ? { exceptUser: target.uid } : { exceptUser: target.uid, anyOf: sharers }
    const fields = { src: target.uid, act: actor.uid, dacs, skipSid: actor.sid }
    d.events.push(pres('attached', 'acs', { ...fields, ...whom }))
  }
  d.events.push(modesOf(target))
}

/** His rights as the edges are to know them from here on. */
export function modesOf({ uid, want, given, subscribed, reader }: Member): ModesEvent {
  const member = { kind: 'modes', uid, want, given, member: subscribed } as const
  return reader ? { ...member, reader } : member
}

function tellOthers(
  t: Turn,
  target: Member,
  isNew: boolean,
  common: { readonly act: UserId; readonly dacs: Dacs; readonly skipSid: string },
): void {
  const { s, d } = t
  if (s.kind !== 'grp' && s.kind !== 'p2p') return
  const whom = { ...common, exceptUser: target.uid, anyOf: s.kind === 'grp' ? sharers : 0 }
  d.events.push(pres('attached', 'acs', { ...whom, src: target.uid }))
  if (s.kind !== 'grp') return
  if (!isNew && (target.want & ~target.given) === 0) return
  d.events.push(pres('watchers', 'acs', { ...whom, tgt: target.uid }))
}

/** The topic comes into the list of `target`; his other sessions learn of it with full rights. */
export function listed(t: Turn, target: Member): void {
  const dacs = dacsOf(undefined, target)
  toList(t, target, false, { what: 'acs', act: t.actor.uid, dacs, skipSid: t.actor.sid })
}

/** The topic leaves the list of `target`. */
export function unlisted(t: Turn, target: Member): void {
  toList(t, target, true, { what: 'gone', skipSid: t.actor.sid })
}

function toList(t: Turn, { uid, reader }: Member, gone: boolean, notice: ListNotice): void {
  const fact: Fact = { kind: 'list', topic: t.s.name, gone, at: t.env.now, notice }
  t.d.outbox.push({ to: uid, fact: reader ? { ...fact, chan: true } : fact })
}
