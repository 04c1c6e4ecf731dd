import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { apply } from '../../src/meta/apply.ts'
import { decodeCommand, decodeState, encodeCommand, encodeState } from '../../src/meta/codec.ts'
import type { AddMember, MetaCommand, MetaResult } from '../../src/meta/command.ts'
import { joinTokenHash } from '../../src/meta/join-token.ts'
import { maxJoinTokens, memberAt, memberNamed } from '../../src/meta/meta-state.ts'
import type { MetaState } from '../../src/meta/meta-state.ts'
import { assign } from '../../src/ring/assignment.ts'
import { deepFreeze, frozenState } from './seeds.ts'

const now = 1_800_000_000_000
const hash = joinTokenHash('secret')
const token: MetaCommand = {
  kind: 'new-token',
  hash,
  expiresAtMs: now + 1_000,
  nowMs: now,
  sealed: 'box',
}
const join: AddMember = {
  kind: 'add-member',
  name: 'node-4',
  address: '127.0.0.1:7004',
  clientAddress: '127.0.0.1:6004',
  zone: 'b',
  bootId: 1,
  incarnation: 'd4',
  tokenHash: hash,
  nowMs: now,
}

/** Applies all; the last answer and the state. What is refused leaves the very same state. */
function after(state: MetaState, ...commands: MetaCommand[]) {
  let last = { state, result: { ok: true, value: 0 } as MetaResult }
  for (const command of commands) {
    const { state: next, result } = deepFreeze(apply(last.state, deepFreeze(command)))
    if (!result.ok) expect(next).toBe(last.state)
    last = { state: next!, result }
  }
  return last
}

const drain = (index: number): MetaCommand => ({
  kind: 'set-state',
  index,
  expect: 'active',
  state: 'draining',
})

describe('bootstrap', () => {
  const state = frozenState()

  test('is first, and happens once', () => {
    expect(apply(null, join).result).toEqual({ ok: false, error: 'not-bootstrapped' })
    expect(apply(null, { kind: 'bootstrap', state })).toEqual({
      state,
      result: { ok: true, value: 0 },
    })
    const again = apply(state, { kind: 'bootstrap', state: frozenState(5) })
    expect(again).toEqual({ state, result: { ok: false, error: 'already-bootstrapped' } })
  })
})

describe('joining', () => {
  const ready = after(frozenState(), token).state

  test('grants the next index, once for a repeated join', () => {
    const first = after(ready, join)
    expect(first.result).toEqual({ ok: true, value: 4 })
    expect(memberNamed(first.state, 'node-4')).toMatchObject({ index: 4, state: 'joining' })
    expect(first.state.nextIndex).toBe(5)
    const repeated = after(first.state, join)
    expect(repeated.result).toEqual({ ok: true, value: 4 })
    expect(repeated.state).toBe(first.state)
  })

  test('an index is never granted again, also when its member is gone', () => {
    const gone: MetaCommand = { kind: 'remove-member', index: 4, expect: 'joining', force: false }
    const { state, result } = after(ready, join, gone, { ...join, bootId: 2 })
    expect(result).toEqual({ ok: true, value: 5 })
    expect(memberAt(state, 4)?.state).toBe('removed')
    expect(memberNamed(state, 'node-4')?.index).toBe(5)
  })

  test.each<[string, Partial<AddMember>, string]>([
    ['an unknown token', { tokenHash: joinTokenHash('guess') }, 'token-unknown'],
    ['an expired token', { nowMs: now + 1_000 }, 'token-expired'],
    ['a name in use', { name: 'node-1' }, 'name-taken'],
    ['an address in use', { address: '127.0.0.1:7001' }, 'address-taken'],
    ['a bad name', { name: 'a b' }, 'bad-name'],
    ['a bad address', { address: 'nowhere' }, 'bad-address'],
    ['a bad client address', { clientAddress: 'nowhere:99999' }, 'bad-address'],
  ])('%s', (_what, change, error) => {
    expect(apply(ready, { ...join, ...change })).toEqual({
      state: ready,
      result: { ok: false, error },
    })
  })

  test('a second node under the same name is told, whichever comes first', () => {
    const other = { ...join, bootId: 9, address: '127.0.0.1:7009' }
    const taken = { ok: false, error: 'name-taken' }
    expect(after(ready, join, other).result).toEqual(taken)
    expect(after(ready, other, join).result).toEqual(taken)
    expect(after(ready, join, { ...join, bootId: 0 }).result).toEqual(taken)
  })

  test('a later life of a node that was only joining gets a new index; an earlier one nothing', () => {
    const reborn = { ...join, bootId: 2 }
    const { state, result } = after(ready, join, reborn)
    expect(result).toEqual({ ok: true, value: 5 })
    expect(memberAt(state, 4)?.state).toBe('removed')
    expect(after(state, join).result).toMatchObject({ error: 'name-taken' })
    const active: MetaCommand = { kind: 'set-state', index: 5, expect: 'joining', state: 'active' }
    const wiped = after(state, active, { ...join, bootId: 3 })
    expect(wiped.result).toMatchObject({ error: 'name-taken' })
  })

  test('index 1023 is the last', () => {
    const late = { ...ready, nextIndex: 1023 }
    expect(after(late, join).result).toEqual({ ok: true, value: 1023 })
    const next = { ...join, name: 'node-5', address: '127.0.0.1:7005' }
    expect(after(late, join, next).result).toEqual({ ok: false, error: 'indexes-used-up' })
  })
})

