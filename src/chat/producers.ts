import { sometimes } from '../assert.ts'
import { userIdBytes, userIdFromBytes } from '../ids/user-id.ts'
import type { UserId } from '../ids/user-id.ts'
import type { Row } from './entity.ts'
import type { Write } from './outcome.ts'
import { ProducerFloors } from './producer-floors.ts'
import { ProducerWindow, pageSlot, pageSlots } from './producer-window.ts'
import type { Verdict } from './producer-window.ts'
import { tables } from './tables.ts'

/**
 * Producers with a window in one topic. Above: the user who has most of them loses the one he has
 * not used for the longest time; its publishes are refused from then on, never stored twice.
 */
export const maxProducers = 1_024
/** Length of a producer's id, in UTF-16 units. Longer, or empty: malformed. */
export const maxProducerLength = 64
const userBytes = 8

class Producer {
  readonly id: string
  /** Row key without the page: user, id. */
  readonly key: Uint8Array
  readonly window = new ProducerWindow()
  dirty = false

  constructor(id: string, key: Uint8Array) {
    this.id = id
    this.key = key
  }
}

/** The producers of one user. Whoever lets them multiply hurts only himself. */
class Publisher {
  readonly uid: UserId
  readonly key: Uint8Array
  readonly producers = new Map<string, Producer>()

  constructor(uid: UserId, key: Uint8Array) {
    this.uid = uid
    this.key = key
  }
}

/**
 * Who has published in a topic under which idempotency keys. Ids of producers rise with time
 * (snowflakes in base 36: the longer one is later, then the order of text decides), so one id per
 * user stands for all that were retired.
 */
export class Producers {
  readonly #publishers = new Map<UserId, Publisher>()
  readonly #floors = new ProducerFloors()
  #count = 0
  #dirty: Producer[] = []
  #gone: Uint8Array[] = []

  static open(rows: readonly Row[]): Producers {
    const all = new Producers()
    for (const { key, value } of rows) {
      const uid = key.length === 0 ? null : userIdFromBytes(key.subarray(0, userBytes))
      if (uid === null || key.length === userBytes) {
        all.#floors.restore(uid, value)
        continue
      }
      const id = decoder.decode(key.subarray(userBytes, key.length - 1))
      all.#producer(all.#publisher(uid), id).window.restore(value)
    }
    return all
  }

  get size(): number {
    return this.#count
  }

  /** What is known of publish `n`; 'forgotten' when its producer was retired. `alone` as in PubCommand. */
  look(uid: UserId, id: string, n: number, alone?: boolean): Verdict {
    const producer = this.#publishers.get(uid)?.producers.get(id)
    if (producer !== undefined) {
      const verdict = producer.window.look(n)
      return verdict.kind === 'gap' && alone === true ? next : verdict
    }
    if (this.#floors.covers(uid, id)) return forgotten
    return alone === false && n > 1 ? gap : next
  }

  add(uid: UserId, id: string, n: number, seq: number, hash: number): void {
    const publisher = this.#publisher(uid)
    const producer = this.#producer(publisher, id)
    producer.window.add(n, seq, hash)
    if (!producer.dirty) {
      producer.dirty = true
      this.#dirty.push(producer)
    }
    if (this.#count > maxProducers) this.#retireOne()
  }

  takeWrites(to: Write[]): void {
    const table = tables.producer
    for (const key of this.#gone) to.push({ table, key, value: null })
    for (const producer of this.#dirty) {
      producer.dirty = false
      for (const page of producer.window.pages) {
        if (!page.dirty) continue
        page.dirty = false
        to.push({
          table,
          key: rowKey(producer.key, pageSlot(page.number)),
          value: producer.window.encode(page),
        })
      }
    }
    this.#floors.takeWrites(to)
    this.#gone = []
    this.#dirty = []
  }

  #publisher(uid: UserId): Publisher {
    let publisher = this.#publishers.get(uid)
    if (publisher === undefined) {
      publisher = new Publisher(uid, userIdBytes(uid))
      this.#publishers.set(uid, publisher)
    }
    return publisher
  }

  #producer(publisher: Publisher, id: string): Producer {
    let producer = publisher.producers.get(id)
    if (producer === undefined) {
      producer = new Producer(id, join(publisher.key, encoder.encode(id)))
      publisher.producers.set(id, producer)
      this.#count++
    }
    return producer
  }

  /** Of the user who has most of them, the one unused for longest; the same after reopening. */
  #retireOne(): void {
    let from: Publisher | undefined
    let oldest: Producer | undefined
    for (const publisher of this.#publishers.values()) {
      const most = from?.producers.size ?? 0
      if (publisher.producers.size < most) continue
      if (publisher.producers.size > most) oldest = undefined
      for (const producer of publisher.producers.values()) {
        if (oldest !== undefined && producer.window.lastSeq > oldest.window.lastSeq) continue
        oldest = producer
        from = publisher
      }
    }
    if (from === undefined || oldest === undefined) return
    sometimes(true, 'chat: a producer was retired')
    this.#forget(from, oldest)
    this.#floors.raise(from.uid, oldest.id)
  }

  #forget(publisher: Publisher, producer: Producer): void {
    publisher.producers.delete(producer.id)
    if (publisher.producers.size === 0) this.#publishers.delete(publisher.uid)
    this.#count--
    for (let slot = 0; slot < pageSlots; slot++) this.#gone.push(rowKey(producer.key, slot))
    this.#dirty = this.#dirty.filter((other) => other !== producer)
  }
}

const next: Verdict = { kind: 'next' }
const forgotten: Verdict = { kind: 'forgotten' }
const gap: Verdict = { kind: 'gap' }
const encoder = new TextEncoder()
const decoder = new TextDecoder()

function rowKey(key: Uint8Array, slot: number): Uint8Array {
  return join(key, Uint8Array.of(slot))
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length)
  joined.set(a)
  joined.set(b, a.length)
  return joined
}
