import type { Frame } from '../topic/frame.ts'
import { each } from '../topic/news-key.ts'

/** News kept for one slow reader, as frames and as bytes of JSON. Above: the connection is closed. */
const maxFrames = 1_024
const maxBytes = 256 * 1024

/**
 * News that a session could not be told, because its client reads too slowly: of each key the last,
 * in the order in which they were last told.
 */
export class KeptNews {
  readonly #frames = new Map<string, Frame>()
  #bytes = 0
  #unique = 0

  /** False: it is too much, and nothing was kept. */
  keep(key: string, frame: Frame): boolean {
    const name = key === each ? `${each} ${this.#unique++}` : key
    const before = this.#frames.get(name)?.json.length ?? 0
    const bytes = this.#bytes - before + frame.json.length
    if (bytes > maxBytes || (before === 0 && this.#frames.size >= maxFrames)) return false
    this.#bytes = bytes
    this.#frames.delete(name)
    this.#frames.set(name, frame)
    return true
  }

  /** The one that was kept longest; undefined when none is left. */
  take(): Frame | undefined {
    for (const [key, frame] of this.#frames) {
      this.#frames.delete(key)
      this.#bytes -= frame.json.length
      return frame
    }
    return undefined
  }
}
