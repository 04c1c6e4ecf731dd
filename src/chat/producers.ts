import { sometimes } from '../assert.ts'
import { userIdBytes, userIdFromBytes } from '../ids/user-id.ts'
import type { UserId } from '../ids/user-id.ts'
import type { Row } from './entity.ts'
import type { Write } from './outcome.ts'
import { ProducerWindow, pageSlot, pageSlots } from './producer-window.ts'
import type { Verdict } from './producer-window.ts'
import { fromJsonRow, jsonRow } from './row-bytes.ts'
import { tables } from './tables.ts'

/**
 * Producers with a window in one topic. Above: the user who has most of them loses the one he has
 * not used for the longest time; its publishes are refused from then on, never stored twice.
 */
export const maxProducers = 1_024
/** Length of a producer's id, in UTF-16 units. Longer, or empty: malformed. */
export const maxProducerLength = 64
/** Users whose floor is kept one by one. Above: the oldest floors become one that holds for all. */
export const maxFloors = 16_384
const floorsJoined = 1_024

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
  /** Highest id that was retired; ids at or below it that are not known were retired, too. */
  floor = ''
  floorDirty = false

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
  /** Floor of everybody: ids at or below it that are not known were retired. */
  #common = ''
  #commonDirty = false
  #count = 0
  #floors = 0
  #dirty: Producer[] = []
  #dirtyFloors: Publisher[] = []
  #gone: Uint8Array[] = []

  static open(rows: readonly Row[]): Producers {
    const all = new Producers()
    for (const { key, value } of rows) {
      if (key.length === 0) {
        all.#common = (fromJsonRow(value) as { floor: string }).floor
        continue
      }
      const publisher = all.#publisher(userIdFromBytes(key.subarray(0, userBytes)))
      if (key.length === userBytes) {
        publisher.floor = (fromJsonRow(value) as { floor: string }).floor
        all.#floors++
        continue
      }
      const id = decoder.decode(key.subarray(userBytes, key.length - 1))
      all.#producer(publisher, id).window.restore(value)
    }
    return all
  }

  get size(): number {
    return this.#count
  }

  /** What is known of publish `n`; 'forgotten' when its producer was retired. `alone` as in PubCommand. */
  look(uid: UserId, id: string, n: number, alone?: boolean): Verdict {
    const publisher = this.#publishers.get(uid)
    const producer = publisher?.producers.get(id)
    if (producer !== undefined) {
      const verdict = producer.window.look(n)
      return verdict.kind === 'gap' && alone === true ? next : verdict
    }
    const floor = publisher?.floor ?? ''
    if (!later(id, floor) || !later(id, this.#common)) return forgotten
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
    for (const publisher of this.#dirtyFloors) {
      publisher.floorDirty = false
      to.push({ table, key: publisher.key, value: jsonRow({ floor: publisher.floor }) })
    }
    if (this.#commonDirty) {
      to.push({ table, key: new Uint8Array(0), value: jsonRow({ floor: this.#common }) })
    }
    this.#commonDirty = false
    this.#gone = []
    this.#dirty = []
    this.#dirtyFloors = []
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

  #retireOne(): void {
    let most: Publisher | undefined
    for (const publisher of this.#publishers.values()) {
      if (most === undefined || publisher.producers.size > most.producers.size) most = publisher
    }
    let oldest: Producer | undefined
    for (const producer of most?.producers.values() ?? []) {
      if (oldest === undefined || producer.window.lastSeq < oldest.window.lastSeq) oldest = producer
    }
    if (most === undefined || oldest === undefined) return
    sometimes(true, 'chat: a producer was retired')
    this.#forget(most, oldest)
    if (most.floor === '') this.#floors++
    if (later(oldest.id, most.floor)) most.floor = oldest.id
    if (!most.floorDirty) {
      most.floorDirty = true
      this.#dirtyFloors.push(most)
    }
    if (this.#floors > maxFloors) this.#joinFloors()
  }

  #joinFloors(): void {
    const floored = [...this.#publishers.values()].filter(({ floor }) => floor !== '')
    floored.sort((a, b) => (later(a.floor, b.floor) ? 1 : -1))
    for (const publisher of floored.slice(0, floorsJoined)) {
      if (later(publisher.floor, this.#common)) this.#common = publisher.floor
      publisher.floor = ''
      this.#floors--
      this.#dirtyFloors = this.#dirtyFloors.filter((other) => other !== publisher)
      publisher.floorDirty = false
      this.#gone.push(publisher.key)
      if (publisher.producers.size === 0) this.#publishers.delete(publisher.uid)
    }
    this.#commonDirty = true
  }

  #forget(publisher: Publisher, producer: Producer): void {
    publisher.producers.delete(producer.id)
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

/** Whether producer `a` was minted after `b`; '' is before all. */
function later(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length
}

function rowKey(key: Uint8Array, slot: number): Uint8Array {
  return join(key, Uint8Array.of(slot))
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length)
  joined.set(a)
  joined.set(b, a.length)
  return joined
}
