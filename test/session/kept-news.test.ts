import { expect, test } from 'vitest'
import { KeptNews } from '../../src/session/kept-news.ts'
import { Frame } from '../../src/topic/frame.ts'
import { infoKey, presKey } from '../../src/topic/news-key.ts'
import { userIdFromBigInt } from '../../src/ids/user-id.ts'

const frame = (text: string): Frame => new Frame(JSON.stringify(text))

function all(news: KeptNews): string[] {
  const found: string[] = []
  for (let next = news.take(); next !== undefined; next = news.take()) {
    found.push(JSON.parse(next.json) as string)
  }
  return found
}

test('of each key the last, in the order of the last; what has no key, all', () => {
  const news = new KeptNews()
  const said: [string, string][] = [
    ['read a', '1'],
    ['each', 'del 1'],
    ['on b', 'on'],
    ['read a', '2'],
    ['each', 'del 2'],
    ['on b', 'off'],
  ]
  for (const [key, text] of said) expect(news.keep(key, frame(text))).toBe(true)
  expect(all(news)).toEqual(['del 1', '2', 'del 2', 'off'])
  expect(all(news)).toEqual([])
})

test('bounded in keys and in bytes; what replaces needs no room', () => {
  const many = new KeptNews()
  for (let i = 0; i < 1_024; i++) expect(many.keep(`k${i}`, frame('x'))).toBe(true)
  expect(many.keep('each', frame('x'))).toBe(false)
  expect(many.keep('k7', frame('y'))).toBe(true)
  const large = new KeptNews()
  const half = 'x'.repeat(130_000)
  expect(large.keep('a', frame(half))).toBe(true)
  for (let i = 0; i < 5; i++) expect(large.keep('b', frame(half))).toBe(true)
  expect(large.keep('c', frame(half))).toBe(false)
  expect(large.take()).toBeDefined()
  expect(large.keep('c', frame(half))).toBe(true)
})

const from = userIdFromBigInt(7n)
const info = { kind: 'info', from, seq: 1, skipSid: '', skipOwn: false, toWatchers: false } as const
const pres = { kind: 'pres', to: 'attached', needs: 0, anyOf: 0 } as const

test.for(['kp', 'kpa', 'kpv'])('%s is of the moment', (what) => {
  expect(infoKey('grp', { ...info, what })).toBe('passing')
})

test('a call signal is never replaced; marks by user, kind and place', () => {
  expect(infoKey('grp', { ...info, what: 'call' })).toBe('each')
  const keys = ['read', 'recv'].flatMap((what) => [
    infoKey('grpA', { ...info, what }),
    infoKey('me grpA', { ...info, what }),
    infoKey('grpB', { ...info, what }),
  ])
  expect(new Set(keys).size).toBe(6)
})

test('on and off replace each other; a change of rights or of messages stands for itself', () => {
  expect(presKey('me a', { ...pres, what: 'on' })).toBe(presKey('me a', { ...pres, what: 'off' }))
  for (const what of ['acs', 'del', 'gone', 'term'] as const) {
    expect(presKey('a', { ...pres, what })).toBe('each')
  }
})
