import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FaultyProxy } from './faulty-proxy.ts'
import { introduce, quickSettings, startNode, until } from './surroundings.ts'

/**
 * One node posts numbers without end while the link is cut, corrupted and swallowed at random
 * places. Whatever arrives must rise: nothing twice, nothing out of order, nothing altered.
 */
test('order and no repeats under random cuts in the middle of frames', async () => {
  const settings = { ...quickSettings, deadAfterMs: 2_000 }
  const one = await startNode({ index: 1 }, { settings })
  const two = await startNode({ index: 2 }, { settings })
  const proxy = await FaultyProxy.to(() => two.peers.port)
  introduce([one, two], (from) => (from === 1 ? proxy.port : undefined))
  let next = 0
  const fault = fc.record({
    kind: fc.constantFrom('reset', 'corrupt', 'cut', 'pieces' as const),
    at: fc.integer({ min: 1, max: 30_000 }),
    batch: fc.integer({ min: 1, max: 400 }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(fault, { minLength: 1, maxLength: 4 }), async (faults) => {
      for (const { kind, at, batch } of faults) {
        await until(() => one.peers.isUp(2), 'up')
        const connections = proxy.connections
        if (kind === 'reset') proxy.resetAt = at
        if (kind === 'corrupt') proxy.corruptAt = at
        proxy.maxPiece = kind === 'pieces' ? (at % 300) + 20 : Infinity
        const isBroken = () => proxy.connections > connections || !one.peers.isUp(2)
        for (let turn = 0; turn < 50 && !isBroken(); turn++) {
          for (let n = 0; n < batch; n++) {
            if (one.peers.post(2, [20, next, `payload ${next}`])) next++
          }
          if (kind === 'cut' && turn === 2) proxy.cut()
          await new Promise((resolve) => setImmediate(resolve))
        }
      }
      proxy.resetAt = Infinity
      proxy.corruptAt = -1
      const last = next
      await until(() => {
        if (one.peers.post(2, [20, next, `payload ${next}`])) next++
        return (two.got.at(-1)?.message[1] as number) >= last
      }, 'messages after the faults')
    }),
    { numRuns: 12, endOnFailure: true, interruptAfterTimeLimit: 6_000 },
  )
  let before = -1
  for (const { message } of two.got) {
    const number = message[1] as number
    expect(message[2]).toBe(`payload ${number}`)
    if (number <= before) expect.fail(`${number} came after ${before}`)
    before = number
  }
  expect(two.got.length).toBeGreaterThan(100)
  expect(proxy.connections).toBeGreaterThan(1)
  for (const each of [one, two, proxy]) each.close()
})
