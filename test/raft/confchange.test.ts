import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ConfChange, ConfChangeStep } from '../../src/raft/confchange.ts'
import {
  changed,
  contradiction,
  decodeConfChange,
  encodeConfChange,
  enterJoint,
  isJoint,
  isVoter,
  leaveJoint,
  members,
  restore,
  simple,
} from '../../src/raft/confchange.ts'
import { describeConf } from '../../src/raft/describe.ts'
import type { ConfState } from '../../src/raft/entry.ts'
import { confOf } from './world/group.ts'
import { parseConf } from './world/script-words.ts'

function steps(words: string): ConfChangeStep[] {
  const kinds = { '+': 'add-voter', '~': 'add-learner', '-': 'remove' } as const
  return words
    .split(' ')
    .filter(Boolean)
    .map((word) => ({ kind: kinds[word.charAt(0) as '+'], id: Number(word.slice(1)) }))
}

function shown(result: ReturnType<typeof simple>): string {
  return result.error ?? describeConf(result.conf)
}

test.for([
  ['voters 1 2 3', '+4', 'voters 1 2 3 4'],
  ['voters 1 2 3', '-3', 'voters 1 2'],
  ['voters 1 2 3', '~3', 'voters 1 2 learners 3'],
  ['voters 1 learners 2', '+2', 'voters 1 2'],
  ['voters 1 learners 2', '~2', 'voters 1 learners 2'],
  ['voters 1 learners 2', '-2', 'voters 1'],
  ['voters 1 2', '+2', 'voters 1 2'],
  ['voters 1 2', '-9', 'voters 1 2'],
  ['voters 1 2', '+0 -0 ~0', 'voters 1 2'],
  ['voters 1', '~2 ~3 +4', 'voters 1 4 learners 2 3'],
  ['voters 1', '-1', 'no-voters'],
  ['voters', '+1', 'no-voters'],
  ['voters 1', '+2 +3', 'too-many-voters'],
  ['voters 1 2', '-1 +3', 'too-many-voters'],
  ['voters 1 2 outgoing 1', '+3', 'in-joint'],
] as const)('simple: %s with %s: %s', ([conf, change, result]) => {
  expect(shown(simple(parseConf(conf.split(' ')), steps(change)))).toBe(result)
})

test.for([
  ['voters 1 2 3', '+4 -1', 'voters 2 3 4 & 1 2 3'],
  ['voters 1 2 3', '~1', 'voters 2 3 & 1 2 3 next learners 1'],
  ['voters 1 2 3', '~1 +1', 'voters 1 2 3 & 1 2 3'],
  ['voters 1 2 3', '~1 -1', 'voters 2 3 & 1 2 3'],
  ['voters 1', '~2', 'voters 1 & 1 learners 2'],
  ['voters 1', '-1', 'no-voters'],
  ['voters', '+1', 'no-voters'],
  ['voters 1 outgoing 2', '+3', 'in-joint'],
] as const)('enterJoint: %s with %s: %s', ([conf, change, result]) => {
  expect(shown(enterJoint(parseConf(conf.split(' ')), false, steps(change)))).toBe(result)
})

test.for([
  ['voters 2 3 outgoing 1 2 3 next 1 learners 4 auto-leave', 'voters 2 3 learners 1 4'],
  ['voters 1 outgoing 1', 'voters 1'],
  ['voters 1', 'not-joint'],
] as const)('leaveJoint: %s: %s', ([conf, result]) => {
  expect(shown(leaveJoint(parseConf(conf.split(' '))))).toBe(result)
})

test.for([
  ['auto', '+4', 'voters 1 2 3 4'],
  ['auto', '+4 -1', 'voters 2 3 4 & 1 2 3 auto-leave'],
  ['joint-implicit', '+4', 'voters 1 2 3 4 & 1 2 3 auto-leave'],
  ['joint-explicit', '+4', 'voters 1 2 3 4 & 1 2 3'],
  ['auto', '', 'not-joint'],
] as const)('%s with %s: %s', ([transition, change, result]) => {
  const context = new Uint8Array(0)
  const made = changed(confOf([1, 2, 3]), { transition, steps: steps(change), context })
  expect(shown(made)).toBe(result)
})

