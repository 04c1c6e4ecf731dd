import { createReadStream, createWriteStream } from 'node:fs'
import type { WriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { parseOp } from './op.ts'
import type { Op, OpDraft } from './op.ts'

/** Refused input of a history file: names the file and the line, counted from 1. */
export class BadHistory extends Error {
  override readonly name = 'BadHistory'
  readonly line: number

  constructor(source: string, line: number, says: string) {
    super(`${source}:${line}: ${says}`)
    this.line = line
  }
}

/**
 * Streams the operations of JSON lines, checked one by one: shape, `index` rising, `time` not
 * falling. Empty lines are skipped. `lines` may come from anywhere. Throws BadHistory.
 */
export async function* parseHistory(
  lines: AsyncIterable<string> | Iterable<string>,
  source: string,
): AsyncGenerator<Op> {
  let number = 0
  let last: Op | undefined
  for await (const line of lines) {
    number++
    if (line.trim() === '') continue
    const parsed = parseOp(line, last)
    if (typeof parsed === 'string') throw new BadHistory(source, number, parsed)
    if (last !== undefined && parsed.index <= last.index)
      throw new BadHistory(
        source,
        number,
        `index ${parsed.index} does not rise above ${last.index}`,
      )
    if (last !== undefined && parsed.time < last.time)
      throw new BadHistory(source, number, `time ${parsed.time} lies before ${last.time}`)
    last = parsed
    yield parsed
  }
}

/** The whole history of the file at `path`. Throws BadHistory, or the error of the file system. */
export async function readHistory(path: string): Promise<Op[]> {
  const input = createReadStream(path, 'utf8')
  // Without this race a missing file would end as an empty history: readline does not pass errors on.
  const failed = new Promise<never>((_, reject) => input.once('error', reject))
  failed.catch(() => undefined)
  const lines = createInterface({ input, crlfDelay: Infinity })
  const ops: Op[] = []
  const reading = (async () => {
    for await (const op of parseHistory(lines, path)) ops.push(op)
  })()
  await Promise.race([reading, failed])
  return ops
}

/**
 * Gives each operation its index and time, keeps it in memory for the checkers and, with a path,
 * appends it to the file. Memory is bounded by `maxOps`; above it `record` throws, because a
 * history with holes proves nothing.
 */
export class HistoryWriter {
  readonly ops: Op[] = []
  readonly #startedAt: bigint
  readonly #now: () => bigint
  readonly #file: WriteStream | undefined
  readonly #maxOps: number
  #failure: Error | undefined

  constructor(options: { path?: string; now?: () => bigint; maxOps?: number } = {}) {
    this.#now = options.now ?? (() => process.hrtime.bigint())
    this.#startedAt = this.#now()
    this.#maxOps = options.maxOps ?? 8_000_000
    if (options.path !== undefined) {
      this.#file = createWriteStream(options.path, { flags: 'w', highWaterMark: 1 << 20 })
      this.#file.on('error', (error) => (this.#failure = error))
    }
  }

  /** Nanoseconds since the writer was made. */
  elapsed(): number {
    return Number(this.#now() - this.#startedAt)
  }

  record(draft: OpDraft): Op {
    if (this.#failure) throw this.#failure
    if (this.ops.length >= this.#maxOps)
      throw new Error(`the history is full (${this.#maxOps} operations)`)
    const op: Op = { index: this.ops.length, time: this.elapsed(), ...draft }
    this.ops.push(op)
    this.#file?.write(`${JSON.stringify(op)}\n`)
    return op
  }

  /** Everything recorded is in the file. Throws the first error of writing. */
  async close(): Promise<void> {
    const file = this.#file
    if (file && !file.closed) await new Promise<void>((done) => file.end(() => done()))
    if (this.#failure) throw this.#failure
  }
}
