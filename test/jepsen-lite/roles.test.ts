import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { AdminView } from '../../jepsen-lite/world/admin-view.ts'
import { locateBy, rolesOf } from '../../jepsen-lite/world/roles.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

const members = ['a', 'b', 'c'].map((name, i) => ({ index: i + 1, name }))

/** A node whose admin address answers with these bodies, by path; everything else is a 503. */
async function node(
  name: string,
  bodies: Record<string, object>,
): Promise<{ name: string; view: AdminView }> {
  const server = createServer((request, response) => {
    const body = bodies[request.url ?? '']
    response.statusCode = body ? 200 : 503
    response.end(JSON.stringify(body ?? {}))
  }).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { name, view: new AdminView(`127.0.0.1:${port}`, 1_000) }
}

function status(...groups: readonly object[]): Record<string, object> {
  const common = { commit: 1, applied: 1, voters: [1, 2, 3], learners: [], joint: false }
  return { '/v1/status': { members, groups: groups.map((group) => ({ ...common, ...group })) } }
}

test('who leads and votes where: the leader of the latest term is believed before all others', async () => {
  const roles = await rolesOf([
    await node(
      'a',
      status(
        { group: 0, role: 'leader', term: 4 },
        { group: 1, role: 'leader', term: 2, voters: [1, 2] },
        { group: 3, role: 'follower', term: 9, voters: [1, 2] },
      ),
    ),
    await node(
      'b',
      status(
        { group: 0, role: 'leader', term: 5 },
        { group: 1, role: 'candidate', term: 3 },
        { group: 2, role: 'leader', term: 7, joint: true },
        { group: 3, role: 'follower', term: 8 },
      ),
    ),
    await node('c', {}),
  ])
  expect(roles).toMatchObject({ metaLeader: 'b', metaTerm: 5 })
  expect([...roles.led]).toEqual([
    ['a', 1],
    ['b', 1],
    ['c', 0],
  ])
  expect(Object.fromEntries(roles.groups)).toEqual({
    meta: { term: 5, leader: 'b', voters: ['a', 'b', 'c'] },
    p1: { term: 2, leader: 'a', voters: ['a', 'b'] },
    // Two sets of voters decide together: nobody need know what that comes to.
    p2: { term: 7, leader: 'b', voters: [] },
    p3: { term: 9, leader: undefined, voters: ['a', 'b'] },
  })
})

test('any node tells where a topic lives', async () => {
  const dead = await node('a', {})
  const alive = await node('b', { '/v1/locate?topic=grp%2F1': { partition: 7 } })
  expect(await locateBy([dead, alive], 'grp/1')).toBe('p7')
  expect(await locateBy([dead], 'grp/1')).toBeUndefined()
})
