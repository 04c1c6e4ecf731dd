import type { NodeIndex } from '../ids/node-index.ts'
import { decodeCommand, encodeCommand } from '../meta/codec.ts'
import type { MetaCommand } from '../meta/command.ts'
import type { MetaGroup, MetaOutcome } from '../meta/meta-group.ts'
import { limits } from '../limits.ts'
import type { BootId } from '../peer/identity.ts'
import { Requests } from '../peer/requests.ts'
import type { Clock, Metrics, Timers } from '../ports.ts'
import type { PeerMessage } from '../wire/peer-frames.ts'

/** Commands for the meta group on their way to its leader. */
export class MetaLink {
  readonly #deps: { clock: Clock; timers: Timers; metrics: Metrics }
  readonly #bootId: BootId
  #requests: Requests | null = null

  constructor(deps: { clock: Clock; timers: Timers; metrics: Metrics }, bootId: BootId) {
    this.#deps = deps
    this.#bootId = bootId
  }

  connect(meta: MetaGroup, post: (to: NodeIndex, m: PeerMessage) => boolean): void {
    this.#requests = new Requests({
      clock: this.#deps.clock,
      timers: this.#deps.timers,
      metrics: this.#deps.metrics,
      bootId: this.#bootId,
      post,
      serve: (_from, body, reply) => {
        meta.accept(decodeCommand(body as Uint8Array)).then(reply, () => {
          // The command broke this node, which is about to stop; the asker's deadline answers.
        })
      },
    })
  }

  forward(lead: NodeIndex, command: MetaCommand): Promise<MetaOutcome> {
    return new Promise((resolve) => {
      this.#requests?.ask(lead, encodeCommand(command), limits.requestDeadlineMs, (answer, end) => {
        if (end === 'answer') resolve(answer as MetaOutcome)
        else resolve({ ok: false, failed: end === 'not-sent' ? 'no-owner' : 'no-answer' })
      })
    })
  }

  receive(from: NodeIndex, m: PeerMessage): void {
    this.#requests?.receive(from, m)
  }

  down(node: NodeIndex): void {
    this.#requests?.down(node)
  }
}
