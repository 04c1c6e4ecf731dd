import { expect, test } from 'vitest'
import { Memo, MemoBudget, MemoFull } from '../../jepsen-lite/checker/memo.ts'
import { Prng } from '../../jepsen-lite/prng.ts'

test('a memo is a set of fingerprints', () => {
  const memo = new Memo(new MemoBudget(1 << 20))
  const prng = new Prng(7)
  const seen = new Set<string>()
  let wrong = 0
  for (let i = 0; i < 50_000; i++) {
    // Few different words, so that many fingerprints come again and many share words.
    const words = [prng.below(40), prng.below(40), prng.below(4), prng.below(4)] as const
    const text = words.join(',')
    const key = text === '0,0,0,0' ? '1,0,0,0' : text
    if (memo.add(...words) === seen.has(key)) wrong++
    seen.add(key)
  }
  expect([wrong, memo.size]).toEqual([0, seen.size])
})

test('memos share a budget, and give back what they held', () => {
  const budget = new MemoBudget(1 << 10)
  const fill = (memo: Memo, count: number): void => {
    for (let i = 0; i < count; i++) memo.add(i, 1, 2, 3)
  }
  const first = new Memo(budget)
  fill(first, 300)
  const second = new Memo(budget)
  expect(() => fill(second, 1_000)).toThrow(MemoFull)
  first.release()
  second.release()
  fill(new Memo(budget), 700)
})
