import { expect, test } from 'vitest'
import { PasswordDesk } from '../../src/session/password-desk.ts'
import { hashPassword, isPassword, nobodysPassword } from '../../src/session/password.ts'
import { testCost } from './edge-fixture.ts'

test('a password is known by its text, and by nothing else', async () => {
  const stored = await hashPassword('pässword:1', testCost)
  expect(stored).toMatch(/^\$scrypt\$ln=4,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  expect(await isPassword('pässword:1', stored)).toBe(true)
  expect(await isPassword('pässword:2', stored)).toBe(false)
  expect(await hashPassword('pässword:1', testCost)).not.toBe(stored)
})

test('the stored text says what it cost: a node with another setting still knows it', async () => {
  const stored = await hashPassword('secret', { ...testCost, costLog2: 5 })
  expect(await isPassword('secret', stored)).toBe(true)
})

test.for([
  '',
  'secret',
  '$scrypt$ln=4,r=8,p=1$c2FsdA$',
  '$scrypt$ln=40,r=8,p=1$c2FsdA$aGFzaA',
  '$scrypt$ln=4,r=99,p=1$c2FsdA$aGFzaA',
  '$scrypt$ln=0,r=8,p=1$c2FsdA$aGFzaA',
  '$scrypt$ln=4,r=8,p=0$c2FsdA$aGFzaA',
  '$scrypt$ln=4,r=8,p=1$c2FsdA$aGFzaA',
  nobodysPassword(testCost),
])('nobody logs in with the stored text %s', async (stored) => {
  expect(await isPassword('secret', stored)).toBe(false)
  expect(await isPassword('', stored)).toBe(false)
})

const clock = { now: () => 0, monotonic: () => performance.now() }

test('a flood from one address does not hold up another', async () => {
  const desk = new PasswordDesk({ ...testCost, costLog2: 10 }, clock, { add() {} })
  const order: string[] = []
  const checks = Array.from({ length: 60 }, () =>
    desk.check('guess', undefined, 'flood').then(() => order.push('flood')),
  )
  checks.push(desk.check('guess', undefined, 'calm').then(() => order.push('calm')))
  await Promise.all(checks)
  expect(order.indexOf('calm')).toBeLessThan(10)
  expect(order).toHaveLength(61)
})

test('the queue is bounded, and what waited too long is refused', async () => {
  let refused = 0
  let now = 0
  const virtual = { now: () => 0, monotonic: () => now }
  const desk = new PasswordDesk(testCost, virtual, { add: () => void refused++ })
  const answers = Array.from({ length: 600 }, (_, i) => desk.hash('x', `a${i % 7}`))
  expect(desk.waiting).toBe(512)
  expect(refused).toBe(600 - 512 - 2)
  now = 10_000
  const hashes = await Promise.all(answers)
  expect(hashes.filter((hash) => hash !== undefined)).toHaveLength(2)
  expect(refused).toBe(598)
  expect(desk.waiting).toBe(0)
  expect(await desk.hash('x', 'a')).toBeTypeOf('string')
})
