import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { adminCall } from '../../src/node/admin-call.ts'
import { openAdminHttp } from '../../src/node/admin-http.ts'
import type { AdminHttp } from '../../src/node/admin-http.ts'
import type { Administration } from '../../src/node/administration.ts'
import { noOverrides } from '../../src/node/config.ts'
import { takeIdentity } from '../../src/node/identity.ts'
import { joinCluster } from '../../src/node/join.ts'
import type { JoinSurroundings, JoinWish } from '../../src/node/join.ts'
import { memberConfig, readMembership } from '../../src/node/membership.ts'
import { MetricRegistry } from '../../src/node/metrics.ts'
import type { NodeAdministration } from '../../src/node/node-administration.ts'
import { deriveKeys, readSecret } from '../../src/node/secrets.ts'
import { fakeFacts } from './fake-facts.ts'
import { administrationOf, FakeMeta, foundedBy } from './fake-meta.ts'

const secret = new Uint8Array(32).fill(9)
let dir: string
let meta: FakeMeta
let cluster: NodeAdministration
let administration: Administration | undefined
let member: AdminHttp
let said: string[]
let clock: number

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'flotilla-join-'))
  meta = new FakeMeta(foundedBy(3))
  said = []
  clock = 5_000
  cluster = administrationOf(meta, secret, {
    profile: 'production',
    options: { 'max-tag-count': 5 },
    clock: { now: () => 1_000, monotonic: () => 1_000 },
  })
  administration = cluster
  const facts = fakeFacts({ readiness: { ready: true, reasons: [] }, drains: 0 })
  member = await openAdminHttp({
    listen: '127.0.0.1:0',
    token: 'x',
    clusterName: 'c',
    facts: () => facts,
    administration: () => administration,
    metrics: new MetricRegistry({}),
  })
})
afterEach(async () => {
  await member.close()
  rmSync(dir, { recursive: true })
})

const self = {
  name: 'n4',
  peer: '127.0.0.1:7004',
  client: '127.0.0.1:6004',
  admin: '127.0.0.1:5004',
  zone: '',
}

async function token(): Promise<string> {
  const made = await cluster.newToken(60_000)
  if (!made.ok) throw new Error(made.says)
  return made.value.token
}

async function wish(more: Partial<JoinWish> = {}): Promise<JoinWish> {
  const plain = more.token ?? (await token())
  return { members: [member.address], data: join(dir, 'n4'), self, token: plain, ...more }
}

/** Time passes only while somebody waits. */
function around(more: Partial<JoinSurroundings> = {}): JoinSurroundings {
  return {
    clock: { now: () => clock, monotonic: () => clock },
    call: adminCall,
    pause: async (ms) => void (clock += ms),
    say: (line) => void said.push(line),
    ...more,
  }
}

const file = (name: string) => readFileSync(join(dir, 'n4', name))

test('a node joins, and can be started from its folder alone', async () => {
  const membership = await joinCluster(await wish(), around())
  expect(membership).toMatchObject({ index: 4, clusterId: 'c1', options: { 'max-tag-count': 5 } })
  expect(membership.members.map((it) => it.name)).toEqual(['n1', 'n2', 'n3'])
  expect(new Uint8Array(file('secret'))).toEqual(secret)
  expect(statSync(join(dir, 'n4/secret')).mode & 0o777).toBe(0o600)
  expect(existsSync(join(dir, 'n4/joining.json'))).toBe(false)
  const config = memberConfig(join(dir, 'n4'), {}, noOverrides)
  expect(config.joined).toMatchObject({ index: 4, clusterId: 'c1' })
  expect(config.self).toMatchObject({ name: 'n4', peer: self.peer })
  expect(config.options['max-tag-count']).toBe(5)
  const keys = deriveKeys(readSecret(config.cluster.secret), 'c', 'production')
  const identity = takeIdentity(config, keys.peerKey, 9_000)
  const told = meta.state().members[3]!
  expect(identity).toMatchObject({ index: 4, name: 'n4', incarnation: told.incarnation })
  expect(identity.previousBoot).toBe(told.bootId)
  expect(identity.bootId).toBeGreaterThan(told.bootId)
})

test('a folder that has joined is not joined again', async () => {
  const first = await joinCluster(await wish(), around())
  const nobody = around({ call: () => Promise.reject(new Error('not asked')) })
  expect(await joinCluster(await wish(), nobody)).toEqual(first)
  expect(meta.state().members).toHaveLength(4)
})

