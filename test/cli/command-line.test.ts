import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exitCodes } from '../../src/cli/exit-codes.ts'
import { openAdminHttp } from '../../src/node/admin-http.ts'
import type { AdminHttp } from '../../src/node/admin-http.ts'
import { MetricRegistry } from '../../src/node/metrics.ts'
import { packageFolder } from '../../src/node/version.ts'
import { fakeFacts, idleAdministration } from '../node/fake-facts.ts'

/** The program as it is built: `npm test` builds first. */
const program = join(packageFolder(), 'dist/src/cli/flotilla.cjs')
const dir = mkdtempSync(join(tmpdir(), 'flotilla-cli-'))
let admin: AdminHttp
let broken: Server
const state = { readiness: { ready: true, reasons: [] as readonly string[] }, drains: 0 }

beforeAll(async () => {
  expect(existsSync(program), 'built by npm run build').toBe(true)
  const facts = fakeFacts(state)
  admin = await openAdminHttp({
    listen: '127.0.0.1:0',
    token: 't',
    clusterName: 'c',
    facts: () => facts,
    administration: () => idleAdministration,
    metrics: new MetricRegistry({}),
  })
  broken = createServer((_request, answer) => answer.writeHead(500).end('{"error":"ill"}'))
  await new Promise<void>((resolve) => broken.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  await admin.close()
  broken.close()
  rmSync(dir, { recursive: true })
})

interface Ended {
  code: number
  out: string
  err: string
}

function flotilla(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [program, ...args],
      { cwd: dir, env: { ...process.env, ...env } },
      (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    )
  })
}

const three = join(packageFolder(), 'cluster-config/three-nodes.json')

test.for([
  ['status'],
  ['ring'],
  ['topic', 'locate', 'grpX'],
  ['config', 'print', '--config', three],
  ['config', 'check', '--config', three],
  ['config', 'schema'],
] as const)('%j prints facts as JSON', async (args) => {
  const where = args[0] === 'config' ? [] : ['--admin', admin.address]
  const json = args[1] === 'schema' ? [] : ['--json']
  const ended = await flotilla([...args, ...where, ...json])
  expect(ended).toMatchObject({ code: 0, err: '' })
  expect(JSON.parse(ended.out)).toBeTypeOf('object')
})

test.for([
  ['status', 'n1'],
  ['ring', 'table abc'],
  ['topic locate grpX', 'n2'],
] as const)('%s prints a table', async ([line, part]) => {
  const ended = await flotilla([...line.split(' '), '--admin', admin.address])
  expect(ended.code).toBe(0)
  expect(ended.out).toContain(part)
})

describe('exit codes', () => {
  test.for([
    [[], 'usage'],
    [['fly'], 'usage'],
    [['status', '--colour'], 'usage'],
    [['serve'], 'usage'],
    [['up', '--nodes', '99'], 'usage'],
    [['bench', 'publish', '--inflight', '0', '--dir', 'nowhere'], 'config'],
    [['status'], 'unreachable'],
    [['status', '--admin', '127.0.0.1:1'], 'unreachable'],
    [['ring', '--admin', '127.0.0.1:1'], 'unreachable'],
    [['topic', 'locate', 'grpX', '--admin', '127.0.0.1:1'], 'unreachable'],
    [['config', 'check', '--config', 'nowhere.json'], 'config'],
    [['config', 'check', '--config', three, '--tick-ms', '1'], 'config'],
    [['serve', '--config', three], 'config'],
    [['serve', '--config', three, '--node', 'n9'], 'config'],
    [['key', 'new'], 'usage'],
  ] as const)('%j ends as %s', async ([args, exit]) => {
    const ended = await flotilla(args)
    expect(ended).toMatchObject({ code: exitCodes[exit].code, out: '' })
    expect(ended.err).not.toBe('')
    expect(ended.err).not.toContain('    at ') // no stack for what a person can cure
  })

  test('a node that is not ready, or ill', async () => {
    state.readiness = { ready: false, reasons: ['group 3 is behind'] }
    const unready = await flotilla(['status', '--admin', admin.address])
    state.readiness = { ready: true, reasons: [] }
    expect(unready.code).toBe(exitCodes.unhealthy.code)
    expect(unready.out).toContain('group 3 is behind')
    const { port } = broken.address() as AddressInfo
    expect(await flotilla(['ring', '--admin', `127.0.0.1:${port}`])).toMatchObject({
      code: exitCodes.unreachable.code,
      err: expect.stringContaining('ill'),
    })
  })
})

test('serve --explain prints both plans and starts nothing', async () => {
  const ended = await flotilla(['serve', '--config', three, '--node', 'n1', '--explain'])
  expect(ended.code).toBe(0)
  const steps = ended.out.split('\n').map((line) => line.split(' ')[0])
  expect(
    steps.filter((step) => ['data', 'secret', 'admin', 'node', 'drain'].includes(step!)),
  ).toEqual(['data', 'secret', 'admin', 'node', 'drain', 'node', 'admin'])
})

test('the environment overrides the file, and print says so', async () => {
  const args = ['config', 'print', '--config', three, '--json', '--log-level', 'warn']
  const { out } = await flotilla(args, { FLOTILLA_TICK_MS: '40' })
  expect(JSON.parse(out)).toMatchObject({
    options: { 'tick-ms': 40, 'log-level': 'warn' },
    sources: { 'tick-ms': 'environment', 'log-level': 'command line', 'p2p-delete': 'default' },
  })
})

test('a secret is never printed', async () => {
  const secret = 'S'.repeat(43)
  const file = join(dir, 'inline.json')
  const { nodes } = JSON.parse(readFileSync(three, 'utf8'))
  writeFileSync(file, JSON.stringify({ cluster: { name: 'c', secret }, nodes }))
  for (const json of [[], ['--json']]) {
    const { code, out } = await flotilla(['config', 'print', '--config', file, ...json])
    expect(code).toBe(0)
    expect(out).not.toContain('SSSS')
    expect(out).toContain('[redacted]')
  }
})

test('keys: a production cluster accepts its own and no other', async () => {
  const file = join(dir, 'production.json')
  const { nodes } = JSON.parse(readFileSync(three, 'utf8'))
  writeFileSync(
    file,
    JSON.stringify({ cluster: { name: 'c', profile: 'production', secretFile: 'own' }, nodes }),
  )
  expect((await flotilla(['key', 'new', '--config', file])).code).toBe(exitCodes.config.code)
  expect((await flotilla(['key', 'new', '--secret-file', 'own'])).code).toBe(0)
  const key = (await flotilla(['key', 'new', '--config', file])).out.trim()
  const again = (await flotilla(['key', 'new', '--config', file, '--sequence', '2'])).out.trim()
  expect(again).not.toBe(key)
  for (const [each, code] of [
    [key, 0],
    [again, 0],
    ['AQEAAAABAAD_rAp4DJh05a1HAwFT3A6K', 1],
  ] as const) {
    expect(await flotilla(['key', 'check', each, '--config', file])).toMatchObject({ code })
  }
})

test('serve tells in one line why it does not start', async () => {
  const file = join(dir, 'busy.json')
  const [node] = JSON.parse(readFileSync(three, 'utf8')).nodes
  writeFileSync(
    file,
    JSON.stringify({
      cluster: { name: 'c' },
      nodes: [{ ...node, admin: admin.address, data: 'busy' }],
    }),
  )
  const ended = await flotilla(['serve', '--config', file])
  expect(ended.code).toBe(exitCodes.failed.code)
  expect(ended.err.trim().split('\n')).toEqual([
    expect.stringMatching(/step "admin" failed: .*EADDRINUSE/),
  ])
})
