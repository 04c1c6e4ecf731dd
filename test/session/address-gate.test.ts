import { describe, expect, test } from 'vitest'
import { AddressGate, networkOf } from '../../src/session/address-gate.ts'
import { LoginBackoff } from '../../src/session/login-backoff.ts'

test.for([
  ['10.1.2.3', '10.1.2.3'],
  ['::ffff:10.1.2.3', '10.1.2.3'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::6', '2001:db8:1:2'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['', ''],
] as const)('%s belongs to %s', ([address, network]) => {
  expect(networkOf(address)).toBe(network)
})

describe('the gate', () => {
  test('lets a burst of one second through, then the rate', () => {
    const gate = new AddressGate(10)
    const admitted = (at: number): number =>
      Array.from({ length: 50 }, () => gate.admits('a', at)).filter(Boolean).length
    expect(admitted(0)).toBe(10)
    expect(admitted(500)).toBe(5)
    expect(admitted(10_000)).toBe(10)
    expect(admitted(9_000)).toBe(0) // a clock that steps back gives nothing
    expect(gate.admits('b', 10_000)).toBe(true)
  })

  test('0 means no limit, and many addresses do not fill the memory', () => {
    const open = new AddressGate(0)
    const gate = new AddressGate(1)
    for (let n = 0; n < 50_000; n++) {
      if (!open.admits('a', 0)) throw new Error('refused')
      gate.admits(`10.${n}`, 0)
    }
    expect(gate.admits('10.49999', 0)).toBe(false)
    expect(gate.admits('10.0', 0)).toBe(true) // forgotten
  })
})

test('wrong guesses: five are free, then the pause doubles up to a minute', () => {
  const backoff = new LoginBackoff()
  const pauses: number[] = []
  let now = 0
  for (let n = 0; n < 16; n++) {
    backoff.failed('a', 'ann', now)
    let pause = 0
    while (!backoff.mayTry('a', 'ann', now + pause)) pause += 250
    pauses.push(pause)
    now += pause
  }
  expect(pauses.slice(0, 9)).toEqual([0, 0, 0, 0, 0, 250, 500, 1_000, 2_000])
  expect(pauses.at(-1)).toBe(60_000)
  expect(backoff.mayTry('b', 'ann', 0)).toBe(true)
  expect(backoff.mayTry('a', 'ben', 0)).toBe(true)
  backoff.succeeded('a', 'ann')
  expect(backoff.mayTry('a', 'ann', 0)).toBe(true)
})
