import { assert } from '../../src/assert.ts'
import type { ConfState, Entry, HardState, Index, Snapshot, Term } from '../../src/raft/entry.ts'
import type { StorageView } from '../../src/raft/storage-view.ts'
import { Unavailable } from '../../src/raft/storage-view.ts'
import type { Prng } from '../prng.ts'
import type { SimulatedNode } from './simulated-node.ts'
import type { Image, StateWrite } from './state-store.ts'
import type { Surroundings } from './surroundings.ts'

/**
 * The snapshots of one machine: those it makes, with the log cut behind them, those it has received
 * and not installed, and the stable log as the core may read it.
 */
export class SnapshotShelf implements StorageView {
  readonly #node: SimulatedNode
  readonly #around: Surroundings
  readonly #random: Prng
  /** Received whole and durable, waiting to be installed; oldest first. */
  #staged: Image[] = []
  /** What each snapshot that was offered stands for, as long as somebody may still send it. */
  readonly #made = new WeakMap<Snapshot, Image>()
  #isWanted = false
  #isMaking = false
  #isReadingBack = false
  #lastMade: Index = 0

  constructor(node: SimulatedNode, around: Surroundings, random: Prng) {
    this.#node = node
    this.#random = random
    this.#around = around
  }

  // --- what the core reads (StorageView) ---

  /** Members are stored with the state: both are of one index. */
  initialState(): { readonly hardState: HardState; readonly conf: ConfState } {
    const { hardState } = this.#node.disk.live.initialState()
    return { hardState, conf: this.#node.store.live.conf }
  }

  firstIndex(): Index {
    return this.#node.disk.live.firstIndex()
  }

  lastIndex(): Index {
    return this.#node.disk.live.lastIndex()
  }

  term(index: Index): Term {
    return this.#node.disk.live.term(index)
  }

  entries(lo: Index, hi: Index, maxBytes: number): readonly Entry[] {
    try {
      return this.#node.disk.live.entries(lo, hi, maxBytes)
    } catch (error) {
      if (error instanceof Unavailable) this.#readBack()
      throw error
    }
  }

  snapshot(): Snapshot {
    const { offered } = this.#node.store
    if (offered === null || offered.snapshot.meta.index < this.#node.disk.live.marker.index) {
      this.#isWanted = true
      throw new Unavailable()
    }
    return offered.snapshot
  }

  /** Null: made in an earlier life of the machine. */
  made(snapshot: Snapshot): Image | null {
    return this.#made.get(snapshot) ?? null
  }

  // --- received ---

  stage(image: Image): void {
    this.#staged.push(image)
  }

  staged({ meta }: Snapshot): Image {
    const found = this.#staged.find(({ snapshot }) => snapshot.meta.index === meta.index)
    assert(found !== undefined, 'SIM-3', { index: meta.index })
    return found
  }

  installSteps(image: Image, isBlind: boolean): StateWrite[] {
    return this.#node.store.installSteps(image, this.#around.plan.snapshots.chunks, isBlind)
  }

  installed(image: Image): void {
    this.#node.store.sync()
    this.#staged = this.#staged.filter(({ state }) => state.applied > image.state.applied)
    this.#lastMade = image.state.applied
    this.#around.counts.add('snapshot: installed')
  }

  /** Before a start: an install that a crash interrupted is done again, from what was received. */
  recover(): void {
    const { store, disk } = this.#node
    const { index } = disk.live.marker
    if (store.isIncomplete || index > store.live.applied) {
      const image = this.#staged.findLast(({ state }) => state.applied === index)
      assert(image !== undefined, 'SIM-3', { index, applied: store.live.applied })
      for (const step of this.installSteps(image, false)) store.write(step)
      this.installed(image)
      this.#around.counts.add('snapshot: installed again after a crash')
    }
    this.#staged = []
    this.#lastMade = store.live.applied
  }

  crash(): void {
    this.#isWanted = false
    this.#isMaking = false
    this.#isReadingBack = false
    // Iterators die with the process; the next life makes a snapshot when one is asked for.
    this.#node.store.offered = null
  }

  // --- made ---

  applied(): void {
    const { threshold } = this.#around.plan.snapshots
    if (this.#node.store.live.applied - this.#lastMade >= threshold) this.#isWanted = true
  }

  /** Makes a snapshot if one is wanted: state to the disk, then the log may be cut behind it. */
  make(): void {
    if (!this.#isWanted || this.#isMaking) return
    const { store, disk } = this.#node
    this.#isWanted = false
    if (store.isIncomplete || store.live.applied < disk.live.marker.index) return
    this.#isMaking = true
    const image = imageOf(this.#node)
    this.#lastMade = image.state.applied
    this.#node.later(this.#around.delayOfDisk(this.#random), () => {
      this.#isMaking = false
      if (store.isIncomplete) return
      store.sync()
      if (disk.live.marker.index > image.state.applied) return
      store.offered = image
      this.#made.set(image.snapshot, image)
      const upTo = image.state.applied - this.#around.plan.snapshots.keep
      if (upTo > disk.live.marker.index) disk.compact(upTo)
      this.#around.counts.add('snapshot: made')
    })
  }

  /** Entries up to there are only on the disk from now on. */
  letGo(upTo: Index): void {
    const { live, synced } = this.#node.disk
    const safe = Math.min(upTo, this.#node.store.live.applied, synced.lastIndex())
    if (safe > live.marker.index) live.evict(safe)
  }

  #readBack(): void {
    const missing = this.#node.disk.live.takeMissing()
    if (missing === null || this.#isReadingBack) return
    this.#isReadingBack = true
    this.#around.counts.add('disk: entries were read back')
    this.#node.later(this.#around.delayOfDisk(this.#random), () => {
      this.#isReadingBack = false
      const { live, synced } = this.#node.disk
      const lo = Math.max(missing.lo, live.firstIndex(), synced.firstIndex())
      const hi = Math.min(missing.hi, live.heldFrom, synced.lastIndex() + 1)
      if (lo < hi) live.readBack(synced.entries(lo, hi, 4_096))
    })
  }
}

function imageOf({ store }: SimulatedNode): Image {
  const state = store.live.clone()
  const meta = { index: state.applied, term: state.term, conf: state.conf }
  return { state, snapshot: { meta, data: new Uint8Array(0) } }
}
