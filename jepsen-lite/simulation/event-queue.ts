import type { Prng } from '../prng.ts'

export type Task = () => void

interface Event {
  readonly at: number
  /** Drawn: events of the same time come in no order that a program could rely on. */
  readonly key: number
  readonly task: Task
}

/** What is still to happen, and the virtual clock, in ms. A binary heap by (time, drawn key). */
export class EventQueue {
  now = 0
  /** Events taken so far. */
  taken = 0
  readonly #random: Prng
  readonly #heap: Event[] = []

  constructor(random: Prng) {
    this.#random = random
  }

  get length(): number {
    return this.#heap.length
  }

  after(ms: number, task: Task): void {
    const heap = this.#heap
    const event = { at: this.now + ms, key: this.#random.next(), task }
    let at = heap.length
    heap.push(event)
    while (at > 0) {
      const up = (at - 1) >> 1
      const parent = heap[up] as Event
      if (!isBefore(event, parent)) break
      heap[at] = parent
      at = up
    }
    heap[at] = event
  }

  /** Moves the clock to the next event and hands it out; null when nothing is left up to `until`. */
  next(until: number): Task | null {
    const heap = this.#heap
    const first = heap[0]
    if (first === undefined || first.at > until) return null
    const last = heap.pop() as Event
    if (heap.length > 0) this.#sink(last)
    this.now = first.at
    this.taken++
    return first.task
  }

  #sink(event: Event): void {
    const heap = this.#heap
    const { length } = heap
    let at = 0
    for (;;) {
      let down = 2 * at + 1
      if (down >= length) break
      const right = down + 1
      if (right < length && isBefore(heap[right] as Event, heap[down] as Event)) down = right
      const child = heap[down] as Event
      if (!isBefore(child, event)) break
      heap[at] = child
      at = down
    }
    heap[at] = event
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.key < b.key)
}
