import type { Random } from '../src/ports.ts'

/**
 * The harness's own source of chance: sfc32 (Chris Doty-Humphrey, PractRand), 128 bits of state,
 * seeded through FNV-1a. Equal seeds give equal runs on every machine. `split` makes a stream for
 * one purpose, so that another draw in one of them does not shift the others.
 */
export class Prng implements Random {
  readonly #name: string
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number | string) {
    this.#name = String(seed)
    this.#a = hash(this.#name, 0x811c9dc5)
    this.#b = hash(this.#name, 0x01234567)
    this.#c = hash(this.#name, 0x9e3779b9)
    for (let i = 0; i < 15; i++) this.next()
  }

  split(purpose: string): Prng {
    return new Prng(`${this.#name}/${purpose}`)
  }

  /** A uniform integer in [0, 2^32). */
  next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  /** A uniform integer in [0, bound); `bound` is 1..2^32. */
  below(bound: number): number {
    // Rejection keeps it uniform: the incomplete last slice of 2^32 is thrown away.
    const limit = 0x1_0000_0000 - (0x1_0000_0000 % bound)
    let drawn = this.next()
    while (drawn >= limit) drawn = this.next()
    return drawn % bound
  }

  /** Uniform in [0, 1). */
  fraction(): number {
    return this.next() / 0x1_0000_0000
  }

  chance(probability: number): boolean {
    return this.fraction() < probability
  }

  between(min: number, max: number): number {
    return min + this.fraction() * (max - min)
  }

  /** Of an exponential distribution: the gaps between independent events. */
  exponential(mean: number): number {
    return -Math.log(1 - this.fraction()) * mean
  }

  /** Throws when there is nothing to pick. */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new Error('nothing to pick from')
    return items[this.below(items.length)] as T
  }

  shuffled<T>(items: readonly T[]): T[] {
    const list = [...items]
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const held = list[i] as T
      list[i] = list[j] as T
      list[j] = held
    }
    return list
  }
}

function hash(text: string, start: number): number {
  let h = start
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return h >>> 0
}
