import { expect, test } from 'vitest'
import { ProducerFloors, maxFloors } from '../../src/chat/producer-floors.ts'
import type { Write } from '../../src/chat/outcome.ts'
import { userIdFromBytes, userIdFromHalves } from '../../src/ids/user-id.ts'

const user = (i: number): ReturnType<typeof userIdFromHalves> => userIdFromHalves(0, i + 1)
const name = (i: number): string => (1_000_000 + i).toString(36)

/** The same from its rows. */
function reopened(rows: ReadonlyMap<string, Uint8Array>): ProducerFloors {
  const floors = new ProducerFloors()
  for (const [key, value] of rows) {
    floors.restore(key === '' ? null : userIdFromBytes(Buffer.from(key, 'hex')), value)
  }
  return floors
}

function save(rows: Map<string, Uint8Array>, floors: ProducerFloors): void {
  const writes: Write[] = []
  floors.takeWrites(writes)
  for (const { key, value } of writes) {
    const id = Buffer.from(key).toString('hex')
    if (value === null) rows.delete(id)
    else rows.set(id, value)
  }
}

test('a floor only rises, by the time in the ids, and is each user’s own', () => {
  const floors = new ProducerFloors()
  floors.raise(user(1), 'zz')
  floors.raise(user(1), '100')
  floors.raise(user(1), 'zy')
  const covered = ['1', 'zz', '0zz', '100', '101', '1000'].filter((id) =>
    floors.covers(user(1), id),
  )
  expect(covered).toEqual(['1', 'zz', '0zz', '100'])
  expect(floors.covers(user(2), '1')).toBe(false)
})

test('floors of very many users become one, and nobody retired is taken for new', () => {
  const all = new ProducerFloors()
  const rows = new Map<string, Uint8Array>()
  const total = maxFloors + 10
  for (let i = 0; i < total; i++) {
    all.raise(user(i), name(i))
    if (i % 1_000 === 0) save(rows, all)
  }
  save(rows, all)
  expect(rows.size).toBeLessThan(maxFloors)
  for (const floors of [all, reopened(rows)]) {
    for (let i = 0; i < total; i += 7) {
      if (!floors.covers(user(i), name(i))) expect(i).toBeNull()
    }
    expect(floors.covers(user(0), name(total))).toBe(false)
    expect(floors.covers(user(total), name(total))).toBe(false)
    expect(floors.covers(user(total), name(0))).toBe(true)
  }
})
