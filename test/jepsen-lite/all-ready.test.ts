import { expect, test } from 'vitest'
import { allReady } from '../../jepsen-lite/world/all-ready.ts'
import type { World } from '../../jepsen-lite/world/world.ts'

/** `ready` says what each look at a node finds; `looked` is told before it answers. */
function world(
  nodes: string[],
  ready: (node: string) => boolean,
  out: ReadonlySet<string> = new Set(),
): World {
  return { nodes, out, isReady: async (node: string) => ready(node) } as unknown as World
}

const soon = (): number => performance.now() + 5_000

test('all are waited for', async () => {
  const looks = new Map<string, number>()
  const some = world(['n1', 'n2'], (node) => {
    looks.set(node, (looks.get(node) ?? 0) + 1)
    return (looks.get(node) ?? 0) > 2
  })
  await allReady(some, soon())
  expect([...looks]).toEqual([
    ['n1', 3],
    ['n2', 3],
  ])
})

test('who is removed meanwhile, or out for good, is not', async () => {
  const began = performance.now()
  const nodes = ['n1', 'n2', 'n3']
  const out = new Set<string>()
  const look = (node: string): boolean => {
    if (node === 'n1') nodes.splice(0, 1)
    if (node === 'n3') out.add('n3')
    return node === 'n2'
  }
  await allReady(world(nodes, look, out), began + 60_000)
  expect(performance.now() - began).toBeLessThan(30_000)
  expect(nodes).toEqual(['n2', 'n3'])
})

test('nobody is waited for beyond the deadline', async () => {
  await allReady(
    world(['n1'], () => false),
    performance.now() + 250,
  )
})
