import { expect, test } from 'vitest'
import { LinkProxy } from '../../jepsen-lite/proxy/link-proxy.ts'
import { Prng } from '../../jepsen-lite/prng.ts'
import { introduce, quickSettings, startNode, until } from '../peer/surroundings.ts'

/**
 * One node posts numbers without end to another, over connections that break for it alone: what was
 * on its way comes over the old one, before and after the new one is known. The receiver must take
 * no number after a larger one.
 */
test('what a broken link still had in flight is never taken behind what a newer one brought', async () => {
  const settings = { ...quickSettings, deadAfterMs: 2_000 }
  const one = await startNode({ index: 1 }, { settings })
  const two = await startNode({ index: 2 }, { settings })
  const proxy = await LinkProxy.listen({
    targetHost: '127.0.0.1',
    targetPort: two.peers.port,
    random: new Prng(7),
  })
  introduce([one, two], (from) => (from === 1 ? proxy.port : undefined))
  let next = 0
  const { stats } = proxy
  const enough = (): boolean => stats.lateBytes > 0 && stats.lateRefused > 0 && stats.resets > 7
  proxy.setFault({ kind: 'late', probability: 0.05, gatherMs: 10 })
  await until(
    () => {
      if (one.peers.post(2, [20, next, `payload ${next}`])) next++
      return enough()
    },
    'bytes that came late, and some that could not',
    15_000,
  )
  proxy.heal()
  const last = next
  await until(() => {
    if (one.peers.post(2, [20, next, `payload ${next}`])) next++
    return (two.got.at(-1)?.message[1] as number) >= last
  }, 'messages after the faults')
  let before = -1
  for (const { message } of two.got) {
    const number = message[1] as number
    expect(message[2]).toBe(`payload ${number}`)
    if (number <= before) expect.fail(`${number} came after ${before}`)
    before = number
  }
  for (const each of [one, two, proxy]) await each.close()
})
