import { expect, test } from 'vitest'
import { Subscription } from '../../src/client/subscription.ts'

test('one fetch at a time; a late end of a fetch from before a detach counts for nothing', () => {
  const subscription = new Subscription('grpx', { since: 1 })
  subscription.learnSeq(5)
  expect(subscription.nextFetch()).toBeNull() // not attached
  subscription.isAttached = true
  const before = subscription.nextFetch()
  expect(before).toEqual({ since: 1, before: 6 })
  expect(subscription.nextFetch()).toBeNull()
  subscription.detached()
  subscription.isAttached = true
  const after = subscription.nextFetch()
  subscription.fetched(before as NonNullable<typeof before>, true)
  expect([subscription.lastSeq, subscription.nextFetch()]).toEqual([0, null])
  subscription.fetched(after as NonNullable<typeof after>, true)
  expect(subscription.lastSeq).toBe(5)
})
