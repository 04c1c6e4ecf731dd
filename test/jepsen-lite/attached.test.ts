import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CouldNotRun } from '../../jepsen-lite/could-not-run.ts'
import { Prng } from '../../jepsen-lite/prng.ts'
import { AttachedWorld, readAttachFile } from '../../jepsen-lite/world/attached.ts'
import type { AttachFile } from '../../jepsen-lite/world/attached.ts'

const folder = mkdtempSync(join(tmpdir(), 'jepsen-lite-'))
const done = join(folder, 'done')
let admin: Server
let address = ''

beforeAll(async () => {
  admin = createServer((request, response) => {
    const leads = { group: 0, role: 'leader', term: 3, commit: 1, applied: 1 }
    response.setHeader('content-type', 'application/json')
    if (request.url !== '/v1/status') return response.end('{}')
    return response.end(
      JSON.stringify({
        node: { index: 1, name: 'a', bootId: 'b', version: '1.2.3' },
        groups: [leads],
      }),
    )
  }).listen(0, '127.0.0.1')
  await once(admin, 'listening')
  address = `127.0.0.1:${(admin.address() as AddressInfo).port}`
})

afterAll(() => {
  admin.close()
  rmSync(folder, { recursive: true })
})

function told(): string[] {
  return readFileSync(done, 'utf8').trim().split('\n')
}

function cluster(commands: AttachFile['commands']): AttachedWorld {
  const nodes = ['a', 'b', 'c'].map((name) => ({ name, client: address, admin: address }))
  return new AttachedWorld({ nodes, ...(commands && { commands }) }, new Prng(1))
}

test('what the file has no command for cannot be done, and it is said before the start', () => {
  const bare = cluster(undefined)
  expect(bare.lacks('processes')?.why).toBe('the file has no command to kill or restart every node')
  expect(bare.lacks('pauses')?.kind).toBe('world')
  for (const need of ['links', 'disk', 'clock', 'members'] as const)
    expect(bare.lacks(need)?.kind).toBe('world')
  const able = cluster({ kill: 'x', restart: 'x', pause: 'x' })
  expect(able.lacks('processes')).toBe(undefined)
  expect(able.lacks('pauses')?.why).toBe('the file has no command to resume every node')
})

test('commands are run for the node, and what is left broken is mended at the end', async () => {
  const say = (word: string): string => `echo ${word} {node} >> ${done}`
  const world = cluster({
    kill: say('kill'),
    restart: say('restart'),
    pause: say('pause'),
    resume: say('resume'),
  })
  await world.start()
  expect(world.versions).toMatchObject({ server: '1.2.3' })
  expect(await world.roles()).toMatchObject({ metaLeader: expect.any(String), metaTerm: 3 })
  await world.restart('a')
  await world.resume('a')
  await world.kill('a')
  await world.restart('a')
  await world.terminate('b')
  await world.pause('c')
  expect(world.clientAddress('a').port).not.toBe(Number(address.split(':')[1]))
  await world.stop()
  await world.stop()
  expect(told()).toEqual(['kill a', 'restart a', 'kill b', 'pause c', 'resume c', 'restart b'])
})

test('a command that fails ends the run with what it said', async () => {
  const world = cluster({ kill: 'echo no such node {node} >&2; exit 3', restart: 'true' })
  await world.start()
  await expect(world.kill('b')).rejects.toThrow('no such node b')
  await world.stop()
})

test.for([
  ['{', /JSON/],
  ['{}', /no `nodes`/],
  ['{"nodes":[{"name":"a","client":"127.0.0.1:1"}]}', /nodes\[0\] has no text `admin`/],
  ['{"nodes":[{"name":"a","client":"here","admin":"127.0.0.1:1"}]}', /"here" is not host:port/],
  [
    JSON.stringify({ nodes: ['a', 'a'].map((name) => ({ name, client: 'h:1', admin: 'h:2' })) }),
    /two nodes a/,
  ],
] as const)('a file that makes no sense: %s', ([text, says]) => {
  const path = join(folder, 'cluster.json')
  writeFileSync(path, text)
  expect(() => readAttachFile(path)).toThrow(says)
  expect(() => readAttachFile(path)).toThrow(CouldNotRun)
})
