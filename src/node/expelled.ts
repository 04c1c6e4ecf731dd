import type { Expulsion } from '../peer/handshake.ts'

/**
 * The cluster refuses this node for good: no later try will end otherwise, and what it holds counts
 * no more. The process ends with a code of its own, so that whoever starts it again stops doing so.
 */
export class Expelled extends Error {
  override readonly name = 'Expelled'
  readonly reason: Expulsion

  /** `by`: who said so, for people. */
  constructor(reason: Expulsion, node: string, data: string, by: string) {
    super(`${says[reason](node)} (told by ${by}). ${cures[reason](node, data)}`)
    this.reason = reason
  }
}

const says: Readonly<Record<Expulsion, (node: string) => string>> = {
  removed: (node) => `${node} was removed from the cluster, for ever`,
  'wiped-disk': (node) => `the data folder of ${node} was emptied or replaced`,
  'old-copy': (node) =>
    `the data folder of ${node} is an older copy, which has missed starts of it`,
}

const cures: Readonly<Record<Expulsion, (node: string, data: string) => string>> = {
  removed: (_node, data) =>
    `Cure: to use this machine again, move ${data} away and join as a new member: flotilla token new, then flotilla serve --join`,
  'wiped-disk': (node, data) => lost(node, data),
  'old-copy': (node, data) => lost(node, data),
}

function lost(node: string, data: string): string {
  return `What the member promised is not in ${data}, so nothing may count on it. Cure: remove the member (flotilla nodes remove ${node} --dead), move ${data} away, and join with a token: flotilla token new, then flotilla serve --join`
}
