import { createHash } from 'node:crypto'
import type { GroupHost } from '../group/group-host.ts'
import type { GroupId } from '../ids/group-id.ts'
import { groupPrefix, metaGroup } from '../ids/group-id.ts'
import { appliedKey } from '../partition/rows.ts'
import type { Timers } from '../ports.ts'
import { groupRange } from '../store/keys.ts'
import type { Pair, Store, StoreSnapshot } from '../store/store.ts'
import type { DigestReport, GroupDigest } from './facts.ts'

/** Rows hashed in one go, bytes; the event loop has its turn in between. */
const chunkBytes = 256 * 1024
/** A group that does not come to rest by then is left out: it was closed, or its disk hangs. ms */
const restMs = 5_000

/**
 * Digests of the replicated rows of each group here: replicas that have applied the same index have
 * the same digest (I17). One report is made at a time, group after group; whoever asks meanwhile is
 * given the same.
 */
export class Digests {
  readonly #groups: Pick<GroupHost, 'exactly' | 'statuses'>
  readonly #store: Store
  readonly #timers: Timers
  #making: Promise<DigestReport> | null = null

  constructor(deps: {
    groups: Pick<GroupHost, 'exactly' | 'statuses'>
    store: Store
    timers: Timers
  }) {
    this.#groups = deps.groups
    this.#store = deps.store
    this.#timers = deps.timers
  }

  report(): Promise<DigestReport> {
    this.#making ??= this.#make().finally(() => {
      this.#making = null
    })
    return this.#making
  }

  async #make(): Promise<DigestReport> {
    const groups: GroupDigest[] = []
    for (const { group } of this.#groups.statuses()) {
      const seen = await this.#view(group)
      if (seen === null) continue
      try {
        const digest = await this.#digestOf(group, seen.view)
        groups.push({ group, applied: seen.applied, digest })
      } finally {
        await seen.view.close()
      }
    }
    return { groups }
  }

  #view(group: GroupId): Promise<{ applied: number; view: StoreSnapshot } | null> {
    return new Promise((resolve, reject) => {
      let isLate = false
      const cancel = this.#timers.after(restMs, () => {
        isLate = true
        resolve(null)
      })
      this.#groups
        .exactly(group, (applied) => (isLate ? null : { applied, view: this.#store.snapshot() }))
        .then(resolve, reject)
        .finally(cancel)
    })
  }

  /** SHA-256 over lengths and bytes of each key and value in key order, but for rows that are this node's own. */
  async #digestOf(group: GroupId, view: StoreSnapshot): Promise<string> {
    const hash = createHash('sha256')
    await view.iterate(groupRange(group), chunkBytes, (pairs) => {
      for (const [key, value] of pairs) {
        if (isOwn(group, key)) continue
        hash.update(lengths(key, value))
        hash.update(key)
        hash.update(value)
      }
      return new Promise((resolve) => this.#timers.soon(() => resolve(true)))
    })
    return hash.digest('hex').slice(0, 32)
  }
}

/** Where a partition stands is no part of its state; meta keeps both in one row. */
function isOwn(group: GroupId, key: Pair[0]): boolean {
  return group !== metaGroup && Buffer.compare(key.subarray(prefixBytes), appliedKey) === 0
}

const prefixBytes = groupPrefix(metaGroup).length

function lengths(key: Uint8Array, value: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeUInt32BE(key.length, 0)
  bytes.writeUInt32BE(value.length, 4)
  return bytes
}
