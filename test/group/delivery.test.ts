import { expect, test } from 'vitest'
import { Delivery } from '../../src/group/delivery.ts'
import type { Entry } from '../../src/raft/entry.ts'

const data = new Uint8Array(0)

function entries(from: number, to: number): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, i) => ({
    index: from + i,
    term: 1,
    kind: 'normal' as const,
    data,
  }))
}

const change = (index: number): Entry => ({ index, term: 1, kind: 'conf-change', data })

/** A delivery behind index 10, and what its machine was given. */
function delivery(): { given: number[]; delivery: Delivery } {
  const given: number[] = []
  const machine = new Delivery(10, (list) => given.push(...list.map(({ index }) => index)))
  return { given, delivery: machine }
}

test('GROUP-2: what came in behind a snapshot while its rows were put in place is handed over', () => {
  const { given, delivery: it } = delivery()
  const release = it.hold()
  it.add(entries(11, 14))
  const ready = it.addChange(change(15))
  it.add(entries(16, 18))
  it.reset(13)
  expect([it.delivered, it.handedOut]).toEqual([13, 18])
  release()
  expect(given).toEqual([14])
  ready()
  expect(given).toEqual([14, 15, 16, 17, 18])
  it.add(entries(19, 20))
  expect(given.at(-1)).toBe(20)
})

test('GROUP-2: what a snapshot brought is not handed over, also when it comes in later', () => {
  const { given, delivery: it } = delivery()
  const release = it.hold()
  it.add(entries(11, 12))
  const ready = it.addChange(change(13))
  it.reset(16)
  // The core may not know the snapshot yet, and must not hear that it is beyond what it gave.
  expect([it.delivered, it.handedOut]).toEqual([16, 13])
  release()
  ready()
  it.add(entries(14, 15))
  it.add(entries(16, 18))
  expect(given).toEqual([17, 18])
  expect(it.handedOut).toBe(18)
})
