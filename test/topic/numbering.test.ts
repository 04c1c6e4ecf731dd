import { expect, test } from 'vitest'
import type { TopicName } from '../../src/ids/topic-name.ts'
import { Numbering } from '../../src/topic/numbering.ts'

const topic = (i: number): TopicName => `grp${i}` as TopicName

test('a session counts per topic, and anew only when it is another session', () => {
  const numbering = new Numbering()
  const first = numbering.of('a', topic(1))!
  expect([first.begin(), first.begin()]).toEqual([1, 2])
  expect(numbering.of('a', topic(1))!.begin()).toBe(3)
  expect(numbering.of('a', topic(2))!.begin()).toBe(1)
  expect(numbering.of('b', topic(1))!.begin()).toBe(1)
  numbering.forget('a')
  expect(numbering.of('a', topic(1))!.begin()).toBe(1)
})

test('the first is the lowest that is open', () => {
  const numbers = new Numbering().of('a', topic(1))!
  for (let i = 0; i < 4; i++) numbers.begin()
  const first = (): number[] => [1, 2, 3, 4].filter((n) => numbers.isFirst(n))
  expect(first()).toEqual([1])
  numbers.end(2)
  expect(first()).toEqual([1])
  numbers.end(1)
  expect(first()).toEqual([3])
  numbers.end(4)
  expect(numbers.isFirst(3)).toBe(true)
})

test('a session that publishes to ever more topics is stopped', () => {
  const numbering = new Numbering()
  let topics = 0
  while (topics < 10_000 && numbering.of('a', topic(topics)) !== undefined) topics++
  expect(topics).toBe(4_096)
  expect(numbering.of('a', topic(0))).toBeDefined()
  expect(numbering.of('b', topic(topics))).toBeDefined()
})
