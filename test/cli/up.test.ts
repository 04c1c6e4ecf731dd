import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { packageFolder } from '../../src/node/version.ts'

/** Real processes: `up`, and the nodes that it starts. */
const program = join(packageFolder(), 'dist/src/cli/flotilla.cjs')
let dir: string
const children: Up[] = []

beforeEach(() => {
  dir = join(mkdtempSync(join(tmpdir(), 'flotilla-up-')), 'cluster')
})
afterEach(async () => {
  for (const up of children.splice(0)) {
    up.child.kill('SIGTERM')
    await up.ended
  }
  rmSync(join(dir, '..'), { recursive: true, maxRetries: 3 })
})

interface Announced {
  readonly nodes: readonly { name: string; pid: number; client: string; admin: string }[]
}

interface Up {
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
  /** The line of JSON that tells that all are ready. */
  readonly ready: Promise<Announced>
  err(): string
}

/** Of this test file alone; other tests that run beside it start clusters as well. */
const basePort = String(14_000 + (process.pid % 200) * 20)

function up(...more: string[]): Up {
  const child = spawn(
    process.execPath,
    [program, 'up', '--dir', dir, '--json', '--base-port', basePort, ...more],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let out = ''
  let err = ''
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
  const ready = new Promise<Announced>((resolve, reject) => {
    child.stdout!.on('data', (part: Buffer) => {
      out += part.toString()
      if (out.endsWith('\n')) resolve(JSON.parse(out))
    })
    void ended.then((code) => reject(new Error(`ended with ${code}: ${err}`)))
  })
  ready.catch(() => {}) // for tests that do not wait for it
  child.stderr!.on('data', (part: Buffer) => (err += part.toString()))
  const it = { child, ended, ready, err: () => err }
  children.push(it)
  return it
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 15_000
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`it did not come: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 30))
  }
}

const isReady = (admin: string) =>
  fetch(`http://${admin}/readyz`).then(
    (answer) => answer.ok,
    () => false,
  )

/** What a linter of Prometheus' text form would say. */
function metricComplaints(text: string): string[] {
  const types = new Map<string, string>()
  const wrong: string[] = []
  for (const line of text.split('\n')) {
    const [, name, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? []
    if (name !== undefined && type !== undefined) {
      if (types.has(name)) wrong.push(`${name} twice`)
      if (type === 'counter' && !name.endsWith('_total'))
        wrong.push(`${name} is a counter without _total`)
      if (type === 'gauge' && name.endsWith('_total')) wrong.push(`${name} is a gauge with _total`)
      if (!/^flotilla_[a-z][a-z0-9_]*$/.test(name)) wrong.push(`${name} is no good name`)
      types.set(name, type)
      continue
    }
    if (line === '' || /^# HELP \S+ \S/.test(line)) continue
    const [, sample, value] = /^([a-z_0-9]+)(?:\{[^}]*\})? (\S+)$/.exec(line) ?? []
    const known =
      sample !== undefined &&
      (types.has(sample) || types.has(sample.replace(/_(bucket|sum|count)$/, '')))
    if (!known || !Number.isFinite(Number(value))) wrong.push(line)
  }
  return wrong
}

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test(
  'up: three nodes are ready; one folder is for one up; a signal drains; the next start finds the same',
  { timeout: 60_000 },
  async () => {
    const first = up()
    const { nodes } = await first.ready
    expect(nodes.map((node) => node.name)).toEqual(['n1', 'n2', 'n3'])
    expect(await Promise.all(nodes.map((node) => isReady(node.admin)))).toEqual([true, true, true])
    for (const { pid } of nodes) {
      const environ = `/proc/${pid}/environ`
      if (existsSync(environ))
        expect(readFileSync(environ, 'latin1')).toContain('UV_THREADPOOL_SIZE=8')
    }

    const metrics = await (await fetch(`http://${nodes[0]!.admin}/metrics`)).text()
    expect(metricComplaints(metrics)).toEqual([])
    expect(metrics).toContain('flotilla_log_written_bytes_total')

    const second = up()
    expect(await second.ended).toBe(1)
    expect(second.err()).toContain(`process ${first.child.pid} runs the cluster`)
    expect(nodes.every((node) => isAlive(node.pid))).toBe(true)

    first.child.kill('SIGINT')
    expect(await first.ended).toBe(0)
    expect(nodes.some((node) => isAlive(node.pid))).toBe(false)

    const third = up()
    const again = await third.ready
    expect(again.nodes.map((node) => node.client)).toEqual(nodes.map((node) => node.client))
    expect(third.err()).toContain('known cluster of 3')
  },
)

test(
  'a node that dies is reported with the end of its log; the others go on',
  { timeout: 60_000 },
  async () => {
    const it = up()
    const { nodes } = await it.ready
    process.kill(nodes[1]!.pid, 'SIGKILL')
    await until(
      'a report',
      () => it.err().includes('n2 was ended by SIGKILL') && it.err().includes('"msg":"started"'),
    )
    expect(await isReady(nodes[1]!.admin)).toBe(false)
    expect(isAlive(nodes[0]!.pid)).toBe(true)
    it.child.kill('SIGTERM')
    expect(await it.ended).toBe(0)
  },
)

test(
  'nodes drain by themselves when up is gone, and leave no secret in their logs',
  { timeout: 60_000 },
  async () => {
    const it = up('--nodes', '1')
    const { nodes } = await it.ready
    it.child.kill('SIGKILL')
    await until('the end of the node', () => !isAlive(nodes[0]!.pid))
    const log = readFileSync(join(dir, 'n1.log'), 'utf8')
    expect(log).toContain('"why":"parent gone"')
    expect(log).toContain('"msg":"stopped"')
    const secret = readFileSync(join(dir, 'secret'))
    for (const form of ['base64', 'base64url', 'hex', 'latin1'] as const)
      expect(log).not.toContain(secret.toString(form))
  },
)

test('a second signal forces, and no node stays behind', { timeout: 60_000 }, async () => {
  const it = up('--nodes', '1')
  const { nodes } = await it.ready
  it.child.kill('SIGTERM')
  it.child.kill('SIGINT')
  expect([0, 1]).toContain(await it.ended) // one node drains quickly: both ends are right
  await until('the end of the node', () => !isAlive(nodes[0]!.pid))
  expect(existsSync(join(dir, 'up.pid'))).toBe(false)
})
