/** Called once; null: done. */
export type Done = (error: Error | null) => void

/** One file, open for reading and writing by position. */
export interface DiskFile {
  /** Writes all of `bytes`; they must not change until `done`. */
  write(bytes: Uint8Array, position: number, done: Done): void
  /** What was written before is on the platter when `done` runs without an error. */
  sync(done: Done): void
  /** Up to `length` bytes; fewer at the end of the file. */
  read(position: number, length: number): Promise<Buffer>
  close(): Promise<void>
}

/** One flat directory: all that the log needs of a disk, so that tests can tear, fail and forget. */
export interface Disk {
  /** Refuses a second holder, in this process or another, until `close`. */
  lock(): Promise<void>
  list(): Promise<string[]>
  read(name: string): Promise<Buffer>
  open(name: string): Promise<DiskFile>
  /** A new file of `bytes` zeroes, allocated for real and synced, so that later syncs have little to do. */
  create(name: string, bytes: number): Promise<DiskFile>
  /** Names are durable only after `syncDir`. */
  rename(from: string, to: string): Promise<void>
  remove(name: string): Promise<void>
  syncDir(): Promise<void>
  close(): Promise<void>
}

/** Resolves when the bytes are on the platter, and all that was written to the file before. */
export function writeSynced(file: DiskFile, bytes: Uint8Array, position: number): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    file.write(bytes, position, (error) => {
      if (error === null) resolve()
      else reject(error)
    })
  }).then(() => synced(file))
}

/** Resolves when what was written to the file, by this process or one before it, is on the platter. */
export function synced(file: DiskFile): Promise<void> {
  return new Promise((resolve, reject) => {
    file.sync((error) => {
      if (error === null) resolve()
      else reject(error)
    })
  })
}
