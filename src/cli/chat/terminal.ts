import { createInterface, emitKeypressEvents, type Interface } from 'node:readline'
import type { ReadStream } from 'node:tty'
import { CommandFailed } from '../exit-codes.ts'

/** Where a chat reads its lines and shows what happens. */
export interface Terminal {
  /** Shows a line, above the one that is being typed. */
  say(line: string): void
  /** One line, asked for before the chat begins. Undefined at the end of input. */
  ask(question: string, isSecret: boolean): Promise<string | undefined>
  /** The lines of the chat, until input ends or `close`. */
  lines(): AsyncIterable<string>
  /** Called when the person types, if that can be seen. */
  onTyping(task: () => void): void
  close(): void
}

/** A terminal on two streams: with a prompt and hidden passwords on a TTY, plain lines elsewhere. */
export class StreamTerminal implements Terminal {
  readonly #input: NodeJS.ReadableStream
  readonly #output: NodeJS.WritableStream
  readonly #isTty: boolean
  #reader: Interface | null = null
  #pending: AsyncIterator<string> | null = null
  #typing: () => void = () => {}

  constructor(input: NodeJS.ReadableStream, output: NodeJS.WritableStream) {
    this.#input = input
    this.#output = output
    this.#isTty = (input as ReadStream).isTTY === true
  }

  say(line: string): void {
    if (!this.#isTty || this.#reader === null) {
      this.#output.write(`${line}\n`)
      return
    }
    // Back to the first column, clear, write, and show again what was being typed.
    this.#output.write(`\r\u001b[2K${line}\n`)
    this.#reader.prompt(true)
  }

  async ask(question: string, isSecret: boolean): Promise<string | undefined> {
    if (!this.#isTty) return await this.#next()
    this.#output.write(question)
    return isSecret ? await this.#hidden() : await this.#next()
  }

  async *lines(): AsyncGenerator<string> {
    if (this.#isTty) {
      emitKeypressEvents(this.#input)
      this.#input.on('keypress', () => this.#typing())
      this.#read().prompt()
    }
    for (;;) {
      const line = await this.#next()
      if (line === undefined) return
      yield line
      if (this.#isTty) this.#reader?.prompt()
    }
  }

  onTyping(task: () => void): void {
    this.#typing = task
  }

  close(): void {
    this.#reader?.close()
    this.#reader = null
    this.#input.pause()
  }

  #read(): Interface {
    this.#reader ??= createInterface({
      input: this.#input,
      ...(this.#isTty ? { output: this.#output, prompt: '> ' } : {}),
      crlfDelay: Infinity,
    })
    return this.#reader
  }

  async #next(): Promise<string | undefined> {
    // One iterator from the start: lines that come while nobody asks are kept by it.
    this.#pending ??= this.#read()[Symbol.asyncIterator]()
    const { done, value } = await this.#pending.next()
    return done === true ? undefined : value
  }

  /** Reads a line without showing it. The reader of lines is not open yet, or put aside. */
  async #hidden(): Promise<string> {
    const input = this.#input as ReadStream
    this.#reader?.close()
    this.#reader = null
    this.#pending = null
    input.setRawMode(true)
    input.resume()
    let typed = ''
    try {
      return await new Promise<string>((resolve, reject) => {
        const take = (chunk: Buffer | string): void => {
          for (const char of chunk.toString()) {
            if (char === '\r' || char === '\n') {
              input.off('data', take)
              resolve(typed)
              return
            }
            if (char === interrupt || char === endOfInput) {
              input.off('data', take)
              reject(new CommandFailed('failed', 'no password was given'))
              return
            }
            typed = char === erase || char === '\b' ? typed.slice(0, -1) : typed + char
          }
        }
        input.on('data', take)
      })
    } finally {
      input.setRawMode(false)
      input.pause()
      this.#output.write('\n')
    }
  }
}

/** What others wrote must not steer the terminal: control characters are shown as `·`. */
export function harmless(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu, '·')
}

const interrupt = '\u0003'
const endOfInput = '\u0004'
const erase = '\u007f'
