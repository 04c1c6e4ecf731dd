import { expect, test } from 'vitest'
import type { Effect } from '../../src/partition/effect.ts'
import { Inbox } from '../../src/partition/inbox.ts'
import { Outbox } from '../../src/partition/outbox.ts'
import type { Letter } from '../../src/partition/outbox.ts'
import type { Sink } from '../../src/partition/evaluation.ts'
import type { Told } from '../../src/chat/entity.ts'
import { readMailRow } from '../../src/partition/rows.ts'
import { partitionOf } from '../../src/ids/routing-key.ts'
import type { OutboxItem } from '../../src/chat/outcome.ts'

const partitions = 4
const target = 2
/** Names that route to the target. */
const names = Array.from({ length: 200 }, (_, i) => `nam:basic:${i}`).filter(
  (name) => partitionOf(name, partitions) === target,
)

function item(i: number): OutboxItem {
  return { to: names[i % names.length]!, fact: { kind: 'name-free', holder: 'x' as never } }
}

/** Deliveries that the test answers by hand. */
function outbox() {
  const carried: { letters: readonly Letter[]; done: (upTo: number | null) => void }[] = []
  const tasks: (() => void)[] = []
  const made = new Outbox({
    timers: {
      after: (_ms, task) => {
        tasks.push(task)
        return () => {}
      },
      every: () => () => {},
      soon: (task) => task(),
    },
    carry: (_target, letters, done) => void carried.push({ letters, done }),
    partitions,
    waiting: { set() {} },
    batchDue: () => {},
  })
  return { made, carried, tasks }
}

test('letters travel only after their entry committed, in order, and one delivery at a time', () => {
  const { made, carried } = outbox()
  const effects: Effect[] = []
  const first = made.add([item(0), item(1)], effects)
  const second = made.add([item(2)], effects)
  expect(carried).toEqual([])
  made.committed(first)
  expect(carried).toHaveLength(1)
  expect(carried[0]!.letters.map((l) => l.counter)).toEqual([1, 2])
  made.committed(second)
  expect(carried).toHaveLength(1)
  carried[0]!.done(2)
  expect(carried[1]!.letters.map((l) => l.counter)).toEqual([3])
})

test('no answer: the same letters go again; arrived ones are removed by the next batch', () => {
  const { made, carried, tasks } = outbox()
  const effects: Effect[] = []
  made.committed(made.add([item(0)], effects))
  carried[0]!.done(null)
  tasks.shift()!()
  expect(carried[1]!.letters).toEqual(carried[0]!.letters)
  let arrived = false
  made.whenDelivered({ target, counter: 1 }, () => (arrived = true))
  expect(arrived).toBe(false)
  carried[1]!.done(1)
  expect(arrived).toBe(true)
  const removals: Effect[] = []
  made.takeArrived(removals)
  expect(removals).toEqual([{ key: effects[0]!.key, value: null }])
})

test('a new owner reads rows back and goes on where the old one was', () => {
  const old = outbox()
  const effects: Effect[] = []
  old.made.add([item(0), item(1)], effects)
  const { made, carried } = outbox()
  for (const { key, value } of effects) {
    const row = readMailRow(key, value!)
    if (row.kind === 'counter') made.restoreCounter(row.target, row.counter)
    if (row.kind === 'item') made.restoreItem(row.target, row.counter, value!)
  }
  made.sendAll()
  expect(carried[0]!.letters.map((l) => l.counter)).toEqual([1, 2])
  expect(made.add([item(2)], [])).toEqual([{ target, counter: 3 }])
})

test('PARTITION-3: rows with falling counters stop the owner', () => {
  const { made } = outbox()
  const effects: Effect[] = []
  outbox().made.add([item(0), item(1)], effects)
  const items = effects.filter(({ key }) => key[0] === 3)
  made.restoreItem(target, 2, items[1]!.value!)
  expect(() => made.restoreItem(target, 1, items[0]!.value!)).toThrow(/PARTITION-3/)
})

/** An inbox whose letters are evaluated by hand. */
function inbox() {
  const made = new Inbox()
  const rules: { letter: Letter; sink: Sink<Told>; evaluated: () => void }[] = []
  const take = (counters: number[]) => {
    const answers: (number | null)[] = []
    const letters = counters.map((counter) => ({ counter, item: item(counter) }))
    made.take(
      7,
      letters,
      (upTo) => answers.push(upTo),
      (letter, sink, evaluated) => rules.push({ letter, sink, evaluated }),
    )
    return answers
  }
  const evaluate = (at: number) => {
    made.taken(7, rules[at]!.letter.counter)
    rules[at]!.evaluated()
  }
  const release = (at: number) =>
    rules[at]!.sink.released({ answer: null, events: [], outbox: [] }, [], 0)
  return { made, rules, take, evaluate, release }
}

test('letters are evaluated one after the other and answered when all are committed', () => {
  const { rules, take, evaluate, release } = inbox()
  const answers = take([1, 2])
  expect(rules).toHaveLength(1)
  evaluate(0)
  expect(rules).toHaveLength(2)
  evaluate(1)
  release(0)
  expect(answers).toEqual([])
  release(1)
  expect(answers).toEqual([2])
})

test('a letter that was taken before is not evaluated again', () => {
  const { made, rules, take } = inbox()
  made.restore(7, 3)
  expect(take([2, 3])).toEqual([3])
  expect(rules).toEqual([])
})

test('a letter after a missing one is not taken', () => {
  const { made, rules, take } = inbox()
  made.restore(7, 3)
  expect(take([5])).toEqual([null])
  expect(rules).toEqual([])
})

test('a second delivery of the same source waits for the first', () => {
  const { take } = inbox()
  take([1])
  expect(take([1])).toEqual([null])
})

test('a refused letter makes the source ask again', () => {
  const { rules, take, evaluate } = inbox()
  const answers = take([1])
  evaluate(0)
  rules[0]!.sink.refused('term-changed')
  expect(answers).toEqual([null])
})
