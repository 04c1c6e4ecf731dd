import { P, R, W } from './access-mode.ts'
import type { NoteCommand } from './command.ts'
import { acceptable } from './json-merge.ts'
import type { Member } from './member.ts'
import { pres } from './turn.ts'
import type { Turn } from './turn.ts'

/** Subscribers up to which typing is also told to those who are not attached (7.1). */
const maxTypingAudience = 32

/** Whatever is wrong with a note, it is dropped without a word. */
export function evaluateNote(t: Turn, command: NoteCommand): void {
  const { s, actor } = t
  const member = s.live ? s.members.subscribed(actor.uid) : undefined
  if (member === undefined) return
  switch (command.what) {
    case 'recv':
      return mark(t, member, 'recv', command.seq)
    case 'read':
      return actor.attached ? mark(t, member, 'read', command.seq) : undefined
    case 'kp':
    case 'kpa':
    case 'kpv':
      return typing(t, member, command)
    case 'data':
      return payload(t, member, command)
    case 'call':
      return call(t, member, command)
  }
}

/** Marks only rise, `read` pulls `recv` along, and neither passes the last message. */
function mark(t: Turn, member: Member, what: 'recv' | 'read', seq: number): void {
  const { s, actor, env, d } = t
  if ((member.mode & R) === 0 || !Number.isSafeInteger(seq)) return
  if (seq <= member[what] || seq > s.head.seq) return
  member[what] = seq
  if (member.recv < member.read) member.recv = member.read
  member.marked = env.now
  s.members.touch(member)
  if (member.reader) return
  const { uid, sid } = actor
  d.events.push(
    { kind: 'info', from: uid, what, seq, skipSid: sid, skipOwn: false, toWatchers: true },
    pres('watchers', what, { seq, onlyUser: uid, skipSid: sid, needs: R | P }),
  )
}

function typing(t: Turn, member: Member, { what, seq }: NoteCommand): void {
  const { s, actor, d } = t
  if (!actor.attached || seq > 0 || (member.mode & W) === 0 || s.readOnly) return
  d.events.push({
    kind: 'info',
    from: actor.uid,
    what,
    seq: 0,
    skipSid: actor.sid,
    skipOwn: true,
    toWatchers: s.members.fullCount <= maxTypingAudience,
  })
}

function payload(t: Turn, member: Member, command: NoteCommand): void {
  const { s, actor, d } = t
  if (!actor.attached || command.payload === undefined || (member.mode & W) === 0) return
  if (command.seq > s.head.seq) return
  forward(d, actor.uid, actor.sid, command, false)
}

/** Call signalling is between the two of a p2p; who takes part is for the edges to know. */
function call(t: Turn, member: Member, command: NoteCommand): void {
  const { s, actor, d } = t
  const early =
    command.event === 'ringing' || command.event === 'hang-up' || command.event === 'accept'
  if (s.kind !== 'p2p' || (member.mode & R) === 0 || command.event === undefined) return
  if (command.seq < 1 || command.seq > s.head.seq || (!actor.attached && !early)) return
  forward(d, actor.uid, actor.sid, command, early)
}

function forward(
  d: Turn['d'],
  from: Member['uid'],
  skipSid: string,
  command: NoteCommand,
  toWatchers: boolean,
): void {
  const { what, seq, event, payload: carried } = command
  if (!acceptable(carried)) return
  d.events.push({
    kind: 'info',
    from,
    what,
    seq,
    ...(event === undefined ? {} : { event }),
    ...(carried === undefined ? {} : { payload: carried }),
    skipSid,
    skipOwn: false,
    toWatchers,
  })
}
