import { expect, test } from 'vitest'
import { Heartbeat } from '../../src/session/heartbeat.ts'
import type { Beating } from '../../src/session/heartbeat.ts'

class World {
  now = 5_000
  readonly clock = { now: () => this.now, monotonic: () => this.now }
  readonly timers = { after: () => () => {}, every: () => () => {}, soon: () => {} }
  readonly trips: number[] = []
  readonly heart = new Heartbeat(
    this.clock,
    this.timers,
    { idleMs: 55_000, deadlineMs: 8_000 },
    { observe: (value) => this.trips.push(value) },
  )

  /** Runs to `ms` after the start, tick by tick. */
  to(ms: number): void {
    while (this.now < 5_000 + ms) {
      this.now += 100
      this.heart.tick()
    }
  }
}

class Recorder implements Beating {
  readonly world: World
  readonly seen: string[] = []
  onPing: () => void = () => {}
  isExcused = false

  constructor(world: World) {
    this.world = world
  }

  #note(what: string): void {
    this.seen.push(`${what} ${(this.world.now - 5_000) / 1_000}`)
  }
  ping(): void {
    this.#note('ping')
    this.onPing()
  }
  silent(): boolean {
    this.#note('silent')
    return !this.isExcused
  }
  late(): void {
    this.#note('late')
  }
}

test('no hi in time, and no login in time', () => {
  const world = new World()
  const [first, second] = [new Recorder(world), new Recorder(world)]
  world.heart.begin(first)
  const pulse = world.heart.begin(second)
  world.to(3_000)
  world.heart.expect(pulse, 40_000)
  world.to(60_000)
  expect(first.seen).toEqual(['late 8'])
  expect(second.seen).toEqual(['late 43'])
  expect(world.heart.size).toBe(0)
})

test('pings every 49.5 s; a client that answers lives on', () => {
  const world = new World()
  const recorder = new Recorder(world)
  const pulse = world.heart.begin(recorder)
  world.heart.expect(pulse, Infinity)
  recorder.onPing = () => {
    world.now += 20
    world.heart.pong(pulse)
  }
  world.to(150_000)
  expect(recorder.seen.map((line) => line.split('.')[0])).toEqual([
    'ping 49',
    'ping 99',
    'ping 148',
  ])
  expect(world.trips).toEqual([0.02, 0.02, 0.02])
})

test('a silent client dies at the limit; any frame moves it', () => {
  const world = new World()
  const [dead, alive] = [new Recorder(world), new Recorder(world)]
  const pulses = [dead, alive].map((each) => {
    const pulse = world.heart.begin(each)
    world.heart.expect(pulse, Infinity)
    return pulse
  })
  world.to(30_000)
  world.heart.heard(pulses[1]!)
  world.to(80_000)
  expect(dead.seen).toEqual(['ping 49.5', 'silent 55'])
  expect(alive.seen).toEqual(['ping 49.5'])
  world.to(90_000)
  expect(alive.seen).toEqual(['ping 49.5', 'silent 85'])
})

test('a heart that has ended is not heard of again', () => {
  const world = new World()
  const recorder = new Recorder(world)
  const pulse = world.heart.begin(recorder)
  world.heart.end(pulse)
  world.heart.end(pulse)
  world.to(120_000)
  expect(recorder.seen).toEqual([])
})

test('one whose silence is excused is asked again after as long', () => {
  const world = new World()
  const slow = new Recorder(world)
  world.heart.expect(world.heart.begin(slow), Infinity)
  slow.isExcused = true
  world.to(60_000)
  slow.isExcused = false
  world.to(200_000)
  expect(slow.seen).toEqual(['ping 49.5', 'silent 55', 'ping 99', 'silent 110'])
})