describe('a crash', () => {
  // What has been written when the process dies; the next attempt must end as if it had not died.
  const files = ['joining.json', 'secret', 'identity.json', 'membership.json'] as const
  test.for([0, 1, 2, 3, 4])('after %i files', async (written) => {
    const asked = await wish()
    let kept: Record<string, Buffer> = {}
    const spied = around({
      call: async (address, call) => {
        kept['joining.json'] = file('joining.json')
        return adminCall(address, call)
      },
    })
    const first = await joinCluster(asked, spied)
    for (const name of files.slice(1)) kept[name] = file(name)
    rmSync(join(dir, 'n4'), { recursive: true })
    mkdirSync(join(dir, 'n4'))
    for (const name of files.slice(0, written)) writeFileSync(join(dir, 'n4', name), kept[name]!)
    writeFileSync(join(dir, 'n4/secret.draft'), 'half')
    clock += 10
    const again = await joinCluster(asked, around())
    const isRemembered = written > 0
    expect(again.index).toBe(isRemembered ? first.index : first.index + 1)
    expect(meta.state().members.filter((it) => it.state !== 'removed')).toHaveLength(4)
    const { incarnation } = meta.state().members.find((it) => it.index === again.index)!
    expect(JSON.parse(file('identity.json').toString())).toMatchObject({
      index: again.index,
      incarnation,
    })
    const left = readdirSync(join(dir, 'n4')).filter((it) => it !== 'secret.draft')
    expect(left.toSorted()).toEqual(['identity.json', 'membership.json', 'secret'])
  })

  test('before the answer came: the same index', async () => {
    const asked = await wish()
    const lost = around({
      call: async (address, call) => {
        await adminCall(address, call)
        throw new Error('the answer was lost')
      },
      pause: () => Promise.reject(new Error('killed')),
    })
    await expect(joinCluster(asked, lost)).rejects.toThrow('killed')
    expect(meta.state().members).toHaveLength(4)
    expect((await joinCluster(asked, around())).index).toBe(4)
    expect(meta.state().members).toHaveLength(4)
  })
})

describe('what passes is waited for', () => {
  test('a member that starts, one that is gone, a lead that moves', async () => {
    administration = undefined
    const turns: (() => void)[] = [
      () => (administration = cluster),
      () => (meta.failing = 'no-owner'),
      () => (meta.failing = null),
    ]
    const pause = async (ms: number): Promise<void> => {
      clock += ms
      turns.shift()?.()
    }
    const two = await wish({ members: [member.address, '127.0.0.1:1'] })
    expect((await joinCluster(two, around({ pause }))).index).toBe(4)
    expect(said.join()).toContain('still starting')
    expect(said.join()).toContain('no answer')
  })

  test('a token that has not spread yet', async () => {
    meta.isBehind = true
    const pause = async (): Promise<void> => meta.catchUp()
    expect((await joinCluster(await wish(), around({ pause }))).index).toBe(4)
  })

  test('not for ever', async () => {
    const nobody = await wish({ members: ['127.0.0.1:1'] })
    await expect(joinCluster(nobody, around())).rejects.toMatchObject({ code: 'unreachable' })
    expect(clock).toBeLessThan(70_000)
    expect(existsSync(join(dir, 'n4/joining.json'))).toBe(true)
  })
})

describe('refused for good', () => {
  test.for([
    ['token-unknown', { token: `join-${'A'.repeat(43)}` }],
    ['token-unknown', { token: 'join-half' }],
    ['name-taken', { self: { ...self, name: 'n1' } }],
    ['address-taken', { self: { ...self, peer: '127.0.0.1:7001' } }],
    ['bad-request', { self: { ...self, name: 'N 4' } }],
  ] as const)('%s', async ([code, more]) => {
    await expect(joinCluster(await wish(more), around())).rejects.toMatchObject({ code })
    expect(existsSync(join(dir, 'n4/joining.json'))).toBe(false)
    expect(meta.state().members).toHaveLength(3)
  })

  test('an answer that somebody changed on the way, or made without the secret', async () => {
    for (const change of [{ index: 9 }, { sealed: 'AAAA' }, { proof: '' }, { cluster: null }]) {
      const call: JoinSurroundings['call'] = async (address, asked) => {
        const reply = await adminCall(address, asked)
        return { ...reply, body: { ...(reply.body as object), ...change } }
      }
      const refused = joinCluster(await wish(), around({ call }))
      await expect(refused).rejects.toMatchObject({ code: 'forged' })
      expect(existsSync(join(dir, 'n4/secret'))).toBe(false)
    }
  })

  test('a folder of somebody else', async () => {
    await joinCluster(await wish(), around())
    rmSync(join(dir, 'n4/membership.json'))
    await expect(joinCluster(await wish(), around())).rejects.toThrow('belongs to node "n4"')
    const used = join(dir, 'used')
    mkdirSync(join(used, 'log'), { recursive: true })
    await expect(joinCluster(await wish({ data: used }), around())).rejects.toThrow('log')
  })
})

test('the membership: addresses may change, what is wrong is told', async () => {
  await joinCluster(await wish(), around())
  const data = join(dir, 'n4')
  expect(memberConfig(data, { peer: '127.0.0.1:7999' }, noOverrides).self.peer).toBe(
    '127.0.0.1:7999',
  )
  expect(memberConfig(data, {}, noOverrides).self).toMatchObject({
    peer: '127.0.0.1:7999',
    client: self.client,
  })
  expect(() => memberConfig(data, { peer: 'x' }, noOverrides)).toThrow('host:port')
  expect(() => memberConfig(join(dir, 'none'), {}, noOverrides)).toThrow('--join')
  const known = readMembership(data)!
  writeFileSync(
    join(data, 'membership.json'),
    JSON.stringify({ ...known, options: { 'tick-msec': 1 } }),
  )
  expect(() => memberConfig(data, {}, noOverrides)).toThrow('tick-ms')
  writeFileSync(join(data, 'membership.json'), '{')
  expect(() => memberConfig(data, {}, noOverrides)).toThrow('not JSON')
})
