import { sometimes } from '../assert.ts'
import type { UserId } from '../ids/user-id.ts'
import type { TopicName } from '../ids/topic-name.ts'
import type { Answer, Ask, LoginRecord } from './ask.ts'
import type { AuthLevel } from './command.ts'
import type { Entity, Env, Row, Told } from './entity.ts'
import type { Fact } from './fact.ts'
import type { OutboxItem, Outcome, Write } from './outcome.ts'
import { draft, replies } from './replies.ts'
import { fromJsonRow, jsonRow } from './row-bytes.ts'
import { tables } from './tables.ts'

interface Held {
  readonly holder: UserId | TopicName
  /** Login names only. */
  readonly secret?: string
  readonly level?: AuthLevel
  /** Which request took it: the same again is a retry, not a rival. */
  readonly key?: string
  /** The holder's last in which he claimed it; missing: 0. Unique tags only. */
  readonly epoch?: number
}

/** A unique name (`nam:basic:alice`, `nam:alias:alice`): decides who holds it. */
export class Name implements Entity {
  readonly name: string
  #held: Held | null = null
  #dirty = false

  constructor(name: string, rows: readonly Row[]) {
    this.name = name
    const row = rows[0]
    if (row !== undefined) this.#held = fromJsonRow(row.value) as Held
  }

  evaluate(): Outcome {
    return draft(replies.topicNotFound)
  }

  ask(ask: Ask, _env: Env): Told {
    if (ask.kind === 'login-find') return told(this.#login())
    if (ask.kind === 'login-create') return this.#create(ask)
    if (ask.kind === 'login-change') return told(this.#change(ask.uid, ask.secret))
    if (ask.kind === 'name-claim') return told(this.#claim(ask.holder, ask.epoch))
    return told(ask.kind === 'name-find' ? (this.#held?.holder ?? null) : null)
  }

  fact(fact: Fact): Told {
    if (fact.kind !== 'name-free' || this.#held?.holder !== fact.holder) return told(null)
    const claimed = this.#held.epoch ?? 0
    const isLate = claimed > (fact.epoch ?? 0)
    sometimes(isLate, 'chat: a name was given up and claimed again before its entity heard of it')
    if (!isLate) this.#set(null)
    return told(null)
  }

  takeWrites(): readonly Write[] {
    if (!this.#dirty) return []
    this.#dirty = false
    const value = this.#held === null ? null : jsonRow(this.#held)
    return [{ table: tables.self, key: new Uint8Array(0), value }]
  }

  weight(): number {
    return 400
  }

  #login(): LoginRecord | null {
    const held = this.#held
    if (held?.secret === undefined) return null
    return { uid: held.holder as UserId, secret: held.secret, level: held.level ?? 'auth' }
  }

  /** The account begins in the same commit as the name is taken, so that neither is without the other. */
  #create(ask: Extract<Ask, { kind: 'login-create' }>): Told {
    const { account, secret, key } = ask
    if (this.#held !== null) return told(this.#held.key === key ? 'ok' : 'taken')
    this.#set({ holder: account.uid, secret, level: account.level, key })
    return told('ok', [{ to: account.uid, fact: { kind: 'account', account } }])
  }

  #change(uid: UserId, secret: string): Answer {
    const held = this.#held
    if (held === null || held.holder !== uid || held.secret === undefined) return 'denied'
    if (held.secret !== secret) this.#set({ ...held, secret })
    return 'ok'
  }

  #claim(holder: UserId | TopicName, epoch: number): Answer {
    const held = this.#held
    if (held !== null && held.holder !== holder) return 'taken'
    if (held === null || epoch > (held.epoch ?? 0)) this.#set({ ...held, holder, epoch })
    return 'ok'
  }

  #set(held: Held | null): void {
    this.#held = held
    this.#dirty = true
  }
}

function told(answer: Answer, outbox: readonly OutboxItem[] = []): Told {
  return { answer, events: [], outbox }
}
