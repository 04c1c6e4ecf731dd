import { sometimes } from '../assert.ts'
import { topicFromKey, topicKey } from '../ids/topic-key.ts'
import type { TopicName } from '../ids/topic-name.ts'
import type { Ask } from './ask.ts'
import type { Entity, Env, Row, Told } from './entity.ts'
import type { Fact } from './fact.ts'
import type { Outcome, Write } from './outcome.ts'
import { draft, replies } from './replies.ts'
import { rowVersion } from './row-bytes.ts'
import { tables } from './tables.ts'

/** Carriers that a tag remembers. Above: newcomers are not found by it. */
export const maxCarriers = 100_000

/** A tag (`tag:travel`): who carries it. */
export class Tag implements Entity {
  readonly name: string
  readonly #carriers = new Set<TopicName>()
  readonly #dirty = new Set<TopicName>()

  constructor(name: string, rows: readonly Row[]) {
    this.name = name
    for (const { key } of rows) this.#carriers.add(topicFromKey(key))
  }

  evaluate(): Outcome {
    return draft(replies.topicNotFound)
  }

  ask(ask: Ask, _env: Env): Told {
    if (ask.kind !== 'tag-find') return { answer: null, events: [], outbox: [] }
    const found: TopicName[] = []
    for (const topic of this.#carriers) {
      if (found.length >= ask.limit) break
      found.push(topic)
    }
    return { answer: found, events: [], outbox: [] }
  }

  fact(fact: Fact): Told {
    if (fact.kind === 'tag') {
      const { target, gone } = fact
      const full = !gone && this.#carriers.size >= maxCarriers
      sometimes(full, 'chat: a tag had too many carriers')
      const changed = gone ? this.#carriers.delete(target) : !full && !this.#carriers.has(target)
      if (changed && !gone) this.#carriers.add(target)
      if (changed) this.#dirty.add(target)
    }
    return { answer: null, events: [], outbox: [] }
  }

  takeWrites(): readonly Write[] {
    const writes: Write[] = []
    for (const topic of this.#dirty) {
      const value = this.#carriers.has(topic) ? Uint8Array.of(rowVersion) : null
      writes.push({ table: tables.carrier, key: topicKey(topic), value })
    }
    this.#dirty.clear()
    return writes
  }

  weight(): number {
    return 300 + this.#carriers.size * 100
  }
}
