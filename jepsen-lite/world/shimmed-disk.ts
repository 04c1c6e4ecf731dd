import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Random } from '../../src/ports.ts'
import { damage } from './data-damage.ts'
import { DiskControl } from './disk-control.ts'
import { knownFiles, losePower } from './power-loss.ts'
import type { DamageKind, DiskCounts, DiskOrders, LostWrites, NodeDisk } from './world.ts'

export interface ShimmedDiskOptions {
  /** The shim's library. */
  readonly shim: string
  /** The node's data, and where the harness keeps its notes about it. */
  readonly data: string
  readonly notes: string
}

/** A node's data folder behind the disk shim. */
export class ShimmedDisk implements NodeDisk {
  readonly environment: Readonly<Record<string, string>>
  readonly #data: string
  readonly #journal: string
  readonly #boot: string
  readonly #copy: string
  readonly #control: DiskControl
  #known: ReadonlyMap<number, number>
  #lives = 0
  #dataLife = 1

  constructor({ shim, data, notes }: ShimmedDiskOptions) {
    mkdirSync(notes, { recursive: true })
    mkdirSync(data, { recursive: true, mode: 0o700 })
    const control = join(notes, 'control')
    this.#data = data
    this.#journal = join(notes, 'journal')
    this.#boot = join(notes, 'boot-id')
    this.#copy = join(notes, 'copy')
    this.#control = new DiskControl(control)
    this.#known = knownFiles(data)
    this.#beginJournal()
    this.#newBoot()
    this.environment = {
      LD_PRELOAD: shim,
      JEPSEN_LITE_DISK_ROOT: data,
      JEPSEN_LITE_DISK_JOURNAL: this.#journal,
      JEPSEN_LITE_DISK_CONTROL: control,
      JEPSEN_LITE_DISK_BOOT: this.#boot,
      // Calls that the kernel makes for the process cannot be seen.
      UV_USE_IO_URING: '0',
    }
  }

  /** Another one whenever the data is not what the node left there: it cannot know what it knew before. */
  get dataLife(): number {
    return this.#dataLife
  }

  get counts(): DiskCounts {
    return this.#control.counts()
  }

  order(orders: DiskOrders): void {
    this.#control.order(orders)
  }

  async losePower(random: Random, torn: boolean): Promise<LostWrites> {
    const [folder, journal, known] = [this.#data, this.#journal, this.#known]
    const lost = losePower({ folder, journal, known, random, torn })
    this.#beginJournal()
    this.#newBoot()
    return lost
  }

  async damage(random: Random, kind: DamageKind): Promise<string> {
    return damage(this.#data, random, kind)
  }

  async wipe(): Promise<void> {
    this.#dataLife++
    rmSync(this.#data, { recursive: true, force: true })
    mkdirSync(this.#data, { mode: 0o700 })
    this.#beginJournal()
  }

  async copy(): Promise<void> {
    rmSync(this.#copy, { recursive: true, force: true })
    cpSync(this.#data, this.#copy, { recursive: true, preserveTimestamps: true })
  }

  async restoreCopy(): Promise<void> {
    this.#dataLife++
    rmSync(this.#data, { recursive: true, force: true })
    cpSync(this.#copy, this.#data, { recursive: true, preserveTimestamps: true })
    this.#beginJournal()
  }

  close(): void {
    this.order({})
    this.#control.close()
  }

  /** All that is there is durable. */
  #beginJournal(): void {
    this.#known = knownFiles(this.#data)
    writeFileSync(this.#journal, '', { mode: 0o600 })
  }

  /** The machine has been started anew, as far as the node can tell. */
  #newBoot(): void {
    writeFileSync(this.#boot, `jepsen-lite-boot-${++this.#lives}\n`)
  }
}
