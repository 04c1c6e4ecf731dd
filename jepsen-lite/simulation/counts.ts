/** How often something happened, by what it was. */
export class Counts {
  readonly #seen = new Map<string, number>()

  add(what: string, n = 1): void {
    this.#seen.set(what, (this.#seen.get(what) ?? 0) + n)
  }

  addAll(other: Readonly<Record<string, number>>): void {
    for (const [what, n] of Object.entries(other)) this.add(what, n)
  }

  get(what: string): number {
    return this.#seen.get(what) ?? 0
  }

  toJSON(): Record<string, number> {
    return Object.fromEntries(this.#seen)
  }
}
