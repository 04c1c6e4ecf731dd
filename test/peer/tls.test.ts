import { afterEach, expect, test } from 'vitest'
import { others, ours } from './certificates.ts'
import { allUp, introduce, startNode, until, type TestNode } from './surroundings.ts'
import type { PeersOptions } from '../../src/peer/peers.ts'

const open: TestNode[] = []
afterEach(() => {
  for (const node of open.splice(0)) node.close()
})

async function pair(one: Partial<PeersOptions>, two: Partial<PeersOptions>): Promise<TestNode[]> {
  const nodes = [await startNode({ index: 1 }, one), await startNode({ index: 2 }, two)]
  open.push(...nodes)
  introduce(nodes)
  return nodes
}

test('with TLS messages and bulk streams pass as without', async () => {
  const got: string[] = []
  const handlers = {
    message: (_from: number, message: readonly unknown[]) => void got.push(String(message[1])),
    up: () => {},
    down: () => {},
    bulk: async (_from: number, _header: unknown, chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) got.push(chunk.toString())
    },
  }
  const nodes = await pair({ tls: ours }, { tls: ours, handlers })
  await until(() => nodes.every((node, n) => node.peers.isUp(2 - n)), 'both up')
  nodes[0]?.peers.post(2, [20, 'x'.repeat(300_000)])
  await until(() => got.length === 1, 'a message')
  expect(got.pop()?.length).toBe(300_000)
  const stream = nodes[0]?.peers.openBulk(2, null)
  await stream?.write(Buffer.from('chunk'))
  await stream?.end()
  expect(got).toEqual(['chunk'])
})

test.for([
  ['plain and TLS', {}, { tls: ours }],
  ['certificates of different authorities', { tls: others }, { tls: ours }],
  [
    'a certificate of another authority that trusts ours',
    { tls: { ...others, ca: ours.ca } },
    { tls: ours },
  ],
] as const)('%s: never up, and the node that is right says why', async ([, wrong, right]) => {
  const nodes = await pair(wrong, right)
  await until(() => (nodes[1]?.seen.values.get('peer_tls_refused_total') ?? 0) > 1, 'refusals')
  expect(nodes[1]?.seen.lines.join('\n')).toContain('refused a connection by TLS')
  expect(allUp(nodes)).toBe(false)
  expect(nodes.flatMap((node) => node.events)).toEqual([])
})
