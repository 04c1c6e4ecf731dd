import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { joinHere } from '../../src/cli/cluster/join-here.ts'
import type { JoinHere } from '../../src/cli/cluster/join-here.ts'
import { openAdminHttp } from '../../src/node/admin-http.ts'
import type { AdminHttp } from '../../src/node/admin-http.ts'
import { readMembership } from '../../src/node/membership.ts'
import { MetricRegistry } from '../../src/node/metrics.ts'
import { administrationOf, FakeMeta, foundedBy } from '../node/fake-meta.ts'

const secret = new Uint8Array(32).fill(5)
let dir: string
let meta: FakeMeta
let admin: AdminHttp
let token: string
let said: string

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'flotilla-here-'))
  meta = new FakeMeta(foundedBy(1))
  said = ''
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((said += String(text)), true))
  const administration = administrationOf(meta, secret)
  admin = await openAdminHttp({
    listen: '127.0.0.1:0',
    token: 'x',
    clusterName: 'c',
    facts: () => undefined,
    administration: () => administration,
    metrics: new MetricRegistry({}),
  })
  const made = await administration.newToken(60_000)
  token = made.ok ? made.value.token : ''
})
afterEach(async () => {
  vi.restoreAllMocks()
  await admin.close()
  rmSync(dir, { recursive: true })
})

const wish = (more: Partial<JoinHere> = {}): JoinHere => ({
  members: [admin.address],
  token,
  name: 'n2',
  data: join(dir, 'n2'),
  zone: undefined,
  addresses: {},
  ...more,
})

test('free ports are chosen on the address from which the cluster is reached', async () => {
  const data = await joinHere(wish({ zone: 'east' }))
  const { self, index } = readMembership(data)!
  expect(index).toBe(2)
  expect(self).toMatchObject({ name: 'n2', zone: 'east' })
  const ports = [self.client, self.admin, self.peer].map((it) => Number(it.split(':')[1]))
  expect([self.client, self.admin, self.peer].every((it) => it.startsWith('127.0.0.1:'))).toBe(true)
  expect(ports[1]! - ports[0]!).toBe(1)
  expect(ports[2]! - ports[0]!).toBe(2)
  expect(said).toContain(`flotilla serve --data ${data}`)
  expect(said).not.toContain(token)
})

test('what a person says is taken', async () => {
  const peer = '127.0.0.1:7444'
  const { self } = readMembership(await joinHere(wish({ addresses: { peer } })))!
  expect(self.peer).toBe(peer)
})

test('once more on the same folder is a start, without a token', async () => {
  const data = await joinHere(wish())
  expect(await joinHere(wish({ token: undefined, members: ['127.0.0.1:1'] }))).toBe(data)
  expect(meta.state().members).toHaveLength(2)
})

test('a name or a port that was chosen here and is taken is chosen anew', async () => {
  const first = await joinHere(wish({ name: undefined, data: join(dir, 'a') }))
  await meta.submit({ kind: 'set-state', index: 2, expect: 'joining', state: 'active' })
  const second = await joinHere(wish({ name: undefined, data: join(dir, 'b') }))
  const [a, b] = [readMembership(first)!.self, readMembership(second)!.self]
  expect(b.name).not.toBe(a.name)
  expect(b.name.startsWith(a.name)).toBe(true)
  expect(b.peer).not.toBe(a.peer) // nobody listens there yet, but the cluster knows that it is taken
})

test('an interrupted join goes on with what it had asked for', async () => {
  const before = {
    name: 'n7',
    peer: '127.0.0.1:7777',
    client: '127.0.0.1:6777',
    admin: '127.0.0.1:5777',
    zone: '',
    bootId: 5,
    incarnation: 'e'.repeat(32),
  }
  mkdirSync(join(dir, 'n2'))
  writeFileSync(join(dir, 'n2/joining.json'), JSON.stringify(before))
  const { self } = readMembership(await joinHere(wish({ name: undefined })))!
  expect(self).toMatchObject({ name: 'n7', peer: before.peer })
  expect(meta.state().members[1]).toMatchObject({ bootId: 5, incarnation: before.incarnation })
})

test.for([
  [{ name: 'n1' }, 'refused', 'nodes remove n1 --dead'],
  [{ addresses: { peer: '127.0.0.1:7001' } }, 'refused', '--peer'],
  [{ token: 'join-half' }, 'refused', 'copied whole'],
  [{ token: undefined }, 'usage', '--token'],
  [{ members: ['nowhere'] }, 'usage', 'host:port'],
  [{ name: 'N 2' }, 'usage', '--name'],
  [{ zone: 'East' }, 'usage', '--zone'],
] as const)('%j ends as %s', async ([more, exit, cure]) => {
  const message = expect.stringContaining(cure)
  await expect(joinHere(wish(more))).rejects.toMatchObject({ exit, message })
  expect(existsSync(join(dir, 'n2'))).toBe(false)
})

test('ports in use are passed over', async () => {
  const server = createServer()
  await new Promise<void>((go) => server.listen(0, '127.0.0.1', go))
  const { port } = server.address() as AddressInfo
  const { self } = readMembership(await joinHere(wish()))!
  expect([self.client, self.admin, self.peer]).not.toContain(`127.0.0.1:${port}`)
  await new Promise((go) => server.close(go))
})
