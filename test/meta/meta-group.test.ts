import { describe, expect, test } from 'vitest'
import { encodeCommand } from '../../src/meta/codec.ts'
import type { MetaCommand } from '../../src/meta/command.ts'
import { MetaGroup, SeedMismatch, maxWaitingCommands } from '../../src/meta/meta-group.ts'
import type { MetaEntry, MetaOutcome, MetaRaft } from '../../src/meta/meta-group.ts'
import type { MetaState } from '../../src/meta/meta-state.ts'
import { noMetrics, silentLogger } from '../../src/ports.ts'
import { writeSaved } from '../../src/meta/saved.ts'
import { MemoryStore } from '../../src/store/memory-store.ts'
import { frozenState } from './seeds.ts'

const token = (hash: string): MetaCommand => ({
  kind: 'new-token',
  hash,
  expiresAtMs: 9_999,
  nowMs: 0,
  sealed: '',
})

/** A Raft group of one node by hand: proposals wait in `log` until `commit` is called. */
class HandRaft implements MetaRaft {
  isLeader = true
  term = 1
  lead = 1
  /** What the state machine has reported. */
  reported = 0
  readonly log: MetaEntry[] = []
  committed = 0

  propose(data: Uint8Array, term: number) {
    if (!this.isLeader || term !== this.term) return { error: 'not leader' }
    return this.append(data)
  }

  append(data: Uint8Array, kind: MetaEntry['kind'] = 'normal') {
    const at = { index: this.log.length + 1, term: this.term }
    this.log.push({ ...at, kind, data })
    return at
  }

  applied(index: number): void {
    expect(index).toBeGreaterThan(this.reported)
    this.reported = index
  }

  /** What a new leader makes of entries that were not committed. */
  truncate(): void {
    this.log.length = this.committed
  }
}

/** Everything that can run now has run. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

interface Bench {
  readonly meta: MetaGroup
  readonly raft: HandRaft
  readonly store: MemoryStore
  readonly fatal: Error[]
  readonly deadlines: (() => void)[]
  readonly forwarded: { lead: number; command: MetaCommand }[]
  /** Commits and applies everything in the log. */
  readonly commit: () => void
}

async function bench(
  options: { seed?: MetaState | null; store?: MemoryStore } = {},
): Promise<Bench> {
  const { seed = frozenState(), store = new MemoryStore() } = options
  const fatal: Error[] = []
  const deadlines: (() => void)[] = []
  const forwarded: Bench['forwarded'] = []
  const never = (): (() => void) => () => {}
  const meta = await MetaGroup.open({
    store,
    seed,
    clock: { now: () => 5_000, monotonic: () => 0 },
    timers: {
      after: (_ms, task) => {
        deadlines.push(task)
        return () => {}
      },
      every: never,
      soon: never,
    },
    metrics: noMetrics,
    log: silentLogger,
    forward: async (lead, command) => {
      forwarded.push({ lead, command })
      return { ok: true, value: 77 }
    },
    onFatal: (error) => fatal.push(error),
  })
  const raft = new HandRaft()
  raft.committed = meta.applied()
  meta.attach(raft)
  const commit = (): void => {
    const entries = raft.log.slice(raft.committed)
    raft.committed = raft.log.length
    meta.committed(entries)
  }
  return { meta, raft, store, fatal, deadlines, forwarded, commit }
}

/** A cluster whose seed is committed. */
async function started(): Promise<Bench> {
  const it = await bench()
  it.meta.lead(1)
  it.commit()
  return it
}

