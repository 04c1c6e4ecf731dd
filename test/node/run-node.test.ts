import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { freePorts } from '../../jepsen-lite/world/free-ports.ts'
import { nodeConfig, noOverrides, resolveCluster } from '../../src/node/config.ts'
import type { NodeConfig } from '../../src/node/config.ts'
import type { ProcessDoor } from '../../src/node/lifecycle.ts'
import { NodeRun } from '../../src/node/run-node.ts'
import { silentLogger } from '../../src/ports.ts'
import { fakeNode } from './fake-facts.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'flotilla-run-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

class FakeProcess implements ProcessDoor {
  readonly signals = new Map<string, (error?: any) => void>()
  readonly ended: Promise<number>
  #end: (code: number) => void = () => {}
  constructor() {
    this.ended = new Promise((resolve) => (this.#end = resolve))
  }
  on(event: string, listener: (error?: any) => void): void {
    this.signals.set(event, listener)
  }
  exit(code: number): void {
    this.#end(code)
  }
}

async function config(profile: 'development' | 'production', options = {}): Promise<NodeConfig> {
  const [port] = await freePorts(1)
  const self = {
    name: 'n1',
    peer: '127.0.0.1:1',
    client: '127.0.0.1:2',
    admin: `127.0.0.1:${port}`,
    data: 'n1',
  }
  const file = { cluster: { name: 'c', profile, replicationFactor: 1 }, nodes: [self], options }
  return nodeConfig(resolveCluster(file, join(dir, 'c.json'), noOverrides), 'n1', 'c.json')
}

test('start: folder, secret and admin come up; SIGTERM drains, closes and ends with 0', async () => {
  const door = new FakeProcess()
  const node = fakeNode()
  const at = await config('development')
  const run = new NodeRun(at, node.start, door, silentLogger)
  await run.start()
  expect(statSync(join(dir, 'n1')).mode & 0o777).toBe(0o700)
  expect(statSync(join(dir, 'secret')).mode & 0o777).toBe(0o600)
  expect((await fetch(`http://${at.self.admin}/readyz`)).status).toBe(200)
  door.signals.get('SIGTERM')!()
  expect(await door.ended).toBe(0)
  expect(node.calls).toEqual(['start', 'drain', 'close'])
  await expect(fetch(`http://${at.self.admin}/healthz`)).rejects.toThrow()
})

test('production makes no secret by itself', async () => {
  const run = new NodeRun(
    await config('production'),
    fakeNode().start,
    new FakeProcess(),
    silentLogger,
  )
  await expect(run.start()).rejects.toThrow('flotilla key new')
  expect(existsSync(join(dir, 'secret'))).toBe(false)
})

test('a start that fails says at which step, and leaves nothing open', async () => {
  const at = await config('development')
  const node = fakeNode({ failStart: new Error('the log is locked by another process') })
  const run = new NodeRun(at, node.start, new FakeProcess(), silentLogger)
  await expect(run.start()).rejects.toThrow('start step "node" failed: the log is locked')
  await expect(fetch(`http://${at.self.admin}/healthz`)).rejects.toThrow()
})

test('a drain that takes too long does not hold up the end', async () => {
  const door = new FakeProcess()
  const node = fakeNode({ drain: () => new Promise(() => {}) })
  const run = new NodeRun(
    await config('development', { 'drain-timeout-ms': 100 }),
    node.start,
    door,
    silentLogger,
  )
  await run.start()
  door.signals.get('SIGINT')!()
  expect(await door.ended).toBe(1)
  expect(node.calls).toEqual(['start', 'drain', 'close'])
})
