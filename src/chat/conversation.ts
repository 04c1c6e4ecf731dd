import { unreachable } from '../assert.ts'
import { otherUser, p2pUsers, soleUser } from '../ids/topic-name.ts'
import type { TopicName } from '../ids/topic-name.ts'
import type { UserId } from '../ids/user-id.ts'
import { J, P, channelReaderMode } from './access-mode.ts'
import type { Answer, Ask, FoundRow, MeRow } from './ask.ts'
import type { Actor, AuthLevel, Command } from './command.ts'
import { deleteMessages } from './delete-messages.ts'
import type { Entity, Env, Row, Told } from './entity.ts'
import { evaluateGet } from './evaluate-get.ts'
import { evaluateNote } from './evaluate-note.ts'
import { evaluatePub } from './evaluate-pub.ts'
import { evaluateSet } from './evaluate-set.ts'
import { evaluateSub } from './evaluate-sub.ts'
import type { Fact } from './fact.ts'
import type { Outcome, Write } from './outcome.ts'
import { draft, replies } from './replies.ts'
import { newcomerMode } from './rights.ts'
import { TopicState } from './topic-state.ts'
import { modesOf, pres } from './turn.ts'
import type { Turn } from './turn.ts'
import { closeTopic, evaluateDelSub, evaluateDelTopic, evaluateUnsub } from './unsubscribe.ts'

/** A p2p, a group or channel, somebody's saved messages, or `sys`. */
export class Conversation implements Entity {
  readonly name: TopicName
  readonly #state: TopicState

  constructor(name: TopicName, rows: readonly Row[]) {
    this.name = name
    this.#state = new TopicState(name, rows)
  }

  evaluate(actor: Actor, command: Command, env: Env): Outcome {
    const s = this.#state
    if (!this.#concerns(actor.uid)) {
      return command.kind === 'note' ? draft() : draft(replies.topicNotFound)
    }
    if (command.kind === 'pub') return evaluatePub(s, actor, command, env)
    const t: Turn = { s, actor, env, d: draft() }
    switch (command.kind) {
      case 'sub':
        evaluateSub(t, command)
        break
      case 'leave':
        if (command.unsub) evaluateUnsub(t)
        else this.#leave(t)
        break
      case 'get':
        evaluateGet(t, command)
        break
      case 'set':
        evaluateSet(t, command)
        break
      case 'del':
        if (command.what === 'msg') deleteMessages(t, command)
        else if (command.what === 'topic') evaluateDelTopic(t)
        else if (command.what === 'sub') evaluateDelSub(t, command.user)
        else t.d.parts.push(replies.malformed)
        break
      case 'note':
        evaluateNote(t, command)
        break
      default:
        unreachable(command)
    }
    return t.d
  }

  ask(ask: Ask, env: Env): Told {
    if (ask.kind === 'row') return told(this.#row(ask.uid, env))
    if (ask.kind === 'found-row') return told(this.#foundRow(ask.uid, ask.level))
    if (ask.kind !== 'sweep') return told(null)
    this.#state.trim(env.now, env.limits)
    return told(this.#state.erase())
  }

  fact(fact: Fact, env: Env): Told {
    const s = this.#state
    if (fact.kind === 'card-changed') {
      const events =
        s.live && s.kind === 'p2p' ? [pres('watchers', 'upd', contactOf(s, fact.uid))] : []
      return { answer: null, events, outbox: [] }
    }
    if (fact.kind !== 'user-state' || !s.live) return told(null)
    const member = s.members.get(fact.uid)
    if (member === undefined) return told(null)
    if (fact.state === 'del') return this.#userGone(fact.uid, env)
    const { description } = s
    const others = description.suspended.filter((uid) => uid !== fact.uid)
    const suspended = fact.state === 'susp' ? [...others, fact.uid] : others
    if (suspended.length !== description.suspended.length) {
      description.suspended = suspended
      s.touchDescription()
    }
    return told(null)
  }

  takeWrites(): readonly Write[] {
    return this.#state.takeWrites()
  }

  weight(): number {
    return this.#state.weight()
  }

  unswept(): number {
    return this.#state.unswept
  }

  /** A p2p is of two, saved messages are of one; nobody else learns that they exist. */
  #concerns(uid: UserId): boolean {
    const { kind } = this.#state
    if (kind === 'p2p') return p2pUsers(this.name).includes(uid)
    return kind !== 'slf' || soleUser(this.name) === uid
  }

  #leave({ actor, d }: Turn): void {
    d.parts.push(actor.attached ? replies.ok : replies.notJoined)
    if (actor.attached) d.detach = true
  }

  #row(uid: UserId, env: Env): MeRow | null {
    const s = this.#state
    const member = s.live ? s.members.subscribed(uid) : undefined
    if (member === undefined) return null
    const { description, head, kind } = s
    const sees = (member.mode & P) !== 0
    return {
      updated: Math.max(description.updated, member.updated, member.marked),
      touched: head.touched,
      acs: { want: member.want, given: member.given },
      seq: head.seq,
      clear: Math.max(head.clear, member.clear),
      read: s.readOf(member),
      recv: s.recvOf(member),
      private: member.private,
      online:
        sees &&
        ((kind === 'p2p' && env.online(otherUser(this.name, uid))) ||
          (kind === 'grp' && env.active())),
      ...(kind === 'grp' ? { subcnt: s.members.count } : {}),
      ...(description.public === undefined ? {} : { public: description.public }),
      ...(description.trusted === undefined ? {} : { trusted: description.trusted }),
      ...(member.reader ? { chan: true } : {}),
    }
  }

  #foundRow(uid: UserId, level: AuthLevel): FoundRow | null {
    const { live, kind, description, members, readOnly } = this.#state
    if (!live || kind !== 'grp' || (readOnly && level !== 'root')) return null
    const { channel, defaults } = description
    const own = members.subscribed(uid)?.mode
    const offered = channel ? channelReaderMode : newcomerMode(level, defaults, channel)
    return {
      updated: description.updated,
      mode: own ?? offered,
      public: description.public,
      trusted: description.trusted,
      subcnt: members.count,
      ...(channel ? { chan: true } : {}),
    }
  }

  /** An account is gone: his p2p topics and his groups go with it, elsewhere only his place (5.4). */
  #userGone(uid: UserId, env: Env): Told {
    const s = this.#state
    const actor: Actor = { uid, level: 'auth', sid: '', node: 0, asChan: false, attached: false }
    const t: Turn = { s, actor, env, d: draft() }
    if (s.kind === 'p2p' || s.description.owner === uid) closeTopic(t)
    else {
      const member = s.members.get(uid)
      if (member !== undefined) {
        s.members.remove(member)
        s.deletions.forget(uid)
        t.d.events.push({ ...modesOf(member), member: false })
      }
    }
    return { answer: null, events: t.d.events, outbox: t.d.outbox }
  }
}

function told(answer: Answer): Told {
  return { answer, events: [], outbox: [] }
}

/** The other side of a p2p hears that `uid` shows himself otherwise now. */
function contactOf(
  s: TopicState,
  uid: UserId,
): { onlyUser: UserId; needs: number; evenAttached: true } {
  return { onlyUser: otherUser(s.name, uid), needs: J | P, evenAttached: true }
}
