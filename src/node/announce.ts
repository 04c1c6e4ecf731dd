import { noNode } from '../ids/node-index.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import type { MetaGroup } from '../meta/meta-group.ts'
import { memberAt } from '../meta/meta-state.ts'
import type { Member, MetaState } from '../meta/meta-state.ts'
import type { Cancel, Logger, Timers } from '../ports.ts'
import type { PeerMessage } from '../wire/peer-frames.ts'
import { isCount, isName } from '../wire/shapes.ts'
import { adminRefusals, isAdminRefusal } from './admin-refusals.ts'
import type { AdminRefusal } from './admin-refusals.ts'

/** Among the kinds that node/ uses between nodes; see placement-link.ts and node.ts for the others. */
const announceKind = 53
/** Until the cluster knows, it is told again this often, ms. */
const againMs = 250
/** A cluster that has not taken it after so many tries may never do: somebody should look. */
const patientTries = 40
const maxAddressLength = 300

export type Announced = Pick<
  Member,
  'index' | 'address' | 'clientAddress' | 'bootId' | 'incarnation'
>

export interface AnnounceDeps {
  readonly self: Announced
  readonly meta: Pick<MetaGroup, 'state' | 'submit' | 'onChange'>
  /** Who leads meta, as far as this node knows. */
  lead(): NodeIndex
  /** The others that messages can be posted to now. */
  linked(): readonly NodeIndex[]
  post(to: NodeIndex, m: PeerMessage): boolean
  /** The cluster has committed that this node is no member any more. */
  onRemoved(): void
  readonly timers: Timers
  readonly logger: Logger
}

/**
 * After each start a node tells the cluster where it is reached, and that this is its newest start.
 * When its address has changed nobody can dial it and no answer reaches it, the committed state
 * included; but it can dial the others. So it tells one linked node after the other, the leader first,
 * and whoever hears it hands it to the leader, until the committed state shows it:
 *
 *     [53, address, client address, boot id, incarnation]          and when it is refused      [53, why]
 */
export class Announcer {
  readonly #deps: AnnounceDeps
  readonly #watching: Cancel
  #telling: Cancel = () => {}
  #turn = 0
  #tries = 0
  /** By node, 0 for this one: the refusal that was logged last. */
  readonly #toldRefusals = new Map<NodeIndex, string>()

  constructor(deps: AnnounceDeps) {
    this.#deps = deps
    this.#watching = deps.meta.onChange((state) => this.#watch(state))
    this.#telling = deps.timers.every(againMs, () => this.#tell())
  }

  close(): void {
    this.#watching()
    this.#telling()
  }

  /** True: it was an announcement, or the answer to one. */
  receive(from: NodeIndex, m: PeerMessage): boolean {
    if (m[0] !== announceKind) return false
    if (m.length === 2) this.#hearRefusal(0, this.#deps.self.address, m[1])
    else void this.#handOn(from, m)
    return true
  }

  #tell(): void {
    const { self, meta } = this.#deps
    const state = meta.state()
    if (state !== null && isKnown(state, self)) {
      this.#telling()
      return
    }
    const lead = this.#deps.lead()
    if (lead === self.index) {
      void this.#submit(self).then((why) => this.#hearRefusal(0, self.address, why))
      return
    }
    const nodes = this.#deps.linked()
    if (++this.#tries === patientTries) {
      this.#deps.logger.warn(
        { address: self.address, linked: nodes.length, lead },
        'the cluster has not taken the address of this node yet; is the address free, is there a leader? Its log says why',
      )
    }
    const isFirst = this.#turn++ % 2 === 0 && lead !== noNode && nodes.includes(lead)
    const to = isFirst ? lead : nodes[this.#turn % nodes.length]
    if (to === undefined) return
    const { address, clientAddress, bootId, incarnation } = self
    this.#deps.post(to, [announceKind, address, clientAddress, bootId, incarnation])
  }

  async #handOn(from: NodeIndex, m: PeerMessage): Promise<void> {
    const [, address, clientAddress, bootId, incarnation] = m
    const isWhole =
      isName(address, maxAddressLength) &&
      (clientAddress === '' || isName(clientAddress, maxAddressLength)) &&
      isCount(bootId) &&
      isName(incarnation, 64)
    if (!isWhole) return
    const refusal = await this.#submit({ index: from, address, clientAddress, bootId, incarnation })
    this.#hearRefusal(from, address, refusal)
    // While its address is not known nothing can be posted to it: then only this log tells.
    if (refusal !== null) this.#deps.post(from, [announceKind, refusal])
  }

  /** Null: done, or it may be done at a later try. */
  async #submit(announced: Announced): Promise<AdminRefusal | null> {
    const outcome = await this.#deps.meta.submit({ kind: 'set-address', ...announced })
    if (outcome.ok || 'failed' in outcome || outcome.error === 'not-bootstrapped') return null
    return outcome.error
  }

  /** Once for each reason. `node`: whose address it is; 0: of this node. */
  #hearRefusal(node: NodeIndex, address: string, reason: unknown): void {
    if (!isAdminRefusal(reason) || reason === this.#toldRefusals.get(node)) return
    this.#toldRefusals.set(node, reason)
    const whose = node === noNode ? 'this node' : `node ${node}`
    this.#deps.logger.error(
      { address, reason, says: adminRefusals[reason].says(address) },
      `the cluster does not take the address of ${whose}: others may not reach it`,
    )
  }

  #watch(state: MetaState): void {
    if (memberAt(state, this.#deps.self.index)?.state === 'removed') this.#deps.onRemoved()
  }
}

function isKnown(state: MetaState, self: Announced): boolean {
  const member = memberAt(state, self.index)
  return (
    member?.bootId === self.bootId &&
    member.address === self.address &&
    member.clientAddress === self.clientAddress &&
    member.incarnation === self.incarnation
  )
}
