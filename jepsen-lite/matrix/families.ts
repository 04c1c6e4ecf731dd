import type { Nemesis } from '../nemesis/nemesis.ts'
import type { Need } from '../world/world.ts'

/** Nemeses that a run draws from together, told by their number in the fault catalogue. */
export interface Family {
  readonly name: string
  readonly says: string
  /** Numbers, or the letter of all numbers that no other family names. */
  readonly holds: readonly string[]
  /** The steps of its faults take so long on average, for those that do not say so themselves, ms. */
  readonly stepsMs: number
}

export const families: readonly Family[] = [
  {
    name: 'processes',
    says: 'nodes die, stand still, leave and come back.',
    holds: ['P'],
    stepsMs: 0,
  },
  { name: 'links', says: 'links between nodes are cut, slow or spoilt.', holds: ['N'], stepsMs: 0 },
  {
    name: 'clients',
    says: 'clients break off, read slowly, come in crowds, or find no door.',
    holds: ['L', 'N7'],
    stepsMs: 0,
  },
  {
    name: 'disks',
    says: 'power is lost, disks fail, hang or spoil what they hold.',
    holds: ['D'],
    stepsMs: 0,
  },
  { name: 'clocks', says: 'clocks jump, run fast or slow, and differ.', holds: ['C'], stepsMs: 0 },
  {
    name: 'identities',
    says: 'a node comes back as another one, without its memory, or with an old one.',
    holds: ['P8', 'D9', 'D10'],
    stepsMs: 0,
  },
  {
    name: 'members',
    says: 'nodes join, leave and move partitions.',
    holds: ['M'],
    stepsMs: 25_000,
  },
  { name: 'combos', says: 'several faults in an order that hurts.', holds: ['X'], stepsMs: 8_000 },
]

/** The fault changes so much of what comes after it that a run holds no other one. */
export const alone: readonly string[] = ['everything']

/** Faults that a workload cannot meet, told by what they use, and why. A family of nothing else is a cell with a dash. */
export const clashes: readonly {
  readonly workload: string
  readonly need: Need
  readonly why: string
}[] = [
  {
    workload: 'admin',
    need: 'members',
    why: 'both change the members, and each takes for granted that a node it works on stays one; the other workloads meet these faults',
  },
]

/** The families that hold this nemesis; exactly one, as a test sees to. */
export function familiesOf(nemesis: Pick<Nemesis, 'says'>): readonly Family[] {
  const number = /^[A-Z]\d+/.exec(nemesis.says)?.[0] ?? ''
  const named = families.filter(({ holds }) => holds.includes(number))
  return named.length > 0 ? named : families.filter(({ holds }) => holds.includes(number.charAt(0)))
}

/** In the order of the registry. */
export function nemesesOf(family: Family, all: readonly Nemesis[]): readonly Nemesis[] {
  return all.filter((nemesis) => familiesOf(nemesis).some(({ name }) => name === family.name))
}
