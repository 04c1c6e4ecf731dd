import { assert } from '../assert.ts'
import { RowReader, RowWriter } from './row-bytes.ts'

/** Publishes in one page of a window. Frozen: page numbers are on disk. */
export const pageEntries = 32
/** Pages kept: the one being filled, and as many as cover 256 publishes before it. */
export const pagesKept = 9

/** Publishes n0, n0+1, … of one producer, with the seq that each got and the hash of its body. */
class Page {
  readonly number: number
  n0: number
  readonly seqs: number[] = []
  readonly hashes: number[] = []
  dirty = false

  constructor(number: number, n0: number) {
    this.number = number
    this.n0 = n0
  }
}

/** What is known of publish n of a producer. */
export type Verdict =
  | { readonly kind: 'next' }
  | { readonly kind: 'known'; readonly seq: number; readonly hash: number }
  /** Before the window, or before the first publish seen. */
  | { readonly kind: 'forgotten' }
  | { readonly kind: 'gap' }

const next: Verdict = { kind: 'next' }
const forgotten: Verdict = { kind: 'forgotten' }
const gap: Verdict = { kind: 'gap' }

/**
 * The last publishes of one producer in one topic (P3), at least 256 of them. Pages are rows of
 * their own: a publish rewrites at most 32 entries, whatever the window's size.
 */
export class ProducerWindow {
  readonly pages: Page[] = []
  last = 0

  /** Topic seq of the last publish: the order in which producers were last used. */
  get lastSeq(): number {
    const page = this.pages[this.pages.length - 1]
    return page?.seqs[page.seqs.length - 1] ?? 0
  }

  look(n: number): Verdict {
    if (this.pages.length === 0 || n === this.last + 1) return next
    if (n > this.last) return gap
    const number = Math.floor(n / pageEntries)
    for (let i = this.pages.length - 1; i >= 0; i--) {
      const page = this.pages[i]
      if (page === undefined || page.number > number) continue
      const seq = page.number === number ? page.seqs[n - page.n0] : undefined
      const hash = page.hashes[n - page.n0]
      if (seq === undefined || hash === undefined) return forgotten
      if (seq === page.seqs[n - page.n0 - 1]) return forgotten // left out
      return { kind: 'known', seq, hash }
    }
    return forgotten
  }

  /** Records publish `n`. Numbers left out before it were refused: they stand with the seq before them. */
  add(n: number, seq: number, hash: number): void {
    assert(this.pages.length === 0 || n > this.last, 'CHAT-7', { last: this.last, n })
    assert(seq > this.lastSeq, 'CHAT-7', { lastSeq: this.lastSeq, seq })
    const number = Math.floor(n / pageEntries)
    let page = this.pages[this.pages.length - 1]
    if (page === undefined || page.number !== number) {
      page = new Page(number, n)
      this.pages.push(page)
      this.#dropOld(number)
    }
    while (page.n0 + page.seqs.length < n) {
      page.seqs.push(this.lastSeq)
      page.hashes.push(0)
    }
    page.seqs.push(seq)
    page.hashes.push(hash)
    page.dirty = true
    this.last = n
  }

  /** Puts back a page that was read from its row; pages come in any order. */
  restore(value: Uint8Array): void {
    const row = new RowReader(value)
    const page = new Page(row.varint(), row.varint())
    let seq = 0
    while (!row.atEnd) {
      seq += row.varint()
      page.seqs.push(seq)
      page.hashes.push(row.word())
    }
    this.pages.push(page)
    this.pages.sort((a, b) => a.number - b.number)
    const newest = this.pages[this.pages.length - 1] ?? page
    this.#dropOld(newest.number)
    this.last = newest.n0 + newest.seqs.length - 1
  }

  encode(page: Page): Uint8Array {
    const row = new RowWriter(16 + 8 * page.seqs.length).varint(page.number).varint(page.n0)
    let before = 0
    for (let i = 0; i < page.seqs.length; i++) {
      const seq = page.seqs[i] ?? 0
      row.varint(seq - before).word(page.hashes[i] ?? 0)
      before = seq
    }
    return row.done()
  }

  /** What falls out of the window; its row waits to be overwritten. Numbers may jump. */
  #dropOld(newest: number): void {
    while ((this.pages[0]?.number ?? newest) <= newest - pagesKept) this.pages.shift()
  }
}

/** Rows of a window. Pages come round: page n overwrites the row of page n - pageSlots. */
export const pageSlots = pagesKept + 1

export function pageSlot(number: number): number {
  return number % pageSlots
}
