import { describe, expect, test } from 'vitest'
import type { Command } from '../../src/chat/command.ts'
import { userIdFromBigInt } from '../../src/ids/user-id.ts'
import { topicKinds } from '../../src/topic/messages.ts'
import { J } from '../../src/chat/access-mode.ts'
import { proxyWorld, uid } from './proxy-world.ts'
import { group, Scene } from '../conformance/topic.ts'

/** The one who is taken out is alone on node 3: the owner and everybody else are on nodes 1 and 2. */
const apart = { nodes: 3, owner: 1, place: (i: number) => (i === 1 ? 3 : 2) }

const kicks: Record<string, (user: string) => Command> = {
  'taken out': (user) => ({ kind: 'del', what: 'sub', user, hard: false }) as Command,
  banned: (user) => ({ kind: 'set', sub: { user, mode: 'N' } }) as Command,
}

describe.each(Object.entries(kicks))('%s while', (_how, kick) => {
  test.each<[string, (scene: Scene) => void]>([
    ['he asks', ({ clients: [, b] }) => b!.send(group, { kind: 'get', query: { what: ['desc'] } })],
    [
      'he asks for history',
      ({ clients: [, b] }) => b!.send(group, { kind: 'get', query: { what: ['data'] } }),
    ],
    ['he changes something', ({ clients: [, b] }) => b!.send(group, { kind: 'set', tags: ['x1'] })],
    ['another session of his node goes', ({ clients: [, , c] }) => c!.gone()],
  ])('%s: he is told, and gets nothing more', async (_what, meanwhile) => {
    const scene = await Scene.make(apart, 2)
    const { world } = scene
    const [a, b] = [scene.client(0), scene.client(1)]
    const other = b.beside('s9')
    await other.sub(group)
    a.send(group, kick(b.uid))
    meanwhile({ clients: [a, b, other] } as unknown as Scene)
    await world.settle()
    a.publish(group, 'secret')
    await world.settle()
    expect(b.data(group)).toEqual([])
    expect(b.got.filter((m) => m.ctrl?.code === 205)).toHaveLength(1)
    expect(world.node(3).hub.isAttached(b.sid, group)).toBe(false)
  })
})

test('a watcher whom the owner does not take in does not hide the news of an eviction', async () => {
  const scene = await Scene.make(apart, 2)
  const { world } = scene
  const [a, b] = [scene.client(0), scene.client(1)]
  a.send(group, kicks['banned']!(b.uid))
  const stranger = userIdFromBigInt(9_999n)
  world.post(3, 1, [topicKinds.watch, 999, group, stranger, ''])
  await world.settle()
  expect(world.node(3).hub.isAttached(b.sid, group)).toBe(false)
})

test('topics that nobody could enter are not kept at their owner', async () => {
  const scene = await Scene.make(apart, 2)
  const { world } = scene
  await world.settle(1_500)
  const before = world.node(1).hub.desk.topicCount
  for (let i = 0; i < 20; i++) {
    const name = `grpAbcDefGhi${String.fromCharCode(65 + i)}k` as never
    expect(await scene.client(1).sub(name)).toMatchObject({ code: 404 })
  }
  await world.settle(1_500)
  expect(world.node(1).hub.desk.topicCount).toBe(before)
})

test('an edge that tells of one who was taken out meanwhile does not bring him back', async () => {
  const scene = await Scene.make(apart, 2)
  const { world } = scene
  const [a, b] = [scene.client(0), scene.client(1)]
  world.cut.add('1 3')
  expect(await a.ask(group, kicks['banned']!(b.uid))).toMatchObject({ code: 200 })
  await world.settle()
  world.cut.clear()
  world.node(3).hub.nodeDown(1)
  world.node(3).hub.nodeUp(1)
  await world.settle(2_000)
  expect(world.node(3).hub.isAttached(b.sid, group)).toBe(false)
  expect(b.got.filter((m) => m.ctrl?.code === 205)).toHaveLength(1)
  expect(world.node(1).hub.desk.online(group, b.uid)).toBe(false)
})

test('who is told that he is out is out, also when he was taken out and invited again unheard', async () => {
  const scene = await Scene.make(apart, 2)
  const { world } = scene
  const [a, b] = [scene.client(0), scene.client(1)]
  const post = world.post.bind(world)
  world.post = (from, to, m) => m[0] === topicKinds.events || post(from, to, m) // none arrives
  expect(await a.ask(group, kicks['taken out']!(b.uid))).toMatchObject({ code: 200 })
  expect(await b.ask(group, { kind: 'leave', unsub: true })).toMatchObject({ code: 304 })
  expect(world.node(3).hub.isAttached(b.sid, group)).toBe(false)
  world.post = post
  const invited = await a.ask(group, { kind: 'set', sub: { user: b.uid, mode: 'JRWPS' } })
  expect(invited).toMatchObject({ code: 200 })
  a.publish(group, 'not for this session')
  await world.settle()
  expect(b.data(group)).toEqual([])
})

test('who was let in again behind his eviction stays, also where both waited for the proxy', () => {
  const { proxy, session, got } = proxyWorld()
  const early = session('s1')
  proxy.enter(early, J, J, 0)
  proxy.attaching()
  proxy.events(1, [{ kind: 'evict', uid, unsub: true }])
  const late = session('s2')
  proxy.enter(late, J, J, 0)
  proxy.attached(1, 0, [])
  expect([...proxy.sessions.keys()]).toEqual(['s2'])
  expect(got.map((m) => m.ctrl?.code)).toEqual([205])
  proxy.attaching()
  proxy.events(1, [{ kind: 'closed' }])
  proxy.enter(session('s3'), J, J, 0)
  proxy.attached(1, 0, [])
  expect([...proxy.sessions.keys()]).toEqual(['s3'])
  proxy.events(1, [{ kind: 'evict', uid, unsub: true }])
  expect(proxy.sessions.size).toBe(0)
})
