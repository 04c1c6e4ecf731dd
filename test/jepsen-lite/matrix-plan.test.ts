import { describe, expect, test } from 'vitest'
import { clashes, families, familiesOf, nemesesOf } from '../../jepsen-lite/matrix/families.ts'
import type { Family } from '../../jepsen-lite/matrix/families.ts'
import { planOf } from '../../jepsen-lite/matrix/plan.ts'
import type { Nemesis } from '../../jepsen-lite/nemesis/nemesis.ts'
import { nemeses } from '../../jepsen-lite/nemesis/registry.ts'
import { usualPace } from '../../jepsen-lite/run.ts'
import { workloads } from '../../jepsen-lite/workload/registry.ts'

const allWorkloads = workloads.map(({ name }) => name)
const full = (seconds: number) =>
  planOf({ workloads: allWorkloads, families, nemeses, seconds, pace: usualPace(seconds) })

describe('families', () => {
  test('each nemesis is in exactly one', () => {
    const wrong = nemeses
      .map((nemesis) => ({ name: nemesis.name, of: familiesOf(nemesis).map(({ name }) => name) }))
      .filter(({ of }) => of.length !== 1)
    expect(wrong).toEqual([])
  })

  test('each has nemeses', () => {
    const empty = families.filter((family) => nemesesOf(family, nemeses).length === 0)
    expect(empty.map(({ name }) => name)).toEqual([])
  })

  test.for([
    ['kill', 'processes'],
    ['crash-point', 'processes'],
    ['isolate', 'links'],
    ['corrupt', 'links'],
    ['client-cut', 'clients'],
    ['slow-clients', 'clients'],
    ['power-loss', 'disks'],
    ['cut-file', 'disks'],
    ['clock-skew', 'clocks'],
    ['impostor', 'identities'],
    ['wipe', 'identities'],
    ['old-copy', 'identities'],
    ['flood', 'members'],
    ['move-under-fire', 'combos'],
    ['everything', 'combos'],
  ] as const)('%s is one of %s', ([name, family]) => {
    const nemesis = nemeses.find((one) => one.name === name)
    expect(nemesis && familiesOf(nemesis).map((one) => one.name)).toEqual([family])
  })

  test('a number that nobody names is in none', () => {
    expect(familiesOf({ says: 'Z1: something else.' })).toEqual([])
    expect(familiesOf({ says: 'no number.' })).toEqual([])
  })

  test('clashes name workloads that exist', () => {
    for (const { workload } of clashes) expect(allWorkloads).toContain(workload)
  })
})

describe('the plan of everything', () => {
  test('has every pair once', () => {
    const pairs = full(60).map(({ workload, family }) => `${workload} ${family}`)
    expect(pairs.toSorted()).toEqual(
      allWorkloads.flatMap((name) => families.map((family) => `${name} ${family.name}`)).toSorted(),
    )
  })

  test.for([45, 60, 90, 120])('uses every nemesis, with %i s a cell', (seconds) => {
    const used = new Set(full(seconds).flatMap((cell) => cell.nemeses))
    expect(nemeses.filter(({ name }) => !used.has(name)).map(({ name }) => name)).toEqual([])
  })

  test('sees every workload before any comes twice, and soon every family', () => {
    const begin = full(60).slice(0, allWorkloads.length)
    expect(begin.map(({ workload }) => workload)).toEqual(allWorkloads)
    expect(new Set(begin.map(({ family }) => family)).size).toBe(families.length)
  })

  test('gives admin no fault that changes members, and says so', () => {
    const cells = full(60).filter(({ workload }) => workload === 'admin')
    const changing = nemeses.filter(({ needs, wants = [] }) =>
      [...needs, ...wants].includes('members'),
    )
    const names = changing.map(({ name }) => name)
    expect(cells.flatMap((cell) => cell.nemeses).filter((name) => names.includes(name))).toEqual([])
    const dashes = full(60).filter((cell) => cell.nemeses.length === 0)
    expect(dashes.map(({ workload, family }) => `${workload} ${family}`)).toEqual(['admin members'])
    expect(dashes[0]?.why).toMatch(/both change the members/)
  })

  test('has no cell with two faults that may cost a node its data, and leaves everything alone', () => {
    const costly = nemeses.filter(({ costsNode, needs }) => costsNode && needs.includes('disk'))
    for (const { nemeses: names } of full(300)) {
      expect(costly.filter(({ name }) => names.includes(name)).length).toBeLessThan(2)
      if (names.includes('everything')) expect(names).toEqual(['everything'])
    }
  })
})

describe('a cell', () => {
  const processes = families.find(({ name }) => name === 'processes') as Family
  const fault = (name: string, more: Partial<Nemesis> = {}): Nemesis => ({
    name,
    says: 'P1: it.',
    needs: [],
    start: async () => undefined,
    ...more,
  })
  const plan = (seconds: number, all: readonly Nemesis[], stepsMs = 0) =>
    planOf({
      workloads: ['w1', 'w2', 'w3'],
      families: [{ ...processes, stepsMs }],
      nemeses: all,
      seconds,
      pace: { quietMs: 2_000, faultMs: [2_000, 4_000], restMs: [1_000, 3_000] },
    }).map((cell) => cell.nemeses.join(' '))
  const four = ['a', 'b', 'c', 'd'].map((name) => fault(name))
  const long = fault('long', { lastsMs: 20_000 })

  // A fault of this pace takes 3 + 5 + 2 s, after 2 s of quiet.
  test.for([
    ['goes on where the one before stopped', 22, four, 0, ['a b', 'c d', 'a b']],
    ['wraps around', 32, four, 0, ['a b c', 'd a b', 'c d a']],
    ['holds each once, however long it is', 500, four, 0, ['a b c d', 'a b c d', 'a b c d']],
    ['holds one when there is no time for a whole one', 5, four, 0, ['a', 'b', 'c']],
    ['counts the steps of its family', 32, four, 3_000, ['a b', 'c d', 'a b']],
    ['holds a long one if that ends in time', 23, [long], 0, ['long', 'long', 'long']],
    ['holds none that does not end in time', 22, [long], 0, ['', '', '']],
    [
      'leaves a long one to the next that has room for it',
      30,
      [fault('a'), long],
      0,
      ['a', 'long', 'a'],
    ],
  ] as const)('%s', ([, seconds, all, stepsMs, cells]) => {
    expect(plan(seconds, all, stepsMs)).toEqual(cells)
  })
})
