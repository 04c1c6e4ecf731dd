import { expect } from 'vitest'
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
  keepMessages: 0,
  keepMessagesS: 0,
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
 * once, and cards are fetched when a rule asks. Whatever an entity is told, a second one, opened
 * just before from the rows alone, is told as well: both must answer and write the same, so that
 * it makes no difference when the topic's owner changes.
 */
export class World {
  now = 1_800_000_000_000
  /** Off where a test would spend its time on reopening. */
  shadowed = true
  limits: ChatLimits = limits
  readonly rows = new Map<string, Map<string, Row>>()
  readonly #entities = new Map<string, Entity>()
  readonly #attached = new Map<string, Set<string>>()
  /** Events of the last command, with those of the facts it caused, by entity. */
  readonly told = new Map<string, TopicEvent[]>()
  /** Rows of the last command, facts included, in order. */
  written: (Write & { entity: string })[] = []

  entity(name: string): Entity {
    let entity = this.#entities.get(name)
    if (entity === undefined) {
      entity = openEntity(name, [])
      this.#entities.set(name, entity)
    }
    return entity
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
    this.told.clear()
    this.written = []
    const actor = this.actor(uid, name, more)
    const needs = this.#needs(name, actor, command)
    let asked = command
    if (needs !== undefined) asked = { ...command, facts: this.facts(needs) } as Command
    const outcome = this.#tell(name, (entity, env) => entity.evaluate(actor, asked, env))
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
    return this.#tell(name, (entity, env) => entity.ask(ask, env)).answer
  }

  fact(name: string, fact: Parameters<Entity['fact']>[0]): void {
    this.#tell(name, (entity, env) => entity.fact(fact, env))
  }

  /** Asked of a copy: the command itself is evaluated once. */
  #needs(name: string, actor: Actor, command: Command): readonly UserId[] | undefined {
    if (command.kind === 'pub') return undefined
    return this.reopened(name).evaluate(actor, command, this.env(name)).needs
  }

  #tell<T extends Outcome | Told>(name: string, rule: (entity: Entity, env: Env) => T): T {
    const entity = this.entity(name)
    const shadow = this.shadowed ? this.reopened(name) : null
    const result = rule(entity, this.env(name))
    const writes = entity.takeWrites()
    if (shadow !== null) {
      same(orderless(rule(shadow, this.env(name))), orderless(result))
      same(shadow.takeWrites().map(rowText).sort(), writes.map(rowText).sort())
    }
    const seen = this.told.get(name)
    if (seen === undefined) this.told.set(name, [...result.events])
    else seen.push(...result.events)
    this.#save(name, writes)
    for (const { to, fact } of result.outbox as readonly OutboxItem[]) this.fact(to, fact)
    return result
  }

  #save(name: string, writes: readonly Write[]): void {
    let rows = this.rows.get(name)
    if (rows === undefined) this.rows.set(name, (rows = new Map()))
    const seen = new Set<string>()
    for (const { table, key, value } of writes) {
      this.written.push({ entity: name, table, key, value })
      const id = `${table}:${Buffer.from(key).toString('hex')}`
      if (table !== tables.messages && seen.has(id)) throw new Error(`row ${id} comes twice`)
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
export function people(): World {
  const world = new World()
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

/** Compares as text first: a deep comparison is only worth its time when there is something to show. */
export function same(a: unknown, b: unknown): void {
  if (JSON.stringify(a) !== JSON.stringify(b)) expect(a).toEqual(b)
}

function rowText({ table, key, value }: Write): string {
  const text = value === null ? 'removed' : Buffer.from(value).toString('latin1')
  return `${table} ${Buffer.from(key).toString('hex')} ${text}`
}

/** Facts to different entities, and names in a list, have no order. */
function orderless<T extends Outcome | Told>(result: T): unknown {
  const outbox = result.outbox.map((item) => JSON.stringify(item)).sort()
  const lists = 'answer' in result && Array.isArray(result.answer)
  const answer = lists ? { answer: [...(result.answer as string[])].sort() } : {}
  return { ...result, ...answer, outbox }
}
