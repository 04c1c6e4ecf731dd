import fc from 'fast-check'
import { expect, test } from 'vitest'
import { defaultCheckOptions } from '../../jepsen-lite/checker/checker.ts'
import { models } from '../../jepsen-lite/checker/registry.ts'
import { runCheckers } from '../../jepsen-lite/checker/run-checkers.ts'
import type { Judgement } from '../../jepsen-lite/checker/run-checkers.ts'
import { History } from '../../jepsen-lite/operations.ts'
import type { OpDraft } from '../../jepsen-lite/op.ts'
import { Prng } from '../../jepsen-lite/prng.ts'
import { SimulatedTopic } from './simulated-topic.ts'
import { story } from './story.ts'

function judged(lines: readonly OpDraft[]): Judgement {
  const options = { ...defaultCheckOptions, deliveryGrace: 0 }
  return runCheckers(models.topic, new History(story(lines)), options)
}

interface Row {
  readonly seq: number
  readonly id: string
}
type Edit = (lines: readonly OpDraft[], prng: Prng) => OpDraft[] | undefined

/** Changes the rows of one final read; not of the first, behind which the others must not fall. */
function inFinalRead(change: (rows: Row[], prng: Prng) => Row[] | undefined): Edit {
  return (lines, prng) => {
    const reads = lines.filter((line) => line.f === 'read-all' && line.type === 'ok').slice(1)
    const victim = prng.pick(reads)
    const rows = change([...(victim.value as Row[])], prng)
    return rows && lines.map((line) => (line === victim ? { ...line, value: rows } : line))
  }
}

function inDeliveries(change: (lines: OpDraft[], at: number) => OpDraft[] | undefined): Edit {
  return (lines, prng) => {
    const places = lines.flatMap((line, i) => (line.f === 'deliver' ? [i] : []))
    return places.length > 0 ? change([...lines], prng.pick(places)) : undefined
  }
}

function at<T>(list: readonly T[], i: number): T {
  const found = list[i]
  if (found === undefined) throw new Error(`nothing at ${i}`)
  return found
}

/** Whether the same subscriber gets another delivery over the same attach. */
function goesOn(lines: readonly OpDraft[], i: number): boolean {
  const { process } = at(lines, i)
  return lines.slice(i + 1).find((line) => line.process === process)?.f === 'deliver'
}

const edits: Readonly<Record<string, Edit>> = {
  'drop a row': inFinalRead((rows, prng) =>
    rows.length > 0 ? rows.toSpliced(prng.below(rows.length), 1) : undefined,
  ),
  'swap two rows': inFinalRead((rows, prng) => {
    if (rows.length < 2) return undefined
    const i = prng.below(rows.length - 1)
    const [a, b] = [at(rows, i), at(rows, i + 1)]
    return rows.toSpliced(i, 2, { seq: a.seq, id: b.id }, { seq: b.seq, id: a.id })
  }),
  'store a message again': inFinalRead((rows, prng) =>
    rows.length > 0 ? [...rows, { seq: rows.length + 1, id: prng.pick(rows).id }] : undefined,
  ),
  'renumber a row': inFinalRead((rows, prng) => {
    if (rows.length === 0) return undefined
    const i = prng.below(rows.length)
    return rows.with(i, { ...at(rows, i), seq: at(rows, i).seq + 1 })
  }),
  'invent a message': inFinalRead((rows) => [...rows, { seq: rows.length + 1, id: 'nobody.1' }]),
  'drop a delivery': inDeliveries((lines, i) =>
    goesOn(lines, i) ? lines.toSpliced(i, 1) : undefined,
  ),
  'deliver twice': inDeliveries((lines, i) => lines.toSpliced(i, 0, at(lines, i))),
  'renumber a delivery': inDeliveries((lines, i) => {
    const value = at(lines, i).value as Row
    return lines.with(i, { ...at(lines, i), value: { ...value, seq: value.seq + 1 } })
  }),
  'renumber an ack': (lines, prng) => {
    const acks = lines.filter((line) => line.f === 'publish' && line.type === 'ok')
    if (acks.length === 0) return undefined
    const victim = prng.pick(acks)
    const value = victim.value as Row
    return lines.map((line) =>
      line === victim ? { ...line, value: { ...value, seq: value.seq + 1 } } : line,
    )
  },
  'refuse for certain what was stored': (lines, prng) => {
    const stored = new Set((at(lines, lines.length - 1).value as Row[]).map((row) => row.id))
    const ends = lines.filter((line) => line.f === 'publish' && line.type !== 'invoke')
    const idOf = (line: OpDraft): string => (line.value as Row).id
    const once = ends.filter(
      (line) => ends.filter((other) => idOf(other) === idOf(line)).length === 1,
    )
    const victims = once.filter((line) => stored.has(idOf(line)))
    if (victims.length === 0) return undefined
    const victim = prng.pick(victims)
    return lines.map((line) => (line === victim ? { ...line, type: 'fail' as const } : line))
  },
}

test('a random legal execution is accepted', () => {
  fc.assert(
    fc.property(fc.nat(1_000_000), (seed) => {
      const { result, verdicts } = judged(new SimulatedTopic(seed, 150).lines)
      expect(verdicts.flatMap((verdict) => verdict.anomalies)).toEqual([])
      expect(result).toBe('valid')
    }),
    { numRuns: 200, seed: 7 },
  )
})

test.for(Object.entries(edits))('the same with one edit is rejected: %s', ([, edit]) => {
  let edited = 0
  fc.assert(
    fc.property(fc.nat(1_000_000), (seed) => {
      const lines = edit(new SimulatedTopic(seed, 150).lines, new Prng(seed))
      if (!lines) return
      edited++
      expect(judged(lines).result).toBe('invalid')
    }),
    { numRuns: 60, seed: 7 },
  )
  expect(edited).toBeGreaterThan(30)
})
