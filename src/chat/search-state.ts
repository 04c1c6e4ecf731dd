import { soleUser } from '../ids/topic-name.ts'
import type { TopicName } from '../ids/topic-name.ts'
import { modeText, selfTopicMode } from './access-mode.ts'
import type { Ask } from './ask.ts'
import type { Actor, Command, Json } from './command.ts'
import type { Entity, Env, Row, Told } from './entity.ts'
import { acceptable, isTooLong, mergeJson, put, sameJson } from './json-merge.ts'
import type { Outcome, Write } from './outcome.ts'
import { acs, draft, nothing, replies } from './replies.ts'
import type { Draft } from './replies.ts'
import { fromJsonRow, jsonRow } from './row-bytes.ts'
import { tables } from './tables.ts'

/**
 * What is stored of somebody's `fnd`: the search text that all his devices share (`private`). The
 * text of one session (`public`) stays at its edge, which also does the search.
 */
export class SearchState implements Entity {
  readonly name: TopicName
  #private: Json | undefined
  #updated = 0
  #dirty = false

  constructor(name: TopicName, rows: readonly Row[]) {
    this.name = name
    const row = rows[0]
    if (row === undefined) return
    const stored = fromJsonRow(row.value) as { v?: Json; updated: number }
    this.#private = stored.v
    this.#updated = stored.updated
  }

  evaluate(actor: Actor, command: Command, env: Env): Outcome {
    const d = draft()
    if (command.kind === 'note') return d
    if (actor.uid !== soleUser(this.name)) return draft(replies.topicNotFound)
    switch (command.kind) {
      case 'sub':
        d.parts.push(replies.ok)
        if (!actor.attached) d.attach = { want: selfTopicMode, given: selfTopicMode, seq: 0 }
        if (command.get?.what.includes('desc') === true) this.#desc(d)
        break
      case 'leave':
        if (command.unsub) d.parts.push(replies.denied)
        else {
          d.parts.push(actor.attached ? replies.ok : replies.notJoined)
          d.detach = actor.attached
        }
        break
      case 'get':
        this.#get(d, command.query.what)
        break
      case 'set':
        d.parts.push(this.#set(command.desc?.private, command.desc !== undefined, env.now))
        break
      case 'pub':
      case 'del':
        d.parts.push(replies.denied)
    }
    return d
  }

  ask(ask: Ask): Told {
    const text = ask.kind === 'search-text' && typeof this.#private === 'string'
    return { answer: text ? (this.#private as string) : null, events: [], outbox: [] }
  }

  fact(): Told {
    return { answer: null, events: [], outbox: [] }
  }

  takeWrites(): readonly Write[] {
    if (!this.#dirty) return []
    this.#dirty = false
    const value = jsonRow({ v: this.#private, updated: this.#updated })
    return [{ table: tables.self, key: new Uint8Array(0), value }]
  }

  weight(): number {
    return 500
  }

  #get(d: Draft, what: readonly string[]): void {
    if (what.length === 0) d.parts.push(replies.malformed)
    for (const word of what) {
      if (word === 'desc') this.#desc(d)
      else if (word === 'data') d.parts.push(replies.denied)
      else if (word === 'cred' || word === 'aux') d.parts.push(replies.notAllowed)
      else d.parts.push(nothing(word))
    }
  }

  #desc(d: Draft): void {
    const value: { [key: string]: Json } = {
      updated: this.#updated,
      defacs: { auth: modeText(0), anon: modeText(0) },
      acs: acs(selfTopicMode, selfTopicMode),
    }
    put(value, 'private', this.#private)
    d.parts.push({ kind: 'meta', part: 'desc', value })
  }

  #set(said: Json | undefined, anything: boolean, now: number): Draft['parts'][number] {
    if (!anything || !acceptable(said)) return replies.malformed
    const value = mergeJson(this.#private, said)
    if (isTooLong(value)) return replies.tooLarge
    if (!sameJson(value, this.#private)) {
      this.#private = value
      this.#updated = now
      this.#dirty = true
    }
    return replies.ok
  }
}
