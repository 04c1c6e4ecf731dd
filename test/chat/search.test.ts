import { describe, expect, test } from 'vitest'
import { findHits, rankHits } from '../../src/chat/rank.ts'
import { maxTerms, parseSearch, tagsOf, uniqueTag } from '../../src/chat/search-query.ts'
import { anna, ben, team } from './world.ts'
import { meTopic } from '../../src/ids/topic-name.ts'

/** Terms as written, without what they may also stand for. */
function terms(text: string): { and: string[]; or: string[] } | null {
  const query = parseSearch(text)
  if (query === null) return null
  return { and: query.and.map(([term]) => term ?? ''), or: query.or.map(([term]) => term ?? '') }
}

describe('the grammar', () => {
  test.each([
    ['a b c', ['a', 'b', 'c'], []],
    ['a,b,c', [], ['a', 'b', 'c']],
    ['a b,c', ['a'], ['b', 'c']],
    ['a,b c', ['c'], ['a', 'b']],
    ['a "b c"', ['a', 'b c'], []],
    ['a , b', [], ['a', 'b']],
    ['  Travel\tLondon ', ['travel', 'london'], []],
    ['a,', [], ['a']],
    [',a', [], ['a']],
    ['"a b",c d', ['d'], ['a b', 'c']],
    ['"a" b', ['a', 'b'], []],
  ])('%s', (text, and, or) => expect(terms(text)).toEqual({ and, or }))

  test.each(['', '   ', 'a,,b', 'a, ,b', 'a"b', '"a', '"a"b', '""', ','])('no query: %j', (text) =>
    expect(parseSearch(text)).toBeNull(),
  )

  test('bounds', () => {
    expect(parseSearch('x'.repeat(2_000))).toBeNull()
    expect(parseSearch('a '.repeat(maxTerms))).not.toBeNull()
    expect(parseSearch('a '.repeat(maxTerms + 1))).toBeNull()
  })
})

describe('what a term may stand for', () => {
  test.each([
    ['alice', ['alice', 'basic:alice', 'alias:alice']],
    ['Alice@Example.com', ['alice@example.com', 'email:alice@example.com']],
    ['email:a@b.com', ['email:a@b.com']],
    ['415-555-0123', ['415-555-0123', 'tel:+14155550123']],
    ['+49(30)123456', ['+49(30)123456', 'tel:+4930123456']],
    ['"two words"', ['two words']],
    ['12345', ['12345', 'basic:12345', 'alias:12345']],
  ])('%s', (text, tags) => expect(parseSearch(text)?.and).toEqual([tags]))

  test('a trunk zero goes when the country is added', () => {
    expect(tagsOf(parseSearch('030123456', '49')!)).toContain('tel:+4930123456')
  })

  test.each([
    ['alias:Alice', 'alias:alice'],
    ['alice', null],
    ['a:b c', null],
    ['basic:x', 'basic:x'],
  ])('a tag looked up by itself: %s', (text, tag) => expect(uniqueTag(text)).toBe(tag))
})

test('hits and their rank', () => {
  const a = meTopic(anna)
  const b = meTopic(ben)
  const carriers = new Map([
    ['travel', [a, b, team]],
    ['alias:bob', [b]],
    ['london', [a]],
  ])
  const found = (text: string): string[] =>
    rankHits(
      findHits(parseSearch(text)!, carriers).map((hit) => ({
        ...hit,
        subcnt: hit.topic === team ? 5 : 0,
      })),
    ).map(({ topic }) => topic)
  expect(found('travel london')).toEqual([a])
  expect(found('travel nobody')).toEqual([])
  expect(found('nobody')).toEqual([])
  expect(found('travel')).toEqual([team, a, b])
  expect(found('travel,london')).toEqual([a, team, b]) // two tags before more members
  expect(found('travel,london,bob')).toEqual([b, a, team]) // an alias counts most
  expect(found('travel london,bob')).toEqual([b, a, team]) // or-terms only raise the rank
  expect(findHits(parseSearch('travel,london')!, carriers)).toContainEqual({
    topic: a,
    matched: ['travel', 'london'],
  })
})
