import { fdatasync, read, write } from 'node:fs'
import { mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Level } from 'level'
import type { Disk, DiskFile, Done } from './disk.ts'
import { LogDamaged } from './log.ts'

const readAt = promisify(read)

/** Zeroes written at once while a file is allocated, bytes. Small, for others wait for the disk meanwhile. */
const fillBytes = 1024 * 1024
const zeroes = Buffer.alloc(fillBytes)

/** A directory of the file system. */
export class NodeDisk implements Disk {
  readonly #dir: string
  #lock: Level | null = null

  constructor(dir: string) {
    this.#dir = dir
  }

  /**
   * Node has no file locks; LevelDB has, and the kernel lets go of them when the process dies,
   * which no pid file can promise. So the lock is an empty database. A damaged one has nothing to
   * lose and is made anew, but for `LOCK`: whoever locks at the same time must meet the same file.
   */
  async lock(): Promise<void> {
    await mkdir(this.#dir, { recursive: true })
    const dir = join(this.#dir, 'lock')
    if ((await this.#tryLock(dir)) === null) return
    for (const name of await readdir(dir))
      if (name !== 'LOCK') await rm(join(dir, name), { recursive: true })
    const cause = await this.#tryLock(dir)
    if (cause !== null)
      throw new LogDamaged('locked', `${dir} cannot be opened: ${cause}`, { cause })
  }

  /** Null: it is ours. An error: it cannot be opened, though nobody has it. */
  async #tryLock(dir: string): Promise<Error | null> {
    const lock = new Level(dir)
    try {
      await lock.open()
    } catch (error) {
      const { cause } = error as { cause?: Error & { code?: string } }
      if (cause?.code === 'LEVEL_LOCKED')
        throw new LogDamaged('locked', `another process uses ${this.#dir}`, { cause })
      return cause ?? (error as Error)
    }
    this.#lock = lock
    return null
  }

  async list(): Promise<string[]> {
    const found = await readdir(this.#dir, { withFileTypes: true })
    return found.filter((entry) => entry.isFile()).map((entry) => entry.name)
  }

  read(name: string): Promise<Buffer> {
    return readFile(join(this.#dir, name))
  }

  async open(name: string): Promise<DiskFile> {
    const handle = await open(join(this.#dir, name), 'r+')
    return new NodeFile(handle)
  }

  async create(name: string, bytes: number): Promise<DiskFile> {
    const handle = await open(join(this.#dir, name), 'w+')
    for (let at = 0; at < bytes; at += fillBytes) {
      await handle.write(zeroes, 0, Math.min(fillBytes, bytes - at), at)
      await handle.datasync()
    }
    await handle.sync()
    return new NodeFile(handle)
  }

  rename(from: string, to: string): Promise<void> {
    return rename(join(this.#dir, from), join(this.#dir, to))
  }

  remove(name: string): Promise<void> {
    return rm(join(this.#dir, name))
  }

  async syncDir(): Promise<void> {
    const dir = await open(this.#dir, 'r')
    try {
      await dir.sync()
    } finally {
      await dir.close()
    }
  }

  async close(): Promise<void> {
    const lock = this.#lock
    this.#lock = null
    await lock?.close()
  }
}

/** Callbacks on the bare descriptor: on the path of every write a promise would cost as much as the sync. */
class NodeFile implements DiskFile {
  readonly #handle: { readonly fd: number; close(): Promise<void> }
  #closed = false

  constructor(handle: { readonly fd: number; close(): Promise<void> }) {
    this.#handle = handle
  }

  write(bytes: Uint8Array, position: number, done: Done): void {
    write(this.#handle.fd, bytes, 0, bytes.length, position, (error, written) => {
      if (error !== null) done(error)
      else if (written === bytes.length) done(null)
      else if (written === 0) done(new Error('the disk took nothing'))
      else this.write(bytes.subarray(written), position + written, done)
    })
  }

  sync(done: Done): void {
    fdatasync(this.#handle.fd, done)
  }

  async read(position: number, length: number): Promise<Buffer> {
    const { bytesRead, buffer } = await readAt(
      this.#handle.fd,
      Buffer.allocUnsafe(length),
      0,
      length,
      position,
    )
    return buffer.subarray(0, bytesRead)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#handle.close()
  }
}
