import { expect, test } from 'vitest'
import { assert } from '../../src/assert.ts'
import { Expelled } from '../../src/node/expelled.ts'
import { Lifecycle, runStartPlan, runStopPlan } from '../../src/node/lifecycle.ts'
import type { Step } from '../../src/node/lifecycle.ts'
import type { Logger } from '../../src/ports.ts'
import { silentLogger } from '../../src/ports.ts'

class FakeProcess {
  readonly listeners = new Map<string, (error: unknown) => void>()
  readonly codes: number[] = []
  on(event: string, listener: (error: any) => void): void {
    this.listeners.set(event, listener)
  }
  exit(code: number): void {
    this.codes.push(code)
  }
  emit(event: string, error?: unknown): void {
    this.listeners.get(event)!(error)
  }
}

function recorded() {
  const lines: { level: string; fields: any; message: string }[] = []
  const at = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, fields, message })
  const log: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => log,
  }
  return { log, lines }
}

const step = (name: string, run: () => Promise<void> | void, deadlineMs = 1_000): Step => ({
  name,
  says: name,
  deadlineMs,
  run,
})
const settled = () => new Promise((resolve) => setImmediate(resolve))

test.for(['SIGTERM', 'SIGINT'] as const)('%s stops politely, once', async (signal) => {
  const door = new FakeProcess()
  const life = new Lifecycle(door, silentLogger)
  const stops: string[] = []
  life.onStop(async (why) => {
    stops.push(why)
    return 0
  })
  door.emit(signal)
  await settled()
  expect(stops).toEqual([signal])
  expect(door.codes).toEqual([0])
})

test.for([
  ['SIGTERM', 'SIGTERM'],
  ['SIGINT', 'SIGTERM'],
  ['SIGTERM', 'SIGINT'],
] as const)('%s, then %s forces with code 1', async ([first, second]) => {
  const door = new FakeProcess()
  const life = new Lifecycle(door, silentLogger)
  let finish: (code: number) => void = () => {}
  let stops = 0
  life.onStop(() => {
    stops++
    return new Promise((resolve) => (finish = resolve))
  })
  door.emit(first)
  expect(door.codes).toEqual([])
  door.emit(second)
  expect(door.codes).toEqual([1])
  finish(0)
  await settled()
  expect(stops).toBe(1)
  expect(door.codes).toEqual([1])
})

test.for(['uncaughtException', 'unhandledRejection'] as const)(
  '%s is written and ends the process with code 70',
  (event) => {
    const door = new FakeProcess()
    const { log, lines } = recorded()
    const life = new Lifecycle(door, log)
    life.onStop(() => new Promise(() => {}))
    door.emit(event, new Error('bug'))
    door.emit(event, new Error('another'))
    expect(door.codes).toEqual([70])
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatchObject({ level: 'error', fields: { fatal: true, error: 'bug' } })
  },
)

test('a broken invariant is written with its number and figures', () => {
  const door = new FakeProcess()
  const { log, lines } = recorded()
  const life = new Lifecycle(door, log)
  try {
    assert(false, 'RAFT-3', { committed: 7, lastIndex: 5 })
  } catch (error) {
    life.fatal(error)
  }
  expect(lines[0]!.fields).toMatchObject({
    invariant: 'RAFT-3',
    seen: { committed: 7, lastIndex: 5 },
  })
  expect(door.codes).toEqual([70])
})

test('what an error was caused by is written with it', () => {
  const { log, lines } = recorded()
  const life = new Lifecycle(new FakeProcess(), log)
  const cause = new Error('EIO: i/o error, fdatasync')
  life.fatal(new Error('the log cannot be written', { cause }))
  expect(lines[0]!.fields['error']).toBe('the log cannot be written: EIO: i/o error, fdatasync')
})

test('a stop that fails is fatal', async () => {
  const door = new FakeProcess()
  const life = new Lifecycle(door, silentLogger)
  life.onStop(() => Promise.reject(new Error('bug')))
  door.emit('SIGTERM')
  await settled()
  expect(door.codes).toEqual([70])
})

test('a start plan runs in order and ends at the first step that fails', async () => {
  const ran: string[] = []
  const note = (name: string) => step(name, () => void ran.push(name))
  const bad = step('b', () => Promise.reject(new Error('no disk')))
  await runStartPlan([note('a'), note('c')], silentLogger)
  expect(ran).toEqual(['a', 'c'])
  await expect(runStartPlan([note('d'), bad, note('e')], silentLogger)).rejects.toThrow(
    'start step "b" failed: no disk',
  )
  expect(ran).toEqual(['a', 'c', 'd'])
})

test('a step that is late fails a start', async () => {
  const late = step('slow', () => new Promise<void>(() => {}), 5)
  await expect(runStartPlan([late], silentLogger)).rejects.toThrow('not done within 5 ms')
})

test('a stop plan runs every step, whatever becomes of the others', async () => {
  const ran: string[] = []
  const plan = [
    step('a', () => Promise.reject(new Error('x'))),
    step('b', () => new Promise<void>(() => {}), 5),
    step('c', () => void ran.push('c')),
  ]
  expect(await runStopPlan(plan, silentLogger)).toBe(2)
  expect(ran).toEqual(['c'])
})

test.for([
  ['removed', 'flotilla token new'],
  ['wiped-disk', 'nodes remove n3 --dead'],
  ['old-copy', 'older copy'],
] as const)('a node that the cluster refuses as %s stops with code 8', async (row) => {
  const [reason, cure] = row
  const door = new FakeProcess()
  const { log, lines } = recorded()
  const life = new Lifecycle(door, log)
  const stops: string[] = []
  life.onStop(async (why) => {
    stops.push(why)
    return 1
  })
  life.fatal(new Expelled(reason, 'n3', '/data/n3', 'n1'))
  life.fatal(new Expelled(reason, 'n3', '/data/n3', 'n2'))
  await settled()
  expect(stops).toEqual(reason === 'removed' ? [reason] : [])
  expect(door.codes).toEqual([8])
  expect(lines.filter(({ level }) => level === 'error')).toHaveLength(1)
  expect(lines[0]?.fields.error).toContain(cure)
})
