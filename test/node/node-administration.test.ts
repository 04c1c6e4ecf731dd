import { beforeEach, describe, expect, test } from 'vitest'
import { joinTokenHash } from '../../src/meta/join-token.ts'
import type { MetaFailure } from '../../src/meta/meta-group.ts'
import { adminRefusals } from '../../src/node/admin-refusals.ts'
import type { JoinRequest } from '../../src/node/administration.ts'
import { isAdmissionProven, isJoinToken, unsealSecret } from '../../src/node/join-seal.ts'
import type { NodeAdministration } from '../../src/node/node-administration.ts'
import { administrationOf, FakeMeta, foundedBy, settledReports } from './fake-meta.ts'

const secret = new Uint8Array(32).fill(7)
let now: number
let meta: FakeMeta
let admin: NodeAdministration
/** Does not report. */
let silent: number

beforeEach(() => {
  now = 1_000_000
  silent = 0
  meta = new FakeMeta(foundedBy(3))
  admin = of(meta)
})

function of(group: FakeMeta): NodeAdministration {
  return administrationOf(group, secret, {
    options: { 'tick-ms': 60 },
    reports: () => {
      const reports = settledReports(group.state())
      reports.delete(silent)
      return reports
    },
    clock: { now: () => now, monotonic: () => now },
  })
}

async function token(validForMs = 60_000) {
  const answer = await admin.newToken(validForMs)
  if (!answer.ok) throw new Error(answer.says)
  return answer.value
}

const joiner = (tokenHash: string, more: Partial<JoinRequest> = {}): JoinRequest => ({
  name: 'n4',
  peer: '127.0.0.1:7004',
  client: '127.0.0.1:6004',
  zone: '',
  bootId: 77,
  incarnation: 'a'.repeat(32),
  tokenHash,
  ...more,
})

describe('tokens', () => {
  test('are long, random, shown once and kept as a hash', async () => {
    const [one, two] = [await token(), await token()]
    expect(isJoinToken(one.token)).toBe(true)
    expect(one.token).not.toBe(two.token)
    expect(JSON.stringify(meta.state())).not.toContain(one.token)
    expect(meta.state().tokens[0]?.hash).toBe(joinTokenHash(one.token))
    expect(admin.tokens()).toEqual([
      { id: one.id, expiresAtMs: now + 60_000 },
      { id: two.id, expiresAtMs: now + 60_000 },
    ])
  })

  test('open the secret, and nothing else does', async () => {
    const { token: plain } = await token()
    const { sealed } = meta.state().tokens[0]!
    expect(unsealSecret(sealed, plain, 'c1')).toEqual(secret)
    expect(unsealSecret(sealed, (await token()).token, 'c1')).toBeNull()
    expect(unsealSecret(sealed, plain, 'c2')).toBeNull()
    const bent = Buffer.from(sealed, 'base64url')
    bent[bent.length - 1]! ^= 1
    expect(unsealSecret(bent.toString('base64url'), plain, 'c1')).toBeNull()
    expect(unsealSecret('', plain, 'c1')).toBeNull()
  })

  test('end by time and by hand', async () => {
    const short = await token(1_000)
    const long = await token()
    now += 1_000
    expect(admin.tokens().map((it) => it.id)).toEqual([long.id])
    expect(await admin.admit(joiner(joinTokenHash(short.token)))).toMatchObject({
      error: 'token-expired',
    })
    expect(await admin.revokeToken(long.id)).toEqual({ ok: true, value: null })
    expect(await admin.admit(joiner(joinTokenHash(long.token)))).toMatchObject({
      error: 'token-unknown',
    })
    expect(await admin.revokeToken(long.id)).toMatchObject({ error: 'token-unknown' })
    expect(await admin.revokeToken('')).toMatchObject({ error: 'token-unknown' })
  })

  test.for([0, 999, 31 * 86_400_000, Number.NaN])('are not valid for %d ms', async (ms) => {
    expect(await admin.newToken(ms)).toMatchObject({ error: 'bad-validity' })
  })
})

