import { assert, sometimes } from '../assert.ts'
import type { GroupId } from '../ids/group-id.ts'
import type { Index } from '../raft/entry.ts'
import type { Message } from '../raft/message.ts'
import type { Ready } from '../raft/ready.ts'
import type { Step } from '../store/log.ts'
import type { GroupSurroundings } from './group-surroundings.ts'
import { isBehindFence, mayForget } from './lost-tail.ts'

/**
 * What one group has given to the log, and what waits for it: messages, the rows of a snapshot, and
 * the vote of a group that is refilled after a loss (GROUP-11) or after its removal (GROUP-14).
 */
export class Stores {
  readonly #id: GroupId
  readonly #around: GroupSurroundings
  readonly #settled: (messages: readonly Message[]) => void
  /** For each store under way, what is to be sent when it is durable. */
  #waiting: Message[][] = []
  /** A snapshot whose rows are here; `stored` when the log is behind it too. */
  #installed: { readonly index: Index; readonly stored: () => void } | null = null
  #mute: 'muted' | 'ending' | 'free'

  /** `settled`: the oldest store is durable. */
  constructor(
    id: GroupId,
    around: GroupSurroundings,
    settled: (messages: readonly Message[]) => void,
  ) {
    this.#id = id
    this.#around = around
    this.#settled = settled
    const here = around.log.group(id)
    const { fence } = around.log
    this.#mute = mayForget(here, fence) ? 'muted' : 'free'
    const { term } = here.initialState().hardState
    assert(!this.isMuted || term > fence, 'GROUP-10', { group: id, term, fence })
    const { owed } = here
    sometimes(owed !== null, 'group: one that was removed is back')
    if (owed !== null) {
      around.logger.info({ group: id, owed }, 'here again: no vote before it is where it was')
    }
  }

  /** The group has, or may have, forgotten promises: no votes, no standing (P11). */
  get isMuted(): boolean {
    return this.#mute !== 'free'
  }

  /** Identifies the store that has been under way the longest; undefined: there is none. */
  get oldest(): unknown {
    return this.#waiting[0]
  }

  /** Messages that have nothing to wait for: to be sent now. */
  put(rd: Ready): readonly Message[] {
    const { hardState, entries, snapshot, mustSync, afterStore } = rd
    const around = this.#around
    const { log, logger } = around
    const meta = snapshot === null ? null : snapshot.meta
    if (meta !== null)
      logger.info({ group: this.#id, index: meta.index }, 'log replaced by a snapshot')
    const step: Step = { hardState, entries, snapshot: meta, conf: null }
    if (mustSync) {
      this.#waiting.push([...afterStore])
      log.append(this.#id, step, true, () => around.guard(() => this.#stored()))
    } else if (hardState !== null) log.append(this.#id, step, false, nothing)
    if (this.#mute === 'muted') this.#considerVoting()
    if (mustSync) return noMessages
    const last = this.#waiting[this.#waiting.length - 1]
    if (last === undefined) return afterStore
    last.push(...afterStore)
    return noMessages
  }

  /** The rows of a snapshot at `index` are in place. */
  installed(index: Index, stored: () => void): void {
    this.#installed = { index, stored }
  }

  /**
   * Those rows are safe when the log has durably taken the snapshot too, or holds that entry and each
   * change of members up to there: all that the core, which stands at `applied`, has handed out.
   */
  settleInstalled(applied: () => Index): void {
    const { log } = this.#around
    const installed = this.#installed
    if (installed === null || applied() < installed.index) return
    this.#installed = null
    // Durable behind everything that was stored for it (STORE-1).
    log.append(this.#id, emptyStep, true, installed.stored)
  }

  /** Stores end in their order (STORE-1), so this is the oldest (GROUP-1). */
  #stored(): void {
    const messages = this.#waiting.shift()
    assert(messages !== undefined, 'GROUP-1', { group: this.#id })
    this.#settled(messages)
  }

  /**
   * An entry of a term behind the fence is committed here, and nothing is owed: everything that was
   * committed before the loss, or before the removal, is here again. When that is durable, as a commit index usually need not be, a restart
   * will see it too, and the group votes.
   */
  #considerVoting(): void {
    const around = this.#around
    const { log } = around
    const here = log.group(this.#id)
    if (mayForget(here, log.fence)) return
    this.#mute = 'ending'
    const { hardState } = here.initialState()
    log.append(this.#id, { ...emptyStep, hardState }, true, () =>
      around.guard(() => {
        const { fence } = log
        assert(!isBehindFence(here, fence), 'GROUP-11', { group: this.#id, fence })
        assert(here.owed === null, 'GROUP-14', { group: this.#id, owed: here.owed })
        this.#mute = 'free'
        around.refilled(this.#id)
      }),
    )
  }
}

const noMessages: readonly Message[] = []
const emptyStep: Step = { hardState: null, entries: [], snapshot: null, conf: null }

function nothing(): void {
  // A commit index that rides along: nobody waits for it.
}
