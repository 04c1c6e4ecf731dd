import { models } from '../../jepsen-lite/checker/registry.ts'
import type { OpDraft } from '../../jepsen-lite/op.ts'
import { Prng } from '../../jepsen-lite/prng.ts'
import { changing, field, property } from './edits.ts'
import { SimulatedClients } from './simulated-operations.ts'

/** Clients that take and release two names; a release frees the name some time later. */
function execution(seed: number): readonly OpDraft[] {
  const prng = new Prng(seed)
  const clients = new SimulatedClients(prng, 0.03)
  const holds = new Map<string, { readonly owner: string }>()
  const freeing: (() => void)[] = []
  for (let i = 0; i < 200; i++) {
    if (prng.chance(0.1)) clients.catchUp()
    if (prng.chance(0.1)) freeing.shift()?.()
    const client = `c${prng.below(4)}`
    if (clients.isBusy(client)) {
      clients.goOn(client)
      continue
    }
    const key = prng.pick(['bob', 'eve'])
    const owner = clients.process(client)
    const hold = holds.get(key)
    const free = (): void => {
      if (holds.get(key) === hold) holds.delete(key)
    }
    if (prng.chance(0.3))
      clients.begin(client, { f: 'lookup', key }, () => ({
        type: 'ok',
        told: holds.get(key)?.owner ?? null,
      }))
    else if (hold?.owner === owner) {
      const f = prng.pick(['delete', 'release'])
      clients.begin(client, { f, key, value: { owner } }, () => {
        if (f === 'delete') free()
        else freeing.push(free)
        return { type: 'ok' }
      })
    } else
      clients.begin(client, { f: 'create', key, value: { owner } }, () => {
        if (holds.has(key)) return { type: 'fail' }
        holds.set(key, { owner })
        return { type: 'ok' }
      })
  }
  clients.finish()
  return clients.lines
}

const whole = (f: string, key: string | undefined, owner: string): OpDraft[] =>
  (['invoke', 'ok'] as const).map((type) => ({
    process: `edit-${owner}`,
    type,
    f,
    ...(key !== undefined && { key }),
    value: { owner },
  }))

/** Whether the owner's hold is certain at `at`: he never released this name with an unknown end. */
function isCertain(lines: readonly OpDraft[], at: number): boolean {
  const { key } = lines[at] ?? {}
  const owner = field(lines[at], 'owner')
  const own = lines.filter((line) => line.key === key && field(line, 'owner') === owner)
  return !own.some((line) => line.type === 'info')
}

const isRelease = (one: OpDraft, of: OpDraft): boolean =>
  (one.f === 'delete' || one.f === 'release') &&
  one.key === of.key &&
  field(one, 'owner') === field(of, 'owner')

const isCreated = (line: OpDraft, at: number, lines: readonly OpDraft[]): boolean =>
  line.f === 'create' && line.type === 'ok' && isCertain(lines, at)

property(models.names, execution, {
  'somebody else gets it at once': changing(isCreated, (lines, at) =>
    lines.toSpliced(at + 1, 0, ...whole('create', lines[at]?.key, 'thief')),
  ),
  'it is given twice': changing(
    (line, at, lines) => isCreated(line, at, lines) && !lines.some((one) => isRelease(one, line)),
    (lines, at) =>
      lines.toSpliced(
        at + 1,
        0,
        ...whole('create', lines[at]?.key, String(field(lines[at], 'owner'))),
      ),
  ),
  'a lookup finds somebody who never had it': changing(
    (line) => line.f === 'lookup' && line.type === 'ok',
    (lines, at) => lines.with(at, { ...(lines[at] as OpDraft), value: 'nobody' }),
  ),
  'the first owner releases nothing': changing(
    (line, at, lines) =>
      (line.f === 'delete' || line.f === 'release') &&
      line.type === 'ok' &&
      isCertain(lines, at) &&
      lines.slice(at).some((later, i) => later.key === line.key && isCreated(later, at + i, lines)),
    (lines, at) => {
      const line = lines[at] as OpDraft
      return lines.filter((one) => !isRelease(one, line))
    },
  ),
})
