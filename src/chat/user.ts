import { unreachable } from '../assert.ts'
import { meTopic } from '../ids/topic-name.ts'
import type { TopicName } from '../ids/topic-name.ts'
import type { UserId } from '../ids/user-id.ts'
import { parseMode, selfTopicMode } from './access-mode.ts'
import type { Answer, Ask, FoundRow } from './ask.ts'
import type { Actor, Command, DelCommand, SubCommand, UserCard } from './command.ts'
import type { Entity, Env, Row, Told } from './entity.ts'
import type { TopicEvent } from './event.ts'
import type { Fact, NewAccount } from './fact.ts'
import type { Outcome, OutboxItem, Write } from './outcome.ts'
import { acs, draft, ok, replies } from './replies.ts'
import { pres } from './turn.ts'
import { getMe, getMeAfterSub } from './user-get.ts'
import { UserRecord } from './user-record.ts'
import { deleteUser, setMe, setOwnWant } from './user-set.ts'
import type { MeTurn } from './user-set.ts'

/** A user: his account, his list of topics, and the topic `me`. */
export class User implements Entity {
  readonly name: UserId
  readonly #record: UserRecord

  constructor(name: UserId, rows: readonly Row[]) {
    this.name = name
    this.#record = new UserRecord(rows)
  }

  evaluate(actor: Actor, command: Command, env: Env): Outcome {
    const { account } = this.#record
    if (command.kind === 'note') return draft()
    if (account === null || account.state === 'del') return draft(replies.userNotFound)
    if (actor.uid !== this.name && !mayAct(actor, command)) return draft(replies.denied)
    const t: MeTurn = { uid: this.name, record: this.#record, account, actor, env, d: draft() }
    switch (command.kind) {
      case 'sub':
        this.#sub(t, command)
        break
      case 'leave':
        leave(t, command.unsub)
        break
      case 'get':
        getMe(t, command.query)
        break
      case 'set':
        setMe(t, command)
        break
      case 'del':
        del(t, command)
        break
      case 'pub':
        t.d.parts.push(replies.denied)
        break
      default:
        unreachable(command)
    }
    return t.d
  }

  ask(ask: Ask, _env: Env): Told {
    const { account, list } = this.#record
    if (ask.kind === 'card') return told(this.#card())
    if (ask.kind === 'list') {
      return told([...list].filter(([, { left }]) => left === 0).map(([topic]) => topic))
    }
    if (ask.kind === 'found-row') return told(this.#foundRow(ask))
    if (ask.kind === 'set-state') return this.#setState(ask.state)
    if (ask.kind === 'seen') {
      if (account !== null) this.#record.see(ask.when, ask.ua)
      return told(true)
    }
    if (ask.kind === 'revoke-tokens' && account !== null) {
      account.serial++
      this.#record.touchAccount()
      return told(account.serial)
    }
    return ask.kind === 'account-create' ? this.#begin(ask.account) : told(null)
  }

  fact(fact: Fact, _env: Env): Told {
    if (fact.kind === 'account') return this.#begin(fact.account)
    if (fact.kind === 'list') return { answer: null, events: this.#listed(fact), outbox: [] }
    return told(null)
  }

  takeWrites(): readonly Write[] {
    return this.#record.takeWrites()
  }

  weight(): number {
    return this.#record.weight
  }

  #sub(t: MeTurn, command: SubCommand): void {
    const { account, actor, d } = t
    if (account.state === 'susp') return void d.parts.push(replies.denied)
    const asked = parseMode(command.mode ?? '')
    if (asked === null) return void d.parts.push(replies.malformed)
    const changed = asked !== undefined && setOwnWant(t, asked)
    const rights = { want: account.want, given: selfTopicMode }
    d.parts.push(changed ? ok({ acs: acs(rights.want, rights.given) }) : replies.ok)
    if (!actor.attached) d.attach = { ...rights, seq: 0 }
    if (command.get !== undefined) {
      getMeAfterSub({ ...t, actor: { ...actor, attached: true } }, command.get)
    }
  }

  /** The same account again is a retry. */
  #begin(account: NewAccount): Told {
    const known = this.#record.account
    if (known !== null) return told(known.created === account.at ? 'ok' : 'taken')
    this.#record.begin(account)
    const target: TopicName = meTopic(this.name)
    return told(
      'ok',
      account.tags.map((tag) => ({ to: `tag:${tag}`, fact: { kind: 'tag', target, gone: false } })),
    )
  }

  /** His p2p topics, and groups that he owns, become read-only; which they are, they know. */
  #setState(state: 'ok' | 'susp'): Told {
    const { account, list } = this.#record
    if (account === null || account.state === 'del') return told(null)
    if (account.state === state) return told(false)
    account.state = state
    this.#record.touchAccount()
    const fact: Fact = { kind: 'user-state', uid: this.name, state }
    return told(
      true,
      [...list.keys()].map((to) => ({ to, fact })),
    )
  }

  #card(): UserCard | null {
    const { account, seen } = this.#record
    if (account === null) return null
    return {
      uid: this.name,
      state: account.state,
      created: account.created,
      updated: account.updated,
      defacs: account.defaults,
      public: account.public,
      trusted: account.trusted,
      ...(seen === null ? {} : { seen }),
      serial: account.serial,
      level: account.level,
    }
  }

