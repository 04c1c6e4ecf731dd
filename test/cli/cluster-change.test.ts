import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { CommandFailed } from '../../src/cli/exit-codes.ts'
import { program } from '../../src/cli/program.ts'
import { metaGroup } from '../../src/ids/group-id.ts'
import type { Member, MetaState } from '../../src/meta/meta-state.ts'
import { openAdminHttp } from '../../src/node/admin-http.ts'
import type { AdminHttp } from '../../src/node/admin-http.ts'
import type { NodeFacts } from '../../src/node/facts.ts'
import { MetricRegistry } from '../../src/node/metrics.ts'
import { nodesReport } from '../../src/node/nodes-report.ts'
import { deriveKeys } from '../../src/node/secrets.ts'
import { fakeFacts } from '../node/fake-facts.ts'
import { administrationOf, FakeMeta, foundedBy } from '../node/fake-meta.ts'

const secret = new Uint8Array(32).fill(3)
const { adminToken } = deriveKeys(secret, 'c', 'production')
let dir: string
let meta: FakeMeta
let admin: AdminHttp
let down: Set<number>
/** What happens in the cluster each time that somebody looks at it. */
let looking: () => void
let out: string
let err: string

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'flotilla-change-'))
  writeFileSync(join(dir, 'secret'), secret, { mode: 0o600 })
  meta = new FakeMeta(foundedBy(4))
  down = new Set()
  looking = movesOn
  out = err = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((out += String(text)), true))
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((err += String(text)), true))
  const administration = administrationOf(meta, secret, { profile: 'production' })
  const usual = fakeFacts({ readiness: { ready: true, reasons: [] }, drains: 0 })
  const facts: NodeFacts = {
    ...usual,
    status: () => ({ ...usual.status(), members: meta.state().members.map(reported) }),
    nodes: async () => {
      looking()
      return nodesReport(meta.state(), asWished(meta.state()), (node) => !down.has(node))
    },
  }
  admin = await openAdminHttp({
    listen: '127.0.0.1:0',
    token: adminToken,
    clusterName: 'c',
    facts: () => facts,
    administration: () => administration,
    metrics: new MetricRegistry({}),
  })
})
afterEach(async () => {
  vi.restoreAllMocks()
  await admin.close()
  rmSync(dir, { recursive: true })
})

const reported = ({ index, name, state }: Member) => ({
  index,
  name,
  peer: '',
  client: '',
  state: state === 'removed' ? 'gone' : 'voter',
  up: true,
  bootId: null,
  rttMs: null,
})

/** Each partition has the members that the table names, led by the first. */
function asWished(state: MetaState) {
  const led = state.table.partitions.map(({ replicas }, at) => ({
    group: at + 1,
    term: 1,
    lead: replicas[0]!,
    conf: { voters: replicas, outgoing: [], learners: [], learnersNext: [] },
  }))
  return new Map(
    state.members.map(({ index }) => [
      index,
      { leads: led.filter((it) => it.lead === index && it.group !== metaGroup) },
    ]),
  )
}

/** One partition leaves a node that drains. */
function movesOn(): void {
  const { members, table } = meta.state()
  const draining = members.find((it) => it.state === 'draining')?.index ?? 0
  const at = table.partitions.findIndex(({ replicas }) => replicas.includes(draining))
  if (at < 0) return
  const { replicas } = table.partitions[at]!
  const other = members.find((it) => it.state === 'active' && !replicas.includes(it.index))!
  const moved = replicas.map((it) => (it === draining ? other.index : it))
  const partitions = table.partitions.with(at, { replicas: moved })
  const next = { ...table, version: table.version + 1, partitions }
  void meta.submit({ kind: 'set-table', base: table.version, table: next })
}

async function run(...words: string[]): Promise<string> {
  const where = ['--admin', admin.address, '--secret-file', join(dir, 'secret')]
  return runAt(words, where)
}

/** How it ended: `ok` or the name of the exit code. */
async function runAt(words: readonly string[], where: readonly string[]): Promise<string> {
  try {
    await program([...words, ...where]).parseAsync()
    return 'ok'
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error
    err += error.message
    return error.exit
  }
}