test.for([
  ['voters 3 1 2 2', 'voters 1 2 3'],
  ['', 'voters -'],
  ['learners 1', null],
  ['voters 1 learners 1', null],
  ['voters 1 outgoing 2 learners 2', null],
  ['voters 1 next 1', null],
  ['voters 1 outgoing 1 next 1', null],
  ['voters 1 auto-leave', null],
  ['voters 0', null],
  ['voters 1.5', null],
] as const)('restore: %s: %s', ([conf, result]) => {
  const restored = restore(parseConf(conf.split(' ')))
  expect(restored === null ? null : describeConf(restored)).toBe(result)
})

const id = fc.integer({ min: 1, max: 6 })
const step = fc.record({
  kind: fc.constantFrom('add-voter', 'add-learner', 'remove'),
  id,
}) as fc.Arbitrary<ConfChangeStep>
const change = fc.record({
  transition: fc.constantFrom('auto', 'joint-implicit', 'joint-explicit'),
  steps: fc.array(step, { maxLength: 4 }),
  context: fc.uint8Array({ maxLength: 4 }),
}) as fc.Arbitrary<ConfChange>

/** Who is what, one by one: slow, and easy to believe. */
class Twin {
  roles = new Map<number, 'voter' | 'learner'>([[1, 'voter']])
  outgoing: number[] = []
  auto = false

  apply({ transition, steps: list }: ConfChange): void {
    const joint = this.outgoing.length > 0
    if (list.length === 0) {
      if (joint) this.#leave()
      return
    }
    if (joint) return
    const before = this.voters()
    const roles = new Map(this.roles)
    for (const { kind, id: member } of list) {
      if (kind === 'remove') roles.delete(member)
      else roles.set(member, kind === 'add-voter' ? 'voter' : 'learner')
    }
    const after = [...roles].filter(([, role]) => role === 'voter').map(([member]) => member)
    const moved = [...before, ...after].filter((m) => before.includes(m) !== after.includes(m))
    const isSimple = transition === 'auto' && list.length === 1
    if (after.length === 0 || (isSimple && moved.length > 1)) return
    this.roles = roles
    if (isSimple) return
    this.outgoing = before
    this.auto = transition !== 'joint-explicit'
  }

  conf(): ConfState {
    const learners = [...this.roles].filter(([, r]) => r === 'learner').map(([m]) => m)
    const waits = (member: number): boolean => this.outgoing.includes(member)
    return {
      voters: this.voters(),
      outgoing: this.outgoing,
      learners: learners.filter((member) => !waits(member)).sort((a, b) => a - b),
      learnersNext: learners.filter(waits).sort((a, b) => a - b),
      autoLeave: this.auto,
    }
  }

  voters(): number[] {
    return [...this.roles]
      .filter(([, role]) => role === 'voter')
      .map(([member]) => member)
      .sort((a, b) => a - b)
  }

  #leave(): void {
    this.outgoing = []
    this.auto = false
  }
}

test('any sequence of changes gives what the slow twin gives, and never a contradiction', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
      const twin = new Twin()
      let conf = confOf([1])
      for (const one of changes) {
        conf = changed(conf, one).conf ?? conf
        twin.apply(one)
        expect(conf).toEqual(twin.conf())
        expect(contradiction(conf)).toBe(null)
        expect(restore(conf)).toEqual(conf)
        for (const member of members(conf)) {
          const isOutside = conf.learners.includes(member)
          expect(isVoter(conf, member)).toBe(!isOutside)
        }
        expect(isJoint(conf)).toBe(twin.outgoing.length > 0)
      }
    }),
  )
})

test('bytes give back what was encoded', () => {
  const wide = fc.record({
    transition: fc.constantFrom('auto', 'joint-implicit', 'joint-explicit'),
    steps: fc.array(
      fc.record({
        kind: fc.constantFrom('add-voter', 'add-learner', 'remove'),
        id: fc.integer({ min: 1, max: 2 ** 48 - 1 }),
      }),
    ),
    context: fc.uint8Array(),
  }) as fc.Arbitrary<ConfChange>
  fc.assert(
    fc.property(wide, (one) => {
      expect(decodeConfChange(encodeConfChange(one))).toEqual(one)
    }),
  )
})

test.for([
  ['too short', [1, 0, 0]],
  ['a newer version', [2, 0, 0, 0]],
  ['an unknown transition', [1, 9, 0, 0]],
  ['fewer steps than said', [1, 0, 0, 1, 0, 0, 0]],
  ['an unknown step', [1, 0, 0, 1, 9, 0, 0, 0, 0, 0, 1]],
] as const)('bytes are not taken: %s', ([, bytes]) => {
  expect(decodeConfChange(Uint8Array.from(bytes))).toBe(null)
})
