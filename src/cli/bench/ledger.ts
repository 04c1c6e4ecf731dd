import type { BenchUsers } from './bench-users.ts'
import { numberOf } from './payload.ts'

export interface LedgerVerdict {
  readonly acked: number
  /** Acknowledged and not in history. */
  readonly lost: number
  /** More than once in history. */
  readonly dup: number
  /** Not where the acknowledgement said, or history has a hole or a repeat. */
  readonly misplaced: number
  /** Stored without an acknowledgement: allowed. */
  readonly unackedKept: number
}

/** Which numbered messages were sent to a topic and acknowledged, held against what history says afterwards. */
export class Ledger {
  readonly #topic: string
  readonly #sent = new Set<number>()
  /** Message number → seq that its acknowledgement named. */
  readonly #acked = new Map<number, number>()
  readonly #seen = new Map<number, number[]>()
  #next = 1
  #gaps = 0

  constructor(topic: string) {
    this.#topic = topic
  }

  sent(n: number): void {
    this.#sent.add(n)
  }

  acked(n: number, seq: number): void {
    this.#acked.set(n, seq)
  }

  /** Reads what is new in history through `node`, and judges everything so far. */
  async check(users: BenchUsers, node: number): Promise<LedgerVerdict> {
    await users.history(node, this.#topic, this.#next, (seq, content) => this.stored(seq, content))
    return this.verdict()
  }

  /** One message of history. They come in order of seq. */
  stored(seq: number, content: string): void {
    if (seq !== this.#next) this.#gaps++
    this.#next = seq + 1
    const n = numberOf(content)
    const places = this.#seen.get(n)
    if (places === undefined) this.#seen.set(n, [seq])
    else places.push(seq)
  }

  verdict(): LedgerVerdict {
    const found = {
      acked: this.#acked.size,
      lost: 0,
      dup: 0,
      misplaced: this.#gaps,
      unackedKept: 0,
    }
    for (const n of this.#sent) {
      const places = this.#seen.get(n) ?? []
      const seq = this.#acked.get(n)
      if (places.length > 1) found.dup++
      if (seq === undefined) found.unackedKept += places.length > 0 ? 1 : 0
      else if (places.length === 0) found.lost++
      else if (!places.includes(seq)) found.misplaced++
    }
    return found
  }
}

export function isClean({ lost, dup, misplaced }: LedgerVerdict): boolean {
  return lost === 0 && dup === 0 && misplaced === 0
}