const stateOf = (name: string) => meta.state().members.find((it) => it.name === name)?.state

describe('nodes', () => {
  test('shows the members as a table and as JSON', async () => {
    await meta.submit({ kind: 'set-state', index: 2, expect: 'active', state: 'draining' })
    looking = () => {}
    expect(await run('nodes')).toBe('ok')
    expect(out).toMatch(/n2 +2 +draining +yes/)
    expect(out).not.toContain('\x1b')
    out = ''
    expect(await run('nodes', '--json')).toBe('ok')
    expect(JSON.parse(out)).toMatchObject({ moving: 0, nodes: [{ name: 'n1' }, {}, {}, {}] })
  })

  test('drain returns at once, or waits until the node holds nothing', async () => {
    expect(await run('nodes', 'drain', 'n2')).toBe('ok')
    expect(stateOf('n2')).toBe('draining')
    expect(await run('nodes', 'drain', 'n2', '--wait', '--json')).toBe('ok')
    expect(JSON.parse(out)).toEqual({ node: 'n2', done: 'n2 holds nothing' })
    expect(meta.state().table.partitions.some(({ replicas }) => replicas.includes(2))).toBe(false)
    expect(await run('nodes', 'activate', 'n2')).toBe('ok')
    expect(stateOf('n2')).toBe('active')
  })

  test('who waits for a drain that somebody ends is told', async () => {
    let looks = 0
    looking = () => {
      if (++looks !== 3) return
      void meta.submit({ kind: 'set-state', index: 2, expect: 'draining', state: 'active' })
    }
    expect(await run('nodes', 'drain', 'n2', '--wait')).toBe('refused')
    expect(err).toContain('somebody has made n2 active')
  })

  test('remove drains, waits and removes; again it is told that there is no such member', async () => {
    expect(await run('nodes', 'remove', 'n3')).toBe('ok')
    expect(stateOf('n3')).toBe('removed')
    expect(err).toContain('n3 still holds')
    expect(await run('nodes', 'remove', 'n3')).toBe('refused')
    expect(err).toContain('there are: n1, n2, n4')
  })

  test('remove may be interrupted, and ends well when somebody else has done it', async () => {
    await meta.submit({ kind: 'set-state', index: 3, expect: 'active', state: 'draining' })
    let looks = 0
    looking = () => {
      if (++looks < 3) return
      void meta.submit({ kind: 'remove-member', index: 3, expect: 'draining', force: true })
    }
    expect(await run('nodes', 'remove', 'n3')).toBe('ok')
    expect(err).toContain('somebody else has removed n3')
  })

  test('a dead node goes at once, one that lives does not', async () => {
    expect(await run('nodes', 'remove', 'n3', '--dead')).toBe('refused')
    expect(err).toContain('not dead')
    down.add(3)
    expect(await run('nodes', 'remove', 'n3', '--dead')).toBe('ok')
    expect(stateOf('n3')).toBe('removed')
  })

  test.for([true, false])('replace, when the old node is up: %s', async (isUp) => {
    if (!isUp) down.add(2)
    let looks = 0
    looking = () => {
      looks++
      const token = meta.state().tokens[0]
      if (looks === 4 && token !== undefined) {
        void meta.submit({
          kind: 'add-member',
          name: 'n5',
          address: '127.0.0.1:7005',
          clientAddress: '',
          zone: '',
          bootId: 1,
          incarnation: '',
          tokenHash: token.hash,
          nowMs: Date.now(),
        })
      }
      if (looks === 6) {
        void meta.submit({ kind: 'set-state', index: 5, expect: 'joining', state: 'active' })
      }
      movesOn()
    }
    expect(await run('nodes', 'replace', 'n2')).toBe('ok')
    expect(out).toMatch(/^flotilla serve --join 127\.0\.0\.1:\d+ --token join-\S{43}\n$/)
    expect([stateOf('n5'), stateOf('n2')]).toEqual(['active', 'removed'])
    expect(err.includes('still holds')).toBe(isUp)
  })

  test.for([
    [['nodes', 'drain', 'n9'], 'refused', 'no member is called n9'],
    [['nodes', 'remove', 'n9'], 'refused', 'n1, n2, n3, n4'],
    [['token', 'revoke', 'abc'], 'refused', 'token new'],
    [['token', 'new', '--valid', 'soon'], 'usage', '30s'],
    [['token', 'new', '--valid', '99d'], 'refused', '30 days'],
  ] as const)('%j ends as %s', async ([words, exit, cure]) => {
    expect(await run(...words)).toBe(exit)
    expect(err).toContain(cure)
  })
})

