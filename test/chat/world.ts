import type { Answer, Ask } from '../../src/chat/ask.ts'
import type { Actor, AuthLevel, Command, Facts, UserCard } from '../../src/chat/command.ts'
import type { ChatLimits, Entity, Env, Row, Told } from '../../src/chat/entity.ts'
import type { TopicEvent } from '../../src/chat/event.ts'
import type { NewAccount } from '../../src/chat/fact.ts'
import { openEntity } from '../../src/chat/open.ts'
import type { Outcome, OutboxItem, Write } from '../../src/chat/outcome.ts'
import { tables } from '../../src/chat/tables.ts'
import { grpTopic, meTopic, p2pName, slfTopic } from '../../src/ids/topic-name.ts'
import type { TopicName } from '../../src/ids/topic-name.ts'
import { userIdFromHalves } from '../../src/ids/user-id.ts'
import type { UserId } from '../../src/ids/user-id.ts'

export const limits: ChatLimits = {
  maxSubscriberCount: 8,
  maxTagCount: 16,
  minTagLength: 2,
  maxTagLength: 96,
  messageDeleteAgeS: 600,
  p2pDelete: true,
}

export const anna = userIdFromHalves(0, 11)
export const ben = userIdFromHalves(0, 22)
export const carl = userIdFromHalves(0, 33)
export const dora = userIdFromHalves(0x80000000, 44)
export const team: TopicName = grpTopic(7, 7)
export const chat: TopicName = p2pName(anna, ben)
export const saved: TopicName = slfTopic(anna)

/**
 * A few entities with their rows beside them, as a partition would keep them: facts are carried at
 * once, cards are fetched when a rule asks, and every row written is kept for reopening.
 */
export class World {
  now = 1_800_000_000_000
  /** Every command meets an entity fresh from its rows, as after a change of owner. */
  readonly forgetful: boolean
  limits: ChatLimits = limits
  readonly rows = new Map<string, Map<string, Row>>()
  readonly #entities = new Map<string, Entity>()
  readonly #attached = new Map<string, Set<string>>()
  /** Events of the last command, with those of the facts it caused, by entity. */
  readonly told = new Map<string, TopicEvent[]>()
  /** Rows of the last command, facts included, in order. */
  written: (Write & { entity: string })[] = []

  constructor(forgetful = false) {
    this.forgetful = forgetful
  }

  entity(name: string): Entity {
    let entity = this.#entities.get(name)
    if (entity === undefined) {
      entity = openEntity(name, [])
      this.#entities.set(name, entity)
    }
    return entity
  }

  names(): string[] {
    return [...this.#entities.keys()]
  }

  /** The entity as a new owner would see it. */
  reopened(name: string): Entity {
    const rows = [...(this.rows.get(name)?.values() ?? [])]
    return openEntity(
      name,
      rows.filter((row) => row.table < tables.messages),
    )
  }

  env(name: string): Env {
    return {
      now: this.now,
      limits: this.limits,
      online: (uid) => [...(this.#attached.get(name) ?? [])].some((place) => place.startsWith(uid)),
      active: () => (this.#attached.get(name)?.size ?? 0) > 0,
    }
  }

  account(uid: UserId, more: Partial<NewAccount> = {}): void {
    const account: NewAccount = {
      uid,
      level: 'auth',
      at: this.now,
      defacs: { auth: 0x7f, anon: 0 },
      tags: [],
      ...more,
    }
    this.fact(uid, { kind: 'account', account })
  }

  actor(uid: UserId, name: string, more: Partial<Actor> = {}): Actor {
    const sid = more.sid ?? `s${uid.slice(3, 8)}`
    return {
      uid,
      level: 'auth' as AuthLevel,
      sid,
      node: 1,
      asChan: false,
      attached: this.#attached.get(name)?.has(uid + sid) ?? false,
      ...more,
    }
  }

  /** Carries out a command as the floors above do: cards are fetched, places are kept. */
  run(uid: UserId, name: string, command: Command, more: Partial<Actor> = {}): Outcome {
    if (this.forgetful) {
      for (const known of this.#entities.keys()) this.#entities.set(known, this.reopened(known))
    }
    this.told.clear()
    this.written = []
    const actor = this.actor(uid, name, more)
    let outcome = this.entity(name).evaluate(actor, command, this.env(name))
    if (outcome.needs !== undefined) {
      const facts = this.facts(outcome.needs)
      outcome = this.entity(name).evaluate(actor, { ...command, facts } as Command, this.env(name))
    }
    this.#settle(name, outcome)
    const place = uid + actor.sid
    if (outcome.attach !== undefined) this.#places(name).add(place)
    if (outcome.detach === true) this.#places(name).delete(place)
    for (const event of outcome.events) {
      if (event.kind === 'closed') this.#places(name).clear()
      if (event.kind !== 'evict') continue
      for (const at of this.#places(name))
        if (at.startsWith(event.uid)) this.#places(name).delete(at)
    }
    return outcome
  }

  facts(users: readonly UserId[]): Facts {
    return Object.fromEntries(
      users.map((uid) => [uid, this.ask(uid, { kind: 'card' }) as UserCard | null]),
    ) as Facts
  }

  ask(name: string, ask: Ask): Answer {
    const told = this.entity(name).ask(ask, this.env(name))
    this.#settle(name, told)
    return told.answer
  }

  fact(name: string, fact: Parameters<Entity['fact']>[0]): void {
    this.#settle(name, this.entity(name).fact(fact, this.env(name)))
  }

  /** Takes the dirty rows, and carries the facts. */
  #settle(name: string, { events, outbox }: Outcome | Told): void {
    const seen = this.told.get(name)
    if (seen === undefined) this.told.set(name, [...events])
    else seen.push(...events)
    this.#save(name)
    for (const { to, fact } of outbox as readonly OutboxItem[]) this.fact(to, fact)
  }

  #save(name: string): void {
    let rows = this.rows.get(name)
    if (rows === undefined) this.rows.set(name, (rows = new Map()))
    const seen = new Set<string>()
    for (const { table, key, value } of this.entity(name).takeWrites()) {
      this.written.push({ entity: name, table, key, value })
      const id = `${table}:${Buffer.from(key).toString('hex')}`
      if (table !== tables.messages && seen.has(id)) throw new Error(`row ${id} came twice`)
      seen.add(id)
      if (value === null) rows.delete(id)
      else rows.set(id, { table, key, value: value.slice() })
    }
  }

  #places(name: string): Set<string> {
    let places = this.#attached.get(name)
    if (places === undefined) this.#attached.set(name, (places = new Set()))
    return places
  }
}

/** A world with four accounts. */
export function people(forgetful = false): World {
  const world = new World(forgetful)
  world.account(anna, { public: { fn: 'Anna' } })
  world.account(ben, { public: { fn: 'Ben' } })
  world.account(carl)
  world.account(dora)
  return world
}

export function codes(outcome: Outcome): (number | string)[] {
  return outcome.parts.map((part) =>
    part.kind === 'ctrl' ? part.code : part.kind === 'meta' ? part.part : part.kind,
  )
}

let keys = 0
export function pub(content: string, more: object = {}): Command {
  keys++
  return {
    kind: 'pub',
    producer: `p${keys}`,
    n: 1,
    hash: 1,
    head: null,
    content: JSON.stringify(content),
    noecho: false,
    ...more,
  }
}

export const own = meTopic