describe('start', () => {
  test('the seed serves at once; the first leader commits it; a later one does not again', async () => {
    const { meta, raft, commit } = await bench()
    expect(meta.state()).toEqual(frozenState())
    meta.lead(1)
    expect(raft.log.length).toBe(1)
    commit()
    expect(meta.state()).toEqual(frozenState())
    raft.term = 2
    meta.lead(2)
    expect(raft.log.length).toBe(1)
  })

  test('a joiner knows nothing until the log or a snapshot tells', async () => {
    const { meta, raft, commit } = await bench({ seed: null })
    const seen: number[] = []
    meta.onChange((state) => seen.push(state.members.length))
    meta.lead(1)
    expect([meta.state(), raft.log.length, seen]).toEqual([null, 0, []])
    raft.append(encodeCommand({ kind: 'bootstrap', state: frozenState(4) }))
    commit()
    expect(seen).toEqual([4])
  })

  test('a node that was given another seed must stop', async () => {
    const { raft, fatal, commit } = await bench({ seed: frozenState(5) })
    raft.append(encodeCommand({ kind: 'bootstrap', state: frozenState(3) }))
    commit()
    expect(fatal[0]).toBeInstanceOf(SeedMismatch)
  })

  test('META-4: no call before the group is attached', async () => {
    const options = { clock: { now: () => 0, monotonic: () => 0 }, metrics: noMetrics }
    const meta = await MetaGroup.open({
      ...options,
      store: new MemoryStore(),
      seed: frozenState(),
      timers: { after: () => () => {}, every: () => () => {}, soon: () => {} },
      log: silentLogger,
      forward: () => Promise.reject(new Error('nobody leads')),
      onFatal: () => {},
    })
    expect(() => meta.lead(1)).toThrow('META-4')
  })
})

describe('commands', () => {
  test('are answered when they are applied, with what was decided', async () => {
    const { meta, commit } = await started()
    const good = meta.submit(token('a'))
    const bad = meta.submit({ kind: 'revoke-token', hash: 'b' })
    commit()
    expect(await good).toEqual({ ok: true, value: 0 })
    expect(await bad).toEqual({ ok: false, error: 'token-unknown' })
    expect(meta.state()?.tokens).toEqual([{ hash: 'a', expiresAtMs: 9_999, sealed: '' }])
  })

  test("bear the leader's clock", async () => {
    const { meta, commit } = await started()
    void meta.submit({ ...token('a'), expiresAtMs: 4_999 } as MetaCommand)
    void meta.submit(token('b'))
    commit()
    expect(meta.state()?.tokens.map((it) => it.hash)).toEqual(['b'])
  })

  test('go to the leader from elsewhere; nobody leads: refused at once', async () => {
    const { meta, raft, forwarded } = await started()
    raft.isLeader = false
    raft.lead = 2
    expect(await meta.submit(token('a'))).toEqual({ ok: true, value: 77 })
    expect(forwarded).toEqual([{ lead: 2, command: token('a') }])
    expect(await meta.accept(token('a'))).toEqual({ ok: false, failed: 'not-owner' })
    raft.lead = 0
    expect(await meta.submit(token('a'))).toEqual({ ok: false, failed: 'no-owner' })
  })

  test('a deposed leader: what commits at the place decides', async () => {
    const { meta, raft, commit } = await started()
    const kept = meta.submit(token('a'))
    const lost = meta.submit(token('b'))
    raft.isLeader = false
    meta.follow(2, 2)
    raft.log.length -= 1 // the new leader had the first, not the second
    raft.term = 2
    raft.append(encodeCommand(token('c')))
    commit()
    expect(await kept).toEqual({ ok: true, value: 0 })
    expect(await lost).toEqual({ ok: false, failed: 'term-changed' })
  })

  test('no answer before the deadline: unknown, and it may still take effect', async () => {
    const { meta, deadlines, commit } = await started()
    const late = meta.submit(token('a'))
    deadlines.at(-1)!()
    expect(await late).toEqual({ ok: false, failed: 'no-answer' })
    commit()
    expect(meta.state()?.tokens.length).toBe(1)
  })

  test('a place given out again: the older command is lost', async () => {
    const { meta, raft, commit } = await started()
    const older = meta.submit(token('a'))
    raft.truncate()
    raft.term = 3
    const newer = meta.submit(token('b'))
    expect(await older).toEqual({ ok: false, failed: 'term-changed' })
    commit()
    expect(await newer).toEqual({ ok: true, value: 0 })
  })

  test('waiting commands are bounded', async () => {
    const { meta, commit } = await started()
    const waiting = Array.from({ length: maxWaitingCommands }, (_, i) => meta.submit(token(`${i}`)))
    expect(await meta.submit(token('more'))).toEqual({ ok: false, failed: 'queue-full' })
    commit()
    const outcomes = await Promise.all(waiting)
    expect(outcomes.filter((it) => it.ok).length).toBe(64) // maxJoinTokens
    const next = meta.submit({ kind: 'revoke-token', hash: '0' })
    commit()
    expect((await next).ok).toBe(true)
  })

  test('closing ends the waiting, twice is once', async () => {
    const { meta } = await started()
    const waiting: Promise<MetaOutcome> = meta.submit(token('a'))
    meta.close()
    meta.close()
    expect(await waiting).toEqual({ ok: false, failed: 'no-answer' })
    expect(await meta.submit(token('b'))).toEqual({ ok: false, failed: 'no-owner' })
  })
})