describe('token', () => {
  test('new, list and revoke', async () => {
    expect(await run('token', 'new', '--valid', '2h', '--json')).toBe('ok')
    const made = JSON.parse(out) as { id: string; token: string; expires: string; join: string }
    expect(made.join).toContain(made.token)
    expect(Date.parse(made.expires) - Date.now()).toBeGreaterThan(7_100_000)
    out = ''
    expect(await run('token', 'list')).toBe('ok')
    expect(out).toContain(made.id)
    expect(out).not.toContain(made.token)
    out = ''
    expect(await run('token', 'revoke', made.id)).toBe('ok')
    expect(await run('token', 'list', '--json')).toBe('ok')
    expect(JSON.parse(out)).toEqual({ tokens: [] })
  })
})

describe('who may', () => {
  const node = (i: number, at: string) => ({
    name: `n${i}`,
    peer: `127.0.0.1:${7000 + i}`,
    client: `127.0.0.1:${6000 + i}`,
    admin: at,
    data: `n${i}`,
  })

  const asked = ['nodes', 'drain', 'n2']

  test('only who knows the secret or the admin token', async () => {
    const where = ['--admin', admin.address]
    expect(await runAt(asked, where)).toBe('usage')
    expect(await runAt(asked, [...where, '--admin-token', 'x'])).toBe('usage')
    writeFileSync(join(dir, 'other'), new Uint8Array(32), { mode: 0o600 })
    expect(await runAt(asked, [...where, '--secret-file', join(dir, 'other')])).toBe('usage')
    expect(err).toContain('FLOTILLA_ADMIN_TOKEN')
    expect(stateOf('n2')).toBe('active')
    expect(await runAt(asked, [...where, '--admin-token', adminToken])).toBe('ok')
    vi.stubEnv('FLOTILLA_ADMIN_TOKEN', adminToken)
    expect(await runAt(['nodes', 'activate', 'n2'], where)).toBe('ok')
    vi.unstubAllEnvs()
  })

  test('a founder that was removed is no reason to worry', async () => {
    const file = join(dir, 'cluster.json')
    const nodes = [node(1, admin.address), node(2, '127.0.0.1:1')]
    writeFileSync(file, JSON.stringify({ cluster: { name: 'c' }, nodes }))
    expect(await runAt(['status'], ['--config', file])).toBe('unhealthy')
    await meta.submit({ kind: 'remove-member', index: 2, expect: 'active', force: true })
    out = ''
    expect(await runAt(['status'], ['--config', file])).toBe('ok')
    expect(out).toMatch(/n2 .*gone/)
  })

  test('a cluster file tells where and who; a node that is gone is passed over', async () => {
    const file = join(dir, 'cluster.json')
    const nodes = [node(1, '127.0.0.1:1'), node(2, admin.address)]
    writeFileSync(file, JSON.stringify({ cluster: { name: 'c', secretFile: 'secret' }, nodes }))
    expect(await runAt(asked, ['--config', file])).toBe('ok')
    expect(await runAt(['nodes', 'activate', 'n2'], ['--dir', dir])).toBe('ok')
    expect(await runAt(['nodes'], ['--dir', dir])).toBe('ok')
    expect(await runAt(asked, ['--admin', '127.0.0.1:1', '--admin-token', 'x'])).toBe('unreachable')
  })
})
