/** An answer and whether it may leave. */
interface Place {
  readonly send: () => void
  ready: boolean
}

/**
 * Answers of an owner to one session about one topic leave in the order of evaluation: what comes
 * behind one that still waits for its facts waits, too. Else a later `{sub}` would be answered
 * before the `{leave}` in front of it, whose answer then takes the session out again; and a request
 * that is sent to the next owner because its answer is missing would undo what was answered behind it.
 *
 * Bounds: a session has few requests under way (limits.maxOutstandingPerSession), and each waits for
 * its facts only for a time that begins with its release, so that nothing here waits longer.
 */
export class AnswerOrder {
  /** By session and topic; a line that is empty is not kept. */
  readonly #lines = new Map<string, Place[]>()

  /** Is something waiting, so that this has to wait behind it? */
  waits(line: string): boolean {
    return this.#lines.has(line)
  }

  /** Takes the last place of the line; what it returns says that `send` may run once all before it are gone. */
  put(line: string, send: () => void): () => void {
    const place: Place = { send, ready: false }
    const places = this.#lines.get(line)
    if (places === undefined) this.#lines.set(line, [place])
    else places.push(place)
    return () => {
      place.ready = true
      this.#run(line)
    }
  }

  #run(line: string): void {
    const places = this.#lines.get(line) ?? []
    while (places[0]?.ready === true) places.shift()?.send()
    if (places.length === 0) this.#lines.delete(line)
  }
}
