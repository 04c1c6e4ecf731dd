import { fdatasync, openSync, write } from 'node:fs'

/** A file that is only appended to. Nothing reads it: there is no recovery. */
export class CeilingLog {
  readonly #file: number

  constructor(path: string) {
    this.#file = openSync(path, 'a')
  }

  /** Settles when the bytes are on disk. One at a time. */
  append(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const synced = (error: Error | null) => (error === null ? resolve() : reject(error))
      write(this.#file, bytes, (error) => {
        if (error === null) fdatasync(this.#file, synced)
        else reject(error)
      })
    })
  }
}