describe('tokens', () => {
  test('are bounded, and expired ones make room', () => {
    let state = frozenState()
    for (let i = 0; i < maxJoinTokens; i++) {
      state = after(state, { ...token, hash: joinTokenHash(String(i)) }).state
    }
    const one = { ...token, hash: joinTokenHash('more') } as const
    expect(after(state, one).result).toEqual({ ok: false, error: 'too-many-tokens' })
    const later = after(state, { ...one, nowMs: now + 1_000, expiresAtMs: now + 9_000 })
    expect(later.state.tokens).toEqual([
      { hash: one.hash, expiresAtMs: now + 9_000, sealed: 'box' },
    ])
  })

  test('a revoked one admits nobody', () => {
    const revoke: MetaCommand = { kind: 'revoke-token', hash }
    expect(after(frozenState(), token, revoke, join).result).toMatchObject({
      error: 'token-unknown',
    })
    expect(after(frozenState(), revoke).result).toMatchObject({ error: 'token-unknown' })
  })
})

describe('member states', () => {
  const state = frozenState()

  test('of two contradicting requests one wins and the other is told', () => {
    const activate: MetaCommand = {
      ...drain(2),
      expect: 'draining',
      state: 'active',
    } as MetaCommand
    const drop: MetaCommand = { kind: 'remove-member', index: 2, expect: 'active', force: true }
    const drained = after(state, drain(2))
    expect(drained.result.ok).toBe(true)
    expect(after(drained.state, drop).result).toEqual({ ok: false, error: 'conflict' })
    expect(after(drained.state, drain(2)).result).toEqual({ ok: false, error: 'conflict' })
    expect(after(drained.state, activate).result.ok).toBe(true)
    const removed = after(state, drop)
    expect(removed.result.ok).toBe(true)
    expect(after(removed.state, drain(2)).result).toEqual({ ok: false, error: 'conflict' })
  })

  test.each<[string, MetaCommand[], string]>([
    ['drain all', [drain(1), drain(2), drain(3)], 'last-member'],
    ['nobody', [drain(9)], 'no-such-member'],
    ['active → active', [{ ...drain(1), state: 'active' } as MetaCommand], 'bad-transition'],
    [
      'remove an active node without force',
      [{ kind: 'remove-member', index: 1, expect: 'active', force: false }],
      'bad-transition',
    ],
    [
      'remove what still holds partitions',
      [drain(1), { kind: 'remove-member', index: 1, expect: 'draining', force: false }],
      'still-holds',
    ],
    [
      'remove twice',
      [
        { kind: 'remove-member', index: 1, expect: 'active', force: true },
        { kind: 'remove-member', index: 1, expect: 'removed', force: true },
      ],
      'bad-transition',
    ],
    [
      'address of a removed node',
      [
        { kind: 'remove-member', index: 1, expect: 'active', force: true },
        {
          kind: 'set-address',
          index: 1,
          address: 'a:1',
          clientAddress: '',
          bootId: 0,
          incarnation: '',
        },
      ],
      'no-such-member',
    ],
    [
      'address of another',
      [
        {
          kind: 'set-address',
          index: 1,
          address: '127.0.0.1:7002',
          clientAddress: '',
          bootId: 0,
          incarnation: '',
        },
      ],
      'address-taken',
    ],
  ])('%s: refused', (_what, commands, error) => {
    expect(after(state, ...commands).result).toEqual({ ok: false, error })
  })

  test('a node that comes back elsewhere says so; saying it again changes nothing', () => {
    const move: MetaCommand = {
      kind: 'set-address',
      index: 2,
      address: '10.0.0.2:7000',
      clientAddress: '',
      bootId: 7,
      incarnation: 'd2',
    }
    const moved = after(state, move)
    expect(memberAt(moved.state, 2)).toMatchObject({ address: '10.0.0.2:7000', bootId: 7 })
    expect(after(moved.state, move).state).toBe(moved.state)
    expect(after(moved.state, { ...move, bootId: 6 } as MetaCommand).result).toMatchObject({
      error: 'conflict',
    })
    const reborn = after(moved.state, { ...move, bootId: 8 } as MetaCommand)
    expect(memberAt(reborn.state, 2)?.bootId).toBe(8)
  })
})