describe('what is saved', () => {
  test('state and applied index together; a restart goes on from there', async () => {
    const one = await started()
    void one.meta.submit(token('a'))
    one.raft.append(new Uint8Array(0), 'conf-change')
    one.commit()
    await expect.poll(() => one.raft.reported).toBe(3)
    const two = await bench({ store: one.store.reopened('kill') })
    expect(two.meta.applied()).toBe(3)
    expect(two.meta.state()).toEqual(one.meta.state())
  })

  test('an older save is a consistent one: the log is replayed to the same state', async () => {
    const one = await started()
    await expect.poll(() => one.raft.reported).toBe(1)
    await one.store.sync()
    void one.meta.submit(token('a'))
    one.commit()
    await expect.poll(() => one.raft.reported).toBe(2)
    const two = await bench({ store: one.store.reopened('power-loss') })
    expect(two.meta.applied()).toBe(1)
    two.meta.committed(one.raft.log.slice(1))
    expect(two.meta.state()).toEqual(one.meta.state())
  })

  test('META-3: a gap or a repetition in what is committed stops the node', async () => {
    const { meta, raft } = await started()
    const entry = { index: 3, term: 1, kind: 'normal', data: new Uint8Array(0) } as const
    expect(() => meta.committed([entry])).toThrow('META-3')
    expect(() => meta.committed(raft.log)).toThrow('META-3')
  })

  test('a snapshot replaces everything, and listeners hear of it', async () => {
    const other = await started()
    void other.meta.submit(token('a'))
    other.commit()
    await expect.poll(() => other.raft.reported).toBe(2)
    const { meta, store } = await bench({ seed: null })
    const seen: number[] = []
    meta.onChange((state) => seen.push(state.tokens.length))
    const rows = await other.store.range({ gte: Uint8Array.of(0), lt: Uint8Array.of(0xff) })
    await expect(meta.restored()).rejects.toThrow('META-5')
    await meta.restoring()
    await store.write(rows.map(([key, value]) => ({ key, value })))
    await meta.restored()
    expect(seen).toEqual([1])
    expect(meta.applied()).toBe(2)
    expect(meta.state()).toEqual(other.meta.state())
  })

  test('nothing is saved while a snapshot is installed', async () => {
    const { meta, raft, store, commit } = await bench()
    const ends: (() => void)[] = []
    const write = store.write.bind(store)
    store.write = (ops) => new Promise((resolve) => ends.push(() => resolve(write(ops))))
    meta.lead(1)
    commit()
    raft.append(new Uint8Array(0))
    commit() // waits behind the first save
    let isIdle = false
    const idle = meta.restoring().then(() => (isIdle = true))
    await turn()
    expect(isIdle).toBe(false)
    ends[0]!()
    await idle
    await turn()
    expect([ends.length, raft.reported]).toEqual([1, 1])
    await writeSaved({ get: (key) => store.get(key), write }, { state: null, applied: 9 })
    await meta.restored()
    expect(meta.applied()).toBe(9)
    meta.committed([{ index: 10, term: 1, kind: 'normal', data: new Uint8Array(0) }])
    expect(ends.length).toBe(2)
    ends[1]!()
    await expect.poll(() => raft.reported).toBe(10)
    await meta.restoring() // at once: nothing is under way
  })

  test('a store that fails stops the node', async () => {
    const store = new MemoryStore()
    store.write = () => Promise.reject(new Error('disk'))
    const { meta, fatal, commit } = await bench({ store })
    meta.lead(1)
    commit()
    await expect.poll(() => fatal.length).toBe(1)
    expect(fatal[0]?.cause).toEqual(new Error('disk'))
  })
})

test('listeners hear each change once, and no more after they have cancelled', async () => {
  const { meta, commit } = await started()
  const seen: number[] = []
  const cancel = meta.onChange((state) => seen.push(state.tokens.length))
  void meta.submit(token('a'))
  void meta.submit(token('b'))
  commit()
  void meta.submit({ kind: 'revoke-token', hash: 'none' })
  commit()
  cancel()
  void meta.submit(token('c'))
  commit()
  expect(seen).toEqual([0, 2])
})
