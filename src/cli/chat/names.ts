import type { SubRow } from '../../client/protocol.ts'
import { harmless } from './terminal.ts'

/** Names that people gave themselves, by user or topic id. */
export class Names {
  readonly #names = new Map<string, string>()

  learn(id: string | undefined, publicPart: unknown): void {
    if (id === undefined || typeof publicPart !== 'object' || publicPart === null) return
    const { fn } = publicPart as { fn?: unknown }
    if (typeof fn !== 'string' || fn === '' || this.#names.size >= maxNames) return
    this.#names.set(id, harmless(fn).slice(0, 40))
  }

  learnRows(rows: readonly SubRow[]): void {
    for (const row of rows) this.learn(row.user ?? row.topic, row.public)
  }

  has(id: string): boolean {
    return this.#names.has(id)
  }

  /** The name, or the id itself. */
  of(id: string): string {
    return this.#names.get(id) ?? harmless(id)
  }
}

/** Above: later names are shown as ids. */
const maxNames = 10_000