describe('table and format', () => {
  const state = frozenState(4)
  const { partitions, replicationFactor, vnodes, table } = state
  const members = state.members.filter((it) => it.index !== 4).map(({ index }) => ({ index }))
  const next = assign({ members, partitions, replicationFactor, vnodes, previous: table })
  const set: MetaCommand = { kind: 'set-table', base: 1, table: next }

  test('the first of two tables made from one version wins; then a drained node may go', () => {
    const one = after(state, set)
    expect(one.result).toEqual({ ok: true, value: 2 })
    expect(after(one.state, set).result).toEqual({ ok: false, error: 'conflict' })
    const gone: MetaCommand = { kind: 'remove-member', index: 4, expect: 'draining', force: false }
    expect(after(one.state, drain(4), gone).result.ok).toBe(true)
  })

  const broken = (replicas: number[]) => ({
    ...next,
    partitions: [{ replicas }, ...next.partitions.slice(1)],
  })
  test.each([
    ['a version skipped', { ...next, version: 3 }],
    ['a partition missing', { ...next, partitions: next.partitions.slice(1) }],
    ['nobody holds it', broken([])],
    ['a node twice', broken([1, 1, 2])],
    ['a stranger', broken([1, 2, 9])],
  ])('%s: bad-table', (_what, bad) => {
    expect(apply(state, { kind: 'set-table', base: 1, table: bad }).result).toEqual({
      ok: false,
      error: 'bad-table',
    })
  })

  test('a node that only joins, or was removed, holds nothing', () => {
    const joined = after(frozenState(), token, join).state
    const bad = { version: 2, partitions: broken([1, 2, 4]).partitions }
    const withFour: MetaCommand = { kind: 'set-table', base: 1, table: bad }
    expect(after(joined, withFour).result).toMatchObject({ error: 'bad-table' })
    const active: MetaCommand = { kind: 'set-state', index: 4, expect: 'joining', state: 'active' }
    expect(after(joined, active, withFour).result.ok).toBe(true)
  })

  test('the format only rises, from what the asker saw', () => {
    const raise = (expect: number, version: number): MetaCommand => ({
      kind: 'set-format',
      expect,
      version,
    })
    expect(after(state, raise(1, 2)).state.formatVersion).toBe(2)
    expect(after(state, raise(1, 2), raise(1, 3)).result).toMatchObject({ error: 'conflict' })
    expect(after(state, raise(1, 1)).result).toMatchObject({ error: 'bad-version' })
  })
})

const anyCommand = fc.oneof<fc.Arbitrary<MetaCommand>[]>(
  fc
    .record({ index: fc.integer({ min: 1, max: 6 }), to: fc.constantFrom('active', 'draining') })
    .map(
      ({ index, to }) =>
        ({
          kind: 'set-state',
          index,
          expect: to === 'active' ? 'draining' : 'active',
          state: to,
        }) as MetaCommand,
    ),
  fc
    .record({ index: fc.integer({ min: 1, max: 6 }), force: fc.boolean() })
    .map(
      ({ index, force }) =>
        ({ kind: 'remove-member', index, expect: 'draining', force }) as MetaCommand,
    ),
  fc.nat(9).map((n) => ({ ...join, name: `node-${n}`, address: `127.0.0.1:${7000 + n}` })),
  fc.constant(token),
  fc.constant<MetaCommand>({ kind: 'revoke-token', hash }),
)

test('any commands: nodes agree, indexes are unique and rise, somebody stays active', () => {
  fc.assert(
    fc.property(fc.array(anyCommand, { maxLength: 40 }), (commands) => {
      let [state, other] = [frozenState(), frozenState()]
      for (const command of commands) {
        const applied = apply(state, deepFreeze(command))
        const elsewhere = apply(other, decodeCommand(encodeCommand(command)))
        expect(elsewhere.result).toEqual(applied.result)
        expect(applied.state!.nextIndex).toBeGreaterThanOrEqual(state.nextIndex)
        ;[state, other] = [deepFreeze(applied.state!), decodeState(encodeState(elsewhere.state!))]
      }
      expect(other).toEqual(state)
      const indexes = state.members.map((it) => it.index)
      expect(indexes).toEqual([...new Set(indexes)].toSorted((a, b) => a - b))
      expect(indexes.at(-1)).toBeLessThan(state.nextIndex)
      expect(state.members.some((it) => it.state === 'active')).toBe(true)
    }),
    { numRuns: 60 },
  )
})

describe('codec', () => {
  test('golden: a command is a format byte and plain MessagePack', () => {
    const bytes = encodeCommand({ kind: 'revoke-token', hash: 'ab' })
    expect(Buffer.from(bytes).toString('hex')).toBe(
      '0182a46b696e64ac7265766f6b652d746f6b656ea468617368a26162',
    )
  })

  test.each([
    ['nothing', new Uint8Array(0)],
    ['a format that never was', Uint8Array.of(0, 0x80)],
    ['an unknown command', encodeCommand({ kind: 'dance' } as unknown as MetaCommand)],
    ['a name from the prototype', encodeCommand({ kind: 'toString' } as unknown as MetaCommand)],
    ['no object', Uint8Array.of(1, 0xc0)],
  ])('META-2: %s stops the node', (_what, bytes) => {
    expect(() => decodeCommand(bytes)).toThrow('META-2')
    expect(() => decodeState(bytes)).toThrow('META-2')
  })
})
