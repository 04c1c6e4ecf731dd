import { expect, test } from 'vitest'
import type { NewAccount } from '../../src/chat/fact.ts'
import { fndTopic } from '../../src/ids/topic-name.ts'
import { anna, ben, carl, codes, people, team, World } from './world.ts'

const name = 'nam:basic:alice'
const account: NewAccount = {
  uid: anna,
  level: 'auth',
  at: 5,
  login: 'alice',
  defacs: { auth: 47, anon: 0 },
  tags: ['basic:alice'],
}

test('a login name is taken once, and a retry of the same request is no rival', () => {
  const w = new World()
  const create = (key: string, uid = anna): unknown =>
    w.ask(name, { kind: 'login-create', account: { ...account, uid }, secret: 's1', key })
  expect(w.ask(name, { kind: 'login-find' })).toBeNull()
  expect(create('k1')).toBe('ok')
  expect(create('k1')).toBe('ok')
  expect(create('k2', ben)).toBe('taken')
  expect(w.ask(name, { kind: 'login-find' })).toEqual({ uid: anna, secret: 's1', level: 'auth' })
  expect(w.ask(anna, { kind: 'card' })).toMatchObject({ uid: anna, state: 'ok', serial: 1 })
  expect(w.ask(ben, { kind: 'card' })).toBeNull()
  expect(w.ask('tag:basic:alice', { kind: 'tag-find', limit: 3 })).toEqual([anna])
  expect(w.reopened(name).ask({ kind: 'login-find' }, w.env(name)).answer).toMatchObject({
    uid: anna,
  })
})

test('another password is for the holder; a deleted account frees the name', () => {
  const w = new World()
  w.ask(name, { kind: 'login-create', account, secret: 's1', key: 'k1' })
  expect(w.ask(name, { kind: 'login-change', uid: ben, secret: 's2' })).toBe('denied')
  expect(w.ask(name, { kind: 'login-change', uid: anna, secret: 's2' })).toBe('ok')
  expect(w.ask(name, { kind: 'login-find' })).toMatchObject({ secret: 's2' })
  w.fact(name, { kind: 'name-free', holder: ben })
  expect(w.ask(name, { kind: 'name-find' })).toBe(anna)
  w.run(anna, anna, { kind: 'del', what: 'user', hard: true })
  expect(w.ask(name, { kind: 'login-find' })).toBeNull()
  expect([...w.rows.get(name)!.values()]).toEqual([])
})

test('any unique name has one holder', () => {
  const w = new World()
  const claim = (holder: typeof anna, epoch = 0): unknown =>
    w.ask('nam:alias:bob', { kind: 'name-claim', holder, epoch })
  expect([claim(anna), claim(anna), claim(ben)]).toEqual(['ok', 'ok', 'taken'])
  expect(w.ask('nam:alias:bob', { kind: 'login-find' })).toBeNull()
  expect(w.ask('nam:alias:bob', { kind: 'login-change', uid: anna, secret: 'x' })).toBe('denied')
})

test('a name that was claimed again is not freed by what its holder gave up before', () => {
  const w = new World()
  const alias = 'nam:alias:bob'
  const claim = (holder: typeof anna, epoch: number): unknown =>
    w.ask(alias, { kind: 'name-claim', holder, epoch })
  const free = (epoch: number): void => w.fact(alias, { kind: 'name-free', holder: anna, epoch })
  expect([claim(anna, 0), claim(anna, 1)]).toEqual(['ok', 'ok'])
  free(0)
  expect([claim(ben, 0), claim(anna, 0)]).toEqual(['taken', 'ok'])
  free(0)
  expect(w.ask(alias, { kind: 'name-find' })).toBe(anna)
  free(1)
  expect(w.ask(alias, { kind: 'name-find' })).toBeNull()
  expect(claim(ben, 0)).toBe('ok')
})

test('an account without a login name', () => {
  const w = new World()
  expect(
    w.ask(carl, { kind: 'account-create', account: { ...account, uid: carl, tags: [] } }),
  ).toBe('ok')
  expect(
    w.ask(carl, { kind: 'account-create', account: { ...account, uid: carl, tags: [] } }),
  ).toBe('ok')
  expect(w.ask(carl, { kind: 'account-create', account: { ...account, uid: carl, at: 9 } })).toBe(
    'taken',
  )
})

test('a tag knows who carries it', () => {
  const w = people()
  for (const target of [team, team]) w.fact('tag:x', { kind: 'tag', target, gone: false })
  w.fact('tag:x', { kind: 'tag', target: fndTopic(anna), gone: true })
  w.fact('tag:x', { kind: 'tag', target: fndTopic(ben), gone: false })
  expect(w.ask('tag:x', { kind: 'tag-find', limit: 9 })).toEqual([team, fndTopic(ben)])
  expect(w.ask('tag:x', { kind: 'tag-find', limit: 1 })).toHaveLength(1)
  w.fact('tag:x', { kind: 'tag', target: team, gone: true })
  expect(w.reopened('tag:x').ask({ kind: 'tag-find', limit: 9 }, w.env('tag:x')).answer).toEqual([
    fndTopic(ben),
  ])
})

test('names and tags take no commands', () => {
  const w = people()
  for (const entity of [name, 'tag:x']) {
    expect(codes(w.run(anna, entity, { kind: 'sub' }))).toEqual([404])
    expect(w.ask(entity, { kind: 'card' })).toBeNull()
  }
})

test('the stored search text', () => {
  const w = people()
  const fnd = fndTopic(anna)
  expect(codes(w.run(anna, fnd, { kind: 'sub', get: { what: ['desc'] } }))).toEqual([200, 'desc'])
  expect(codes(w.run(anna, fnd, { kind: 'set', desc: { private: 'travel' } }))).toEqual([200])
  const desc = w.run(anna, fnd, { kind: 'get', query: { what: ['desc', 'sub', 'data', 'aux'] } })
  expect(desc.parts[0]).toMatchObject({ value: { private: 'travel', updated: w.now } })
  expect(codes(desc)).toEqual(['desc', 204, 403, 405])
  expect(codes(w.run(ben, fnd, { kind: 'sub' }))).toEqual([404])
  expect(codes(w.run(anna, fnd, { kind: 'leave', unsub: true }))).toEqual([403])
})
