import { adminRefusals } from '../../node/admin-refusals.ts'
import type { MemberProgress, NodesReport } from '../../node/facts.ts'
import { CommandFailed } from '../exit-codes.ts'
import { AdminRefused } from './admin-client.ts'
import type { AdminClient } from './admin-client.ts'
import { askAny, reasonOf } from './find-cluster.ts'
import type { KnownNode } from './find-cluster.ts'

/** What a wait tells of while it lasts, for people. */
export interface ProgressTold {
  /** `done` of `whole`; undefined: nothing that could be counted. */
  progress(line: string, done?: number, whole?: number): void
}

/** A cluster that elects answers in a second or two; one that does not by then has no majority, ms. */
const changeDeadlineMs = 15_000
const lookEveryMs = 200
/** Nobody has answered for this long, ms. */
const silenceMs = 30_000
/** A change that one node has confirmed is known to the others by then, ms. */
const spreadsMs = 5_000
/** A node that holds nothing by its own account waits this long for the rest of the cluster to settle, ms. */
const settleMs = 10_000

/** Requests that change a cluster, asked of whichever node can answer, and the waits between them. */
export class ClusterChange {
  readonly #nodes: readonly KnownNode[]
  readonly #told: ProgressTold

  constructor(nodes: readonly KnownNode[], told: ProgressTold) {
    this.#nodes = nodes
    this.#told = told
  }

  /** What any node says of all. Throws CommandFailed. */
  report(): Promise<NodesReport> {
    return askAny(this.#nodes, (admin) => admin.nodes())
  }

  /** Throws CommandFailed `refused` when there is no such member. */
  async member(name: string): Promise<MemberProgress> {
    const { nodes } = await this.report()
    const found = nodes.find((node) => node.name === name)
    if (found !== undefined) return found
    const known = nodes.map((node) => node.name).join(', ')
    throw new CommandFailed('refused', `no member is called ${name}; there are: ${known}`)
  }

  /**
   * Asks one node after the other, again and again, until one carries it out, one refuses for good,
   * or time is up. What is asked must be harmless to repeat.
   */
  async ask<T>(request: (admin: AdminClient) => Promise<T>): Promise<T> {
    const end = performance.now() + changeDeadlineMs
    for (;;) {
      const reasons: string[] = []
      let isReached = false
      for (const { admin } of this.#nodes) {
        try {
          return await request(admin)
        } catch (error) {
          const isRefused = error instanceof AdminRefused
          if (isRefused && !adminRefusals[error.code].passing) {
            throw new CommandFailed(
              error.code === 'not-allowed' ? 'usage' : 'refused',
              error.message,
            )
          }
          isReached ||= isRefused
          reasons.push(`  ${admin.address}: ${reasonOf(error)}`)
        }
      }
      if (performance.now() > end || !isReached) {
        const exit = isReached ? 'refused' : 'unreachable'
        throw new CommandFailed(exit, `nobody could do it:\n${reasons.join('\n')}`)
      }
      await pause(lookEveryMs)
    }
  }

  /** Asks the cluster to take everything from the node, and waits until it has. */
  async drainAndWait(name: string): Promise<'drained' | 'gone'> {
    await this.ask((admin) => admin.setState(name, 'draining'))
    return this.drained(name)
  }

  /** `gone`: somebody has removed it meanwhile. Throws CommandFailed `refused` when somebody wants it active again. */
  async drained(name: string): Promise<'drained' | 'gone'> {
    const began = performance.now()
    let isSeen = false
    let most = 0
    let emptySince: number | null = null
    return this.#watch((report) => {
      const node = report.nodes.find((it) => it.name === name)
      if (node === undefined) return 'gone'
      isSeen ||= node.state === 'draining'
      if (node.state !== 'draining') {
        // The node that answers may not have heard of the drain yet.
        if (!isSeen && performance.now() - began < spreadsMs) return undefined
        throw new CommandFailed(
          'refused',
          `somebody has made ${name} ${node.state} meanwhile; it is not drained any more`,
        )
      }
      const left = Math.max(node.actual.replicas, node.wished.replicas)
      most = Math.max(most, left)
      this.#told.progress(`${name} still holds ${left} partitions`, most - left, most)
      emptySince = left === 0 ? (emptySince ?? performance.now()) : null
      if (emptySince === null) return undefined
      const isSettled = report.moving === 0 || performance.now() - emptySince > settleMs
      return isSettled ? 'drained' : undefined
    })
  }

  /** For ever. True: somebody else has done it already. */
  async remove(name: string, force: boolean): Promise<boolean> {
    const { index } = await this.member(name)
    let asked = 0
    try {
      await this.ask(async (admin) => {
        asked++
        await admin.remove(name, force)
      })
      return false
    } catch (error) {
      // An answer may have been lost on its way; the state does not lie.
      const { nodes } = await this.report()
      if (asked > 0 && !nodes.some((node) => node.index === index)) return true
      throw error
    }
  }

  /** Waits until `find` sees an active member. */
  becomesActive(
    find: (nodes: readonly MemberProgress[]) => MemberProgress | undefined,
  ): Promise<MemberProgress> {
    return this.#watch((report) => {
      const node = find(report.nodes)
      if (node === undefined) this.#told.progress('waiting for the new node to join')
      else if (node.state !== 'active') this.#told.progress(`${node.name} is ${node.state}`)
      return node?.state === 'active' ? node : undefined
    })
  }

  /** Looks until `check` gives something. Throws CommandFailed `unreachable` when nobody answers for long. */
  async #watch<T>(check: (report: NodesReport) => T | undefined): Promise<T> {
    let heardAt = performance.now()
    for (;;) {
      try {
        const found = check(await this.report())
        heardAt = performance.now()
        if (found !== undefined) return found
      } catch (error) {
        const isSilence = error instanceof CommandFailed && error.exit === 'unreachable'
        if (!isSilence || performance.now() - heardAt > silenceMs) throw error
      }
      await pause(lookEveryMs)
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((go) => setTimeout(go, ms))
}
