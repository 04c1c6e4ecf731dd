import type { Disk, DiskFile, Done } from '../../src/store/disk.ts'

interface Content {
  /** What survives a loss of power. */
  synced: Buffer<ArrayBufferLike>
  /** What a read sees. */
  live: Buffer<ArrayBufferLike>
  /** Writes since the last sync, in order. */
  pending: { at: number; bytes: Buffer }[]
}

/** A directory in memory that can fail, and that forgets what was not synced. Writes end with the turn. */
export class FaultyDisk implements Disk {
  #files = new Map<string, Content>()
  #durableNames = new Map<string, Content>()
  #locked = false
  #dead = false
  /** Fails the n-th write or sync from now, and no other. */
  failWriteIn = Infinity
  failSyncIn = Infinity
  /** The power goes at the n-th change from now: it does not happen, and nothing is answered any more. */
  dieIn = Infinity
  writes = 0
  syncs = 0

  get isDead(): boolean {
    return this.#dead
  }

  lock(): Promise<void> {
    if (this.#locked) return Promise.reject(new Error('locked'))
    this.#locked = true
    return Promise.resolve()
  }

  list(): Promise<string[]> {
    return Promise.resolve([...this.#files.keys()])
  }

  read(name: string): Promise<Buffer> {
    return Promise.resolve(Buffer.from(this.content(name).live))
  }

  open(name: string): Promise<DiskFile> {
    return Promise.resolve(this.#handle(this.content(name)))
  }

  create(name: string, bytes: number): Promise<DiskFile> {
    if (this.#dies()) return never
    const zeroes = Buffer.alloc(bytes)
    const content = { synced: zeroes, live: Buffer.from(zeroes), pending: [] }
    this.#files.set(name, content)
    return Promise.resolve(this.#handle(content))
  }

  rename(from: string, to: string): Promise<void> {
    if (this.#dies()) return never
    this.#files.set(to, this.content(from))
    this.#files.delete(from)
    return Promise.resolve()
  }

  remove(name: string): Promise<void> {
    if (this.#dies()) return never
    this.#files.delete(name)
    return Promise.resolve()
  }

  syncDir(): Promise<void> {
    if (this.#dies()) return never
    this.#durableNames = new Map(this.#files)
    return Promise.resolve()
  }

  close(): Promise<void> {
    this.#locked = false
    return Promise.resolve()
  }

  /** The power goes. Of each file's unsynced writes those that `survives` says reach the platter. */
  crash(survives: () => boolean, tearAt: () => number): FaultyDisk {
    this.#dead = true
    const next = new FaultyDisk()
    for (const [name, { synced, pending }] of this.#durableNames) {
      let image: Buffer<ArrayBufferLike> = Buffer.from(synced)
      for (const { at, bytes } of pending) {
        if (!survives()) continue
        image = put(image, bytes.subarray(0, Math.floor(tearAt() * (bytes.length + 1))), at)
      }
      next.#files.set(name, { synced: image, live: Buffer.from(image), pending: [] })
    }
    next.#durableNames = new Map(next.#files)
    return next
  }

  /** The process is killed and the machine stays: what was written is there, and still not synced. */
  kill(): FaultyDisk {
    this.#dead = true
    const next = new FaultyDisk()
    for (const [name, { synced, pending }] of this.#files) {
      let live = Buffer.from(synced) as Content['live']
      for (const { at, bytes } of pending) live = put(live, bytes, at)
      next.#files.set(name, { synced, live, pending: [...pending] })
    }
    for (const [name, content] of this.#durableNames)
      for (const [now, was] of this.#files)
        if (was === content) next.#durableNames.set(name, next.content(now))
    return next
  }

  content(name: string): Content {
    const content = this.#files.get(name)
    if (content === undefined) throw new Error(`no file ${name}`)
    return content
  }

  /** Edits what is on the platter, as a bad disk would. */
  damage(name: string, edit: (bytes: Buffer) => Buffer): void {
    const content = this.content(name)
    content.live = edit(content.live)
    content.synced = Buffer.from(content.live)
  }

  forget(name: string): void {
    this.#files.delete(name)
    this.#durableNames.delete(name)
  }

  #dies(): boolean {
    if (--this.dieIn <= 0) this.#dead = true
    return this.#dead
  }

  #handle(content: Content): DiskFile {
    const later = (done: Done, error: Error | null, effect: () => void): void => {
      setImmediate(() => {
        if (this.#dead) return
        if (error === null) effect()
        done(error)
      })
    }
    return {
      write: (bytes, position, done) => {
        if (this.#dies()) return
        this.writes++
        const error = --this.failWriteIn === 0 ? new Error('ENOSPC') : null
        const copy = Buffer.from(bytes)
        content.pending.push({ at: position, bytes: copy })
        later(done, error, () => {
          content.live = put(content.live, copy, position)
        })
      },
      sync: (done) => {
        if (this.#dies()) return
        this.syncs++
        const error = --this.failSyncIn === 0 ? new Error('EIO') : null
        later(done, error, () => {
          for (const { at, bytes } of content.pending)
            content.synced = put(content.synced, bytes, at)
          content.pending = []
        })
      },
      read: (position, length) =>
        Promise.resolve(Buffer.from(content.live.subarray(position, position + length))),
      close: () => Promise.resolve(),
    }
  }
}

const never = new Promise<never>(() => {
  // What a dead machine answers.
})

function put(image: Buffer, bytes: Buffer, at: number): Buffer {
  const needed = at + bytes.length
  const grown =
    needed > image.length ? Buffer.concat([image, Buffer.alloc(needed - image.length)]) : image
  bytes.copy(grown, at)
  return grown
}
