import { marks } from '../../jepsen-lite/checker/marks.ts'
import type { OpDraft } from '../../jepsen-lite/op.ts'
import { Prng } from '../../jepsen-lite/prng.ts'
import { changing, field, property, valued } from './edits.ts'
import { SimulatedClients } from './simulated-operations.ts'

const users = ['u', 'v'] as const

/** Two users with two sessions each send, mark and look; final reads come in the end. */
function execution(seed: number): readonly OpDraft[] {
  const prng = new Prng(seed)
  const clients = new SimulatedClients(prng, 0.03)
  const log: string[] = []
  const rows = new Map<string, { read: number; recv: number }>(
    users.map((user) => [user, { read: 0, recv: 0 }]),
  )
  const of = (user: string): { read: number; recv: number } =>
    rows.get(user) ?? { read: 0, recv: 0 }
  const raise = (user: string, what: 'read' | 'recv', seq: number): void => {
    const row = of(user)
    if (seq > log.length) return
    row[what] = Math.max(row[what], seq)
    row.recv = Math.max(row.recv, row.read)
  }
  const told = (user: string): object => ({ user, seq: log.length, ...of(user) })
  let count = 0
  for (let i = 0; i < 250; i++) {
    if (prng.chance(0.03)) clients.catchUp()
    const user = prng.pick(users)
    const client = `${user}${prng.below(2)}`
    if (clients.isBusy(client)) {
      clients.goOn(client)
      continue
    }
    const f = prng.pick(['publish', 'mark', 'mark', 'marks'])
    if (f === 'publish') {
      const value = {
        id: `${user}.${++count}`,
        sender: clients.process(client),
        n: count,
        member: user,
      }
      clients.begin(client, { f, key: 't', value }, () => {
        const seq = log.push(value.id)
        raise(user, 'read', seq)
        return { type: 'ok', told: { ...value, seq } }
      })
    } else if (f === 'mark') {
      const [what, seq] = [prng.pick(['read', 'recv'] as const), 1 + prng.below(log.length + 2)]
      const isTaken = prng.chance(0.9)
      clients.begin(client, { f, key: 't', value: { user, what, seq } }, () => {
        if (isTaken) raise(user, what, seq)
        return { type: 'ok', told: told(user) }
      })
    } else
      clients.begin(client, { f, key: 't', value: { user } }, () => ({
        type: 'ok',
        told: told(user),
      }))
  }
  clients.finish()
  const value = log.map((id, i) => ({ seq: i + 1, id }))
  const end = { process: 'final', key: 't', node: 'n1' }
  clients.lines.push({ ...end, type: 'invoke', f: 'read-all' })
  clients.lines.push({ ...end, type: 'ok', f: 'read-all', value })
  for (const node of ['n1', 'n2'])
    for (const user of users) {
      const at = { process: `${node} ${user}`, f: 'marks', key: 't', node }
      clients.lines.push({ ...at, type: 'invoke', value: { user } })
      clients.lines.push({ ...at, type: 'ok', value: { ...told(user), final: true } })
    }
  return clients.lines
}

const isSight = (line: OpDraft): boolean =>
  (line.f === 'mark' || line.f === 'marks') && line.type === 'ok'
const isFinal = (line: OpDraft): boolean => isSight(line) && field(line, 'final') === true
const number = (line: OpDraft | undefined, name: string): number => Number(field(line, name))

/** Seen before by the same user, by an operation that was over before this one began. */
function before(lines: readonly OpDraft[], at: number, name: string): number {
  const begun = lines.findLastIndex((one, i) => i < at && one.process === lines[at]?.process)
  const earlier = lines.filter(
    (one, i) => i < begun && isSight(one) && field(one, 'user') === field(lines[at], 'user'),
  )
  return Math.max(0, ...earlier.map((one) => number(one, name)))
}

const goesBack = (name: 'read' | 'recv' | 'seq'): ReturnType<typeof changing> =>
  changing(
    (line, at, lines) => isSight(line) && before(lines, at, name) > 0,
    (lines, at) => lines.with(at, valued(lines[at], { [name]: before(lines, at, name) - 1 })),
  )

property([marks], execution, {
  'read goes back': goesBack('read'),
  'recv goes back': goesBack('recv'),
  'the end goes back': goesBack('seq'),
  'read passes recv': changing(isSight, (lines, at) =>
    lines.with(at, valued(lines[at], { read: number(lines[at], 'recv') + 1 })),
  ),
  'recv passes the end': changing(isSight, (lines, at) =>
    lines.with(at, valued(lines[at], { recv: number(lines[at], 'seq') + 1 })),
  ),
  'one message is not counted': changing(
    (line) => isFinal(line) && number(line, 'seq') > number(line, 'recv'),
    (lines, at) => lines.with(at, valued(lines[at], { seq: number(lines[at], 'seq') - 1 })),
  ),
  'one message is counted twice': changing(isFinal, (lines, at) =>
    lines.with(at, valued(lines[at], { seq: number(lines[at], 'seq') + 1 })),
  ),
  'his own message is unread': changing(
    (line, at, lines) => isSight(line) && ownBefore(lines, at) > 0,
    (lines, at) => lines.with(at, valued(lines[at], { read: ownBefore(lines, at) - 1 })),
  ),
})

/** The last message that the user was acknowledged before the operation began. */
function ownBefore(lines: readonly OpDraft[], at: number): number {
  const begun = lines.findLastIndex((one, i) => i < at && one.process === lines[at]?.process)
  const own = lines.filter(
    (one, i) =>
      i < begun &&
      one.f === 'publish' &&
      one.type === 'ok' &&
      field(one, 'member') === field(lines[at], 'user'),
  )
  return Math.max(0, ...own.map((one) => number(one, 'seq')))
}
