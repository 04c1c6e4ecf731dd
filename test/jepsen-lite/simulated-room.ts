import type { OpDraft } from '../../jepsen-lite/op.ts'
import { Prng } from '../../jepsen-lite/prng.ts'
import { SimulatedClients } from './simulated-operations.ts'
import type { Effect } from './simulated-operations.ts'

const members = ['a', 'b', 'c'] as const
type Member = (typeof members)[number]

interface Rights {
  banned: boolean
  /** Attached: everything that is sent goes into his queue. */
  here: boolean
  /** On its way to him; what was sent before he was put out still comes. */
  readonly queue: { readonly seq: number; readonly id: string }[]
}

/** A legal run of one topic whose members come in, leave, are put out and let in again. */
export function simulatedRoom(seed: number): readonly OpDraft[] {
  const prng = new Prng(seed)
  const clients = new SimulatedClients(prng, 0.02)
  const log: string[] = []
  const rights = new Map<Member, Rights>(
    members.map((member) => [member, { banned: false, here: false, queue: [] }]),
  )
  const of = (member: Member): Rights => rights.get(member) as Rights
  let count = 0

  const act = (f: string, member: Member, id: string): Effect => {
    const one = of(member)
    if (f === 'ban' || f === 'admit') one.banned = f === 'ban'
    if (f === 'ban' || f === 'expel' || f === 'leave') one.here = false
    if (f === 'ban' || f === 'admit' || f === 'expel') return { type: 'ok' }
    if (f === 'attach') {
      one.here = !one.banned
      return { type: one.here ? 'ok' : 'fail' }
    }
    if (f === 'leave') return { type: 'ok' }
    if (!one.here) return { type: 'fail' }
    const seq = log.push(id)
    for (const other of rights.values()) if (other.here) other.queue.push({ seq, id })
    return { type: 'ok', told: { id, member, sender: member, n: seq, seq } }
  }

  const deliver = (member: Member): void => {
    const next = of(member).queue.shift()
    if (!next) return
    const value = { ...next, subscriber: member, member }
    clients.lines.push({ process: member, type: 'ok', f: 'deliver', key: 't', value })
  }

  for (let i = 0; i < 250; i++) {
    if (prng.chance(0.03)) clients.catchUp()
    const member = prng.pick(members)
    if (prng.chance(0.3)) {
      deliver(member)
      continue
    }
    const client = prng.chance(0.2) ? 'admin' : member
    if (clients.isBusy(client)) {
      clients.goOn(client)
      continue
    }
    const f =
      client === 'admin'
        ? prng.pick(['ban', 'expel', 'admit', 'admit'])
        : of(member).here
          ? prng.pick(['publish', 'publish', 'publish', 'leave'])
          : 'attach'
    // What was on its way before he came back is not told again.
    if (f === 'attach') of(member).queue.length = 0
    const id = `${member}.${++count}`
    const asked =
      f === 'publish' ? { id, member, sender: member, n: count } : { member, subscriber: member }
    clients.begin(client, { f, key: 't', value: asked }, () => act(f, member, id))
  }
  clients.finish()
  return clients.lines
}
