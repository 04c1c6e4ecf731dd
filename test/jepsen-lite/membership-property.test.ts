import { access } from '../../jepsen-lite/checker/access.ts'
import type { OpDraft } from '../../jepsen-lite/op.ts'
import { changing, field, property } from './edits.ts'
import type { Edit } from './edits.ts'
import { simulatedRoom } from './simulated-room.ts'

/** An answered ban, expulsion or leave beside which nothing could let its member in. */
function putsOut(line: OpDraft, at: number, lines: readonly OpDraft[]): boolean {
  if (!['ban', 'expel', 'leave'].includes(line.f) || line.type !== 'ok') return false
  const member = field(line, 'member')
  const begun = lines.findLastIndex((one, i) => i < at && one.process === line.process)
  const open = new Map<string, number>()
  for (const [i, one] of lines.entries()) {
    if (i > at || field(one, 'member') !== member) continue
    if (one.f !== 'attach' && one.f !== 'admit') continue
    const process = String(one.process)
    if (one.type === 'invoke') open.set(process, i)
    // Over before it began, and known: it lets nobody in any more.
    else if (one.type === 'fail' || (one.type === 'ok' && i < begun)) open.delete(process)
  }
  return open.size === 0
}

const whole = (f: string, told: object): OpDraft[] =>
  (['invoke', 'ok'] as const).map((type) => ({
    process: 'edit',
    type,
    f,
    key: 't',
    value: told,
  }))

/** Something that the member does right behind his end. */
function doing(f: string, told: object): Edit {
  return changing(putsOut, (lines, at) => {
    const value = { ...told, member: field(lines[at], 'member') }
    return lines.toSpliced(at + 1, 0, ...whole(f, value))
  })
}

property([access], simulatedRoom, {
  'sends though he is out': doing('publish', { id: 'edit.1', seq: 1_000 }),
  'reads though he is out': doing('history', { level: 'strong', last: 0, messages: [] }),
  'comes in though he is banned': changing(
    (line, at, lines) => line.f === 'ban' && putsOut(line, at, lines),
    (lines, at) => {
      const member = field(lines[at], 'member')
      return lines.toSpliced(at + 1, 0, ...whole('attach', { subscriber: 'edit', member }))
    },
  ),
  'gets what is sent while he is out': changing(putsOut, (lines, at) => {
    const member = field(lines[at], 'member')
    const message = { seq: 1_000, id: 'edit.1' }
    const value = { ...message, member, subscriber: member }
    const delivered: OpDraft = { process: 'edit', type: 'ok', f: 'deliver', key: 't', value }
    return lines.toSpliced(at + 1, 0, ...whole('publish', message), delivered)
  }),
  'misses the first message after coming in': (lines) => {
    for (const [at, line] of lines.entries()) {
      if (line.f !== 'attach' || line.type !== 'ok') continue
      const member = field(line, 'member')
      const asked = lines.findLastIndex((one, i) => i < at && one.process === line.process)
      const own = lines.flatMap((one, i) =>
        i > asked &&
        i !== at &&
        field(one, 'member') === member &&
        ['deliver', 'attach', 'detach'].includes(one.f)
          ? [i]
          : [],
      )
      const [first, second] = own.map((i) => ({ i, one: lines[i] as OpDraft }))
      if (first?.one.f !== 'deliver' || first.i < at || second?.one.f !== 'deliver') continue
      const id = field(first.one, 'id')
      const isOfIt = (one: OpDraft): boolean => one.f === 'publish' && field(one, 'id') === id
      const acked = lines.some((one) => isOfIt(one) && one.type === 'ok')
      if (acked && lines.findIndex(isOfIt) > at) return lines.toSpliced(first.i, 1)
    }
    return undefined
  },
})
