import { describe, expect, test } from 'vitest'
import type { Timers } from '../../src/ports.ts'
import { SendQueue, TurnFlusher } from '../../src/session/send-queue.ts'
import type { Outlet } from '../../src/session/send-queue.ts'

/** A socket that takes `roomBytes` before it asks to wait, and drains when told. */
class Pipe implements Outlet {
  readonly writes: Buffer[] = []
  writableLength = 0
  readonly #roomBytes: number
  #onDrain: (() => void) | null = null
  corked = 0

  constructor(roomBytes = Infinity) {
    this.#roomBytes = roomBytes
  }

  write(bytes: Buffer): boolean {
    this.writes.push(bytes)
    if (this.#roomBytes === Infinity) return true
    this.writableLength += bytes.length
    return this.writableLength < this.#roomBytes
  }
  cork(): void {
    this.corked++
  }
  uncork(): void {}
  once(_event: 'drain', listener: () => void): void {
    expect(this.#onDrain).toBeNull()
    this.#onDrain = listener
  }
  drain(): void {
    this.writableLength = 0
    const listener = this.#onDrain
    this.#onDrain = null
    listener?.()
  }
  get text(): string {
    return Buffer.concat(this.writes).toString()
  }
}

class Turns {
  #soon: (() => void)[] = []
  readonly timers: Timers = {
    after: () => () => {},
    every: () => () => {},
    soon: (task) => void this.#soon.push(task),
  }
  /** Ends one turn; false when nothing was to be done. */
  turn(): boolean {
    const tasks = this.#soon
    this.#soon = []
    for (const task of tasks) task()
    return tasks.length > 0
  }
}

const frame = (text: string): Buffer => Buffer.from(text)
const wide = { frames: 1_000, bytes: 1_000_000 }

describe('one turn', () => {
  test('all frames of a turn leave in one write, in order', () => {
    const turns = new Turns()
    const flusher = new TurnFlusher(turns.timers, wide)
    const pipe = new Pipe()
    const queue = new SendQueue(pipe, flusher)
    for (const text of ['a', 'b', 'c']) expect(queue.push(frame(text))).toBe(true)
    expect(pipe.writes).toHaveLength(0)
    turns.turn()
    expect(pipe.writes.map(String)).toEqual(['abc'])
    queue.push(frame('d'))
    turns.turn()
    expect(pipe.text).toBe('abcd')
    expect(turns.turn()).toBe(false)
  })

  test('sockets with the same frames share one buffer; a single frame is written as it is', () => {
    const turns = new Turns()
    const flusher = new TurnFlusher(turns.timers, wide)
    const pipes = Array.from({ length: 50 }, () => new Pipe())
    const [a, b] = [frame('a'), frame('b')]
    for (const [i, pipe] of pipes.entries()) {
      const queue = new SendQueue(pipe, flusher)
      queue.push(a)
      if (i < 40) queue.push(b)
    }
    turns.turn()
    expect(new Set(pipes.slice(0, 40).map((pipe) => pipe.writes[0])).size).toBe(1)
    expect(pipes.slice(40).every((pipe) => pipe.writes[0] === a)).toBe(true)
  })

  test('lists that begin alike are not mixed up', () => {
    const turns = new Turns()
    const flusher = new TurnFlusher(turns.timers, wide)
    const [a, b, c] = [frame('a'), frame('b'), frame('c')]
    const lists = [
      [a, b],
      [a, c],
      [a, b, c],
      [a, b],
    ]
    const pipes = lists.map((list) => {
      const pipe = new Pipe()
      const queue = new SendQueue(pipe, flusher)
      for (const each of list) queue.push(each)
      return pipe
    })
    turns.turn()
    expect(pipes.map((pipe) => pipe.text)).toEqual(['ab', 'ac', 'abc', 'ab'])
  })

  test('much is written as a vector, not copied', () => {
    const turns = new Turns()
    const flusher = new TurnFlusher(turns.timers, wide)
    const pipe = new Pipe()
    const queue = new SendQueue(pipe, flusher)
    const big = Buffer.alloc(50_000)
    queue.push(big)
    queue.push(big)
    turns.turn()
    expect(pipe.corked).toBe(1)
    expect(pipe.writes.every((bytes) => bytes === big)).toBe(true)
    expect(pipe.writes).toHaveLength(2)
  })

  test('more than 200 sockets are flushed in slices', () => {
    const turns = new Turns()
    const flusher = new TurnFlusher(turns.timers, wide)
    const pipes = Array.from({ length: 450 }, () => new Pipe())
    for (const pipe of pipes) new SendQueue(pipe, flusher).push(frame('x'))
    const written: number[] = []
    while (turns.turn()) written.push(pipes.filter((pipe) => pipe.writes.length > 0).length)
    expect(written).toEqual([200, 400, 450])
  })
})

describe('a socket that does not drain', () => {
  test('keeps frames back, and goes on in order when it drains', () => {
    const turns = new Turns()
    const flusher = new TurnFlusher(turns.timers, wide)
    const pipe = new Pipe(2)
    const queue = new SendQueue(pipe, flusher)
    queue.push(frame('ab'))
    turns.turn()
    for (const text of ['c', 'd']) queue.push(frame(text))
    turns.turn()
    expect(pipe.text).toBe('ab')
    expect(queue.frames).toBe(3)
    expect(queue.bytes).toBe(4)
    pipe.drain()
    turns.turn()
    expect(pipe.text).toBe('abcd')
    pipe.drain()
    expect(queue.frames).toBe(0)
    expect(queue.bytes).toBe(0)
  })

  test.for([
    ['frames', { frames: 3, bytes: 1_000 }],
    ['bytes', { frames: 1_000, bytes: 3 }],
  ] as const)('is bounded in %s, with what the socket holds counted in', ([, bounds]) => {
    const turns = new Turns()
    const pipe = new Pipe(1)
    const queue = new SendQueue(pipe, new TurnFlusher(turns.timers, bounds))
    expect(queue.push(frame('a'))).toBe(true)
    turns.turn()
    expect(queue.push(frame('b'))).toBe(true)
    expect(queue.push(frame('c'))).toBe(true)
    expect(queue.push(frame('d'))).toBe(false)
    pipe.drain()
    turns.turn()
    expect(pipe.text).toBe('abc')
  })
})

describe('slow and not', () => {
  const bounds = { frames: 16, bytes: 1_000 }

  function queueOn(pipe: Pipe) {
    const turns = new Turns()
    let eased = 0
    const queue = new SendQueue(pipe, new TurnFlusher(turns.timers, bounds), () => void eased++)
    return { turns, queue, eased: () => eased }
  }

  test('above half of its bound while the socket waits; eased once it has drained to an eighth', () => {
    const pipe = new Pipe(1)
    const { turns, queue, eased } = queueOn(pipe)
    queue.push(frame('a'))
    turns.turn()
    for (let i = 0; i < 6; i++) queue.push(frame('b'))
    expect(queue.isSlow).toBe(false)
    queue.push(frame('c'))
    expect(queue.isSlow).toBe(true)
    pipe.drain()
    expect(queue.isSlow).toBe(true) // seven more wait
    turns.turn()
    expect([queue.isSlow, eased()]).toEqual([true, 0])
    pipe.drain()
    expect(queue.isSlow).toBe(false)
    turns.turn()
    expect(eased()).toBe(1)
  })

  test('also in bytes', () => {
    const pipe = new Pipe(1)
    const { turns, queue } = queueOn(pipe)
    queue.push(frame('x'.repeat(400)))
    turns.turn()
    expect(queue.isSlow).toBe(false)
    queue.push(frame('x'.repeat(100)))
    expect(queue.isSlow).toBe(true)
    expect(queue.push(frame('x'.repeat(501)))).toBe(false)
    expect(queue.push(frame('x'.repeat(500)))).toBe(true)
  })

  test('much in one turn is written before the turn ends, to a socket that takes it', () => {
    const pipe = new Pipe()
    const { turns, queue, eased } = queueOn(pipe)
    for (let i = 0; i < 100; i++) expect(queue.push(frame(`${i % 10}`))).toBe(true)
    expect(queue.isSlow).toBe(false)
    turns.turn()
    expect(pipe.text).toBe('0123456789'.repeat(10))
    expect(eased()).toBe(0)
  })

  test('one frame above the bound is taken by an empty queue, and by no other', () => {
    const pipe = new Pipe(1)
    const { turns, queue } = queueOn(pipe)
    const large = frame('x'.repeat(2_000))
    expect(queue.push(large)).toBe(true)
    turns.turn()
    expect(queue.push(frame('y'))).toBe(false)
    pipe.drain()
    expect(queue.push(frame('y'))).toBe(true)
    expect(queue.push(large)).toBe(false)
  })

  test('a socket that does not drain gets 256 KiB at a time, and its progress shows', () => {
    const turns = new Turns()
    const pipe = new Pipe(1)
    const wide = { frames: 1_000, bytes: 100_000_000 }
    const queue = new SendQueue(pipe, new TurnFlusher(turns.timers, wide))
    const block = Buffer.alloc(100_000)
    for (let i = 0; i < 10; i++) queue.push(block)
    const seen: number[] = []
    for (let round = 0; round < 5; round++) {
      turns.turn()
      seen.push(pipe.writes.length)
      pipe.drain()
    }
    expect(seen).toEqual([3, 6, 9, 10, 10])
    expect(queue.progress).toBe(4)
    expect([queue.frames, queue.bytes]).toEqual([0, 0])
  })
})

test('closing writes what has gathered, or drops it; nothing follows', () => {
  for (const flushing of [true, false]) {
    const turns = new Turns()
    const pipe = new Pipe()
    const queue = new SendQueue(pipe, new TurnFlusher(turns.timers, wide))
    queue.push(frame('a'))
    queue.close(flushing)
    queue.close(true)
    expect(queue.push(frame('b'))).toBe(false)
    turns.turn()
    expect(pipe.text).toBe(flushing ? 'a' : '')
  }
})