  #foundRow({ uid, level }: Extract<Ask, { kind: 'found-row' }>): FoundRow | null {
    const { account } = this.#record
    if (account === null || uid === this.name) return null
    if (account.state !== 'ok' && level !== 'root') return null
    return {
      updated: account.updated,
      mode: level === 'anon' ? account.defaults.anon : account.defaults.auth,
      public: account.public,
      trusted: account.trusted,
    }
  }

  /** A topic came into the list, or left it; own sessions are told what they must know (6.3). */
  #listed(fact: Extract<Fact, { kind: 'list' }>): TopicEvent[] {
    const { account } = this.#record
    const { topic, gone, at, notice, chan } = fact
    if (account === null || account.state === 'del') return []
    const events: TopicEvent[] = []
    if (this.#record.setListed(topic, gone, at)) events.push({ kind: 'list', topic, gone })
    if (notice === undefined) return events
    const { what, act, dacs, skipSid } = notice
    events.push(
      pres('attached', what, {
        src: topic,
        ...(chan === true ? { srcChan: true } : {}),
        ...(act === undefined ? {} : { act }),
        ...(dacs === undefined ? {} : { dacs }),
        ...(skipSid === undefined || skipSid === '' ? {} : { skipSid }),
        ...(what === 'acs' ? { unlessAttachedTo: topic } : {}),
      }),
    )
    return events
  }
}

/** Root may describe, suspend and delete somebody else's account; nothing more. */
function mayAct(actor: Actor, command: Command): boolean {
  if (actor.level !== 'root') return false
  return command.kind === 'set' || (command.kind === 'del' && command.what === 'user')
}

function leave({ actor, d }: MeTurn, unsub: boolean): void {
  if (unsub) return void d.parts.push(replies.denied)
  d.parts.push(actor.attached ? replies.ok : replies.notJoined)
  if (actor.attached) d.detach = true
}

/** On `me` there is an account to delete and credentials, nothing else (5.4). */
function del(t: MeTurn, command: DelCommand): void {
  const { d } = t
  switch (command.what) {
    case 'user':
      return deleteUser(t)
    case 'cred':
      d.parts.push(isWhole(command.cred) ? replies.noAction : replies.malformed)
      return
    case 'msg':
    case 'topic':
    case 'sub':
      d.parts.push(replies.denied)
  }
}

function isWhole(cred: DelCommand['cred']): boolean {
  return cred !== undefined && cred.meth !== '' && cred.val !== undefined && cred.val !== ''
}

function told(answer: Answer, outbox: readonly OutboxItem[] = []): Told {
  return { answer, events: [], outbox }
}