describe('admit', () => {
  test('grants an index that was never used, and tells what a member must know', async () => {
    const { token: plain } = await token()
    const request = joiner(joinTokenHash(plain))
    const answer = await admin.admit(request)
    if (!answer.ok) throw new Error(answer.says)
    const { value } = answer
    expect(value).toMatchObject({
      index: 4,
      clusterId: 'c1',
      cluster: { name: 'c', partitions: 4, virtualNodes: 8, options: { 'tick-ms': 60 } },
    })
    expect(value.members.map((it) => it.index)).toEqual([1, 2, 3])
    expect(JSON.stringify(value)).not.toContain(Buffer.from(secret).toString('base64url'))
    expect(isAdmissionProven(secret, request, value)).toBe(true)
    expect(isAdmissionProven(secret, request, { ...value, index: 5 })).toBe(false)
    expect(isAdmissionProven(secret, { ...request, bootId: 78 }, value)).toBe(false)
  })

  test('asked again it answers the same; a removed index is not granted again', async () => {
    const hash = joinTokenHash((await token()).token)
    expect(await admin.admit(joiner(hash))).toMatchObject({ value: { index: 4 } })
    expect(await admin.admit(joiner(hash))).toMatchObject({ value: { index: 4 } })
    await admin.remove('n4', true)
    expect(await admin.admit(joiner(hash))).toMatchObject({ value: { index: 5 } })
  })

  test.for([
    ['name-taken', { name: 'n2' }],
    ['address-taken', { peer: '127.0.0.1:7002' }],
    ['bad-address', { peer: 'nowhere' }],
    ['token-unknown', { tokenHash: '0'.repeat(64) }],
  ] as const)('refuses: %s', async ([error, more]) => {
    const hash = joinTokenHash((await token()).token)
    const answer = await admin.admit(joiner(hash, more))
    expect(answer).toMatchObject({ ok: false, error, says: expect.stringMatching(/\. |: /) })
  })

  test('an unknown token costs no command', async () => {
    meta.failing = 'no-owner'
    expect(await admin.admit(joiner('0'.repeat(64)))).toMatchObject({ error: 'token-unknown' })
  })
})

describe('members', () => {
  test('drain and activate may be repeated', async () => {
    for (const state of ['draining', 'draining', 'active', 'active'] as const) {
      expect(await admin.setState('n2', state)).toEqual({ ok: true, value: state })
      expect(meta.state().members[1]?.state).toBe(state)
    }
  })

  test('of two that contradict each other one is carried out and the other is told', async () => {
    meta.isBehind = true // both see n2 as active
    expect(await admin.setState('n2', 'draining')).toMatchObject({ ok: true })
    const second = await admin.remove('n2', true)
    expect(second).toMatchObject({ ok: false, error: 'conflict' })
    expect(second).toMatchObject({ says: expect.stringContaining('was first') })
    meta.catchUp()
    expect(meta.state().members[1]?.state).toBe('draining')
  })

  test.for([
    ['a node that nobody knows', 'n9', false, 'no-such-member', 'flotilla nodes'],
    ['one that is not drained', 'n2', false, 'bad-transition', 'nodes drain n2'],
  ] as const)('%s is not removed', async ([, node, force, error, cure]) => {
    const says = expect.stringContaining(cure)
    expect(await admin.remove(node, force)).toMatchObject({ ok: false, error, says })
  })

  test('one that still holds something is not removed, unless it is dead', async () => {
    await admin.setState('n2', 'draining')
    expect(await admin.remove('n2', false)).toMatchObject({ error: 'still-holds' })
    expect(await admin.remove('n2', true)).toEqual({ ok: true, value: null })
    expect(await admin.remove('n2', true)).toMatchObject({ error: 'no-such-member' })
  })

  test('one without which others have no majority is not removed, dead or not', async () => {
    silent = 3
    expect(await admin.remove('n2', true)).toMatchObject({ error: 'endangers' })
    silent = 0
    expect(await admin.remove('n2', true)).toEqual({ ok: true, value: null })
  })

  test('the last active one stays', async () => {
    const alone = of(new FakeMeta(foundedBy(1)))
    expect(await alone.setState('n1', 'draining')).toMatchObject({ error: 'last-member' })
    expect(await alone.remove('n1', true)).toMatchObject({ error: 'last-member' })
  })

  test.for(['no-owner', 'not-owner', 'queue-full', 'term-changed', 'no-answer'] as const)(
    'a failure is told with its cure: %s',
    async (failed: MetaFailure) => {
      meta.failing = failed
      const says = adminRefusals[failed].says('')
      expect(await admin.setState('n2', 'draining')).toEqual({ ok: false, error: failed, says })
    },
  )
})

test.for(Object.entries(adminRefusals))('%s says what is wrong, and more', ([, row]) => {
  expect(row.says('n7').length).toBeGreaterThan(15)
  expect(row.status).toBeGreaterThanOrEqual(400)
})
