/** What happened, in lines: the newest `limit`, or all when `print` is given. */
export class Narrative {
  readonly #limit: number
  readonly #print: ((line: string) => void) | null
  #lines: string[] = []

  constructor(limit: number, print: ((line: string) => void) | null = null) {
    this.#limit = limit
    this.#print = print
  }

  get lines(): readonly string[] {
    return this.#lines.slice(-this.#limit)
  }

  /** `line` is made only if somebody will read it. */
  add(ms: number, line: () => string): void {
    if (this.#limit === 0 && this.#print === null) return
    const text = `${ms.toFixed(2).padStart(10)} ${line()}`
    if (this.#print !== null) this.#print(text)
    if (this.#limit === 0) return
    this.#lines.push(text)
    if (this.#lines.length > 2 * this.#limit) this.#lines = this.#lines.slice(-this.#limit)
  }
}
