import { describe, expect, test } from 'vitest'
import { apply } from '../../src/meta/apply.ts'
import type { AddMember, MetaCommand, MetaResult } from '../../src/meta/command.ts'
import { memberAt } from '../../src/meta/meta-state.ts'
import type { MetaState } from '../../src/meta/meta-state.ts'
import { frozenState } from './seeds.ts'

const now = 1_000
const hash = 'a token'
const token: MetaCommand = { kind: 'new-token', hash, expiresAtMs: 2_000, nowMs: now, sealed: '' }
const join: AddMember = {
  kind: 'add-member',
  name: 'node-4',
  address: '127.0.0.1:7004',
  clientAddress: '',
  zone: '',
  bootId: 1,
  incarnation: 'd4',
  tokenHash: hash,
  nowMs: now,
}

/** Applies all; the last answer and the state. What is refused leaves the very same state. */
function after(state: MetaState, ...commands: MetaCommand[]) {
  let last = { state, result: { ok: true, value: 0 } as MetaResult }
  for (const command of commands) {
    const { state: next, result } = apply(last.state, command)
    if (!result.ok) expect(next).toBe(last.state)
    last = { state: next!, result }
  }
  return last
}

describe('a node and its disk', () => {
  const announce = (incarnation: string, bootId: number): MetaCommand => ({
    kind: 'set-address',
    index: 2,
    address: '127.0.0.1:7002',
    clientAddress: '',
    bootId,
    incarnation,
  })
  const known = after(frozenState(), announce('aa', 3)).state

  test('the first announcement makes the disk known, later lives bring it again', () => {
    expect(memberAt(frozenState(), 2)?.incarnation).toBe('')
    expect(memberAt(known, 2)?.incarnation).toBe('aa')
    expect(after(known, announce('aa', 4)).result.ok).toBe(true)
  })

  test.each([
    ['another disk', announce('bb', 4)],
    ['another disk that claims an earlier life', announce('bb', 1)],
    ['no disk', announce('', 4)],
  ])('%s: wiped-disk, and nothing changes', (_what, command) => {
    expect(after(known, command).result).toEqual({ ok: false, error: 'wiped-disk' })
  })

  test('a joiner brings its disk with it; a removed member is told that it is one', () => {
    const joined = after(frozenState(), token, join).state
    expect(memberAt(joined, 4)?.incarnation).toBe('d4')
    const wiped = { ...announce('d5', 2), index: 4, address: join.address } as MetaCommand
    expect(after(joined, wiped).result).toMatchObject({ error: 'wiped-disk' })
    const gone: MetaCommand = { kind: 'remove-member', index: 2, expect: 'active', force: true }
    expect(after(known, gone, announce('bb', 4)).result).toMatchObject({ error: 'no-such-member' })
  })

  test('one token admits several nodes until it expires', () => {
    const other = { ...join, name: 'node-5', address: '127.0.0.1:7005', incarnation: 'd5' }
    expect(after(frozenState(), token, join, other).result).toEqual({ ok: true, value: 5 })
  })
})
