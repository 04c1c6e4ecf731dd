import type { Entry } from '../../src/raft/entry.ts'
import type { Node } from './cluster.ts'

/** What has been committed anywhere, by group and index. Nothing may ever contradict it. */
export class Truth {
  readonly #committed = new Map<string, string>()
  readonly #leaders = new Map<string, number>()

  watch(node: Node): void {
    for (const [id, machine] of node.machines) {
      const committed = machine.committed.bind(machine)
      machine.committed = (entries: readonly Entry[]) => {
        for (const entry of entries) this.#commit(id, entry)
        committed(entries)
      }
      const lead = machine.lead.bind(machine)
      machine.lead = (term) => {
        this.#leader(id, term, node.id)
        lead(term)
      }
    }
  }

  /** One leader in a term, whether it got as far as telling its machine or not. */
  look(nodes: Iterable<Node>): void {
    for (const { id, host, machines } of nodes) {
      for (const group of machines.keys()) {
        const at = host.get(group)
        if (at?.isLeader === true) this.#leader(group, at.term, id)
      }
    }
  }

  list(group: number): string[] {
    const rows: [number, string][] = []
    for (const [place, says] of this.#committed) {
      const [id, index] = place.split('/').map(Number)
      const text = says.slice(says.indexOf(' ') + 1)
      if (id === group && text !== '' && index !== undefined) rows.push([index, text])
    }
    return rows.sort(([a], [b]) => a - b).map(([, text]) => text)
  }

  #leader(group: number, term: number, id: number): void {
    const place = `${group} in term ${term}`
    const other = this.#leaders.get(place) ?? id
    if (other !== id) throw new Error(`${id} and ${other} lead ${place}`)
    this.#leaders.set(place, id)
  }

  #commit(group: number, entry: Entry): void {
    const place = `${group}/${entry.index}`
    const data = Buffer.from(entry.data)
    const isText = entry.kind === 'normal'
    const says = `${entry.term}${isText ? '' : data.toString('hex')} ${isText ? data.toString() : ''}`
    const before = this.#committed.get(place) ?? says
    if (before !== says) throw new Error(`${place} was ${before} and is ${says}`)
    this.#committed.set(place, says)
  }
}
