/** 64 bits over everything that happened in a run: equal seeds must give equal hashes. */
export class TraceHash {
  #high = 0x9e3779b9
  #low = 0x7f4a7c15

  add(a: number, b: number, c: number, d: number): void {
    this.#low = mix(this.#low ^ a, b)
    this.#high = mix(this.#high ^ c ^ this.#low, d)
  }

  toString(): string {
    const text = (half: number) => (half >>> 0).toString(16).padStart(8, '0')
    return text(this.#high) + text(this.#low)
  }
}

/** One round of two 32-bit words into one (the constants are MurmurHash3's). */
export function mix(a: number, b: number): number {
  let h = Math.imul(a ^ b, 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13) ^ Math.imul(b, 0x9e3779b1), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

export function hashBytes(bytes: Uint8Array): number {
  let h = bytes.length
  for (let i = 0; i < bytes.length; i++) h = Math.imul(h ^ (bytes[i] as number), 0x01000193)
  return h
}
