import { describe, expect, test } from 'vitest'
import type { Command } from '../../src/chat/command.ts'
import { meTopic } from '../../src/ids/topic-name.ts'
import { group, Scene } from '../conformance/topic.ts'
import { account, Client } from './world.ts'

/** The owner of all is node 1; the one who asks is on node 3, everybody else on node 2. */
const spread = { nodes: 3, owner: 1, place: (i: number) => (i === 0 ? 3 : 2) }

/** It is done, its answer is lost, and the owner dies; meanwhile others may do something. */
async function lostAnswer(
  scene: Scene,
  from: Client,
  topic: typeof group,
  command: Command,
  meanwhile: () => Promise<unknown> = () => Promise.resolve(),
): Promise<{ code: number; params?: { error?: string } }> {
  const { world } = scene
  world.cut.add('1 3')
  const id = from.send(topic, command)
  await world.settle(100)
  await meanwhile()
  world.kill(1)
  for (const line of world.groups.slice(1)) line.elect(2)
  await world.settle(5_000)
  return from.answer(id)
}

const unknown = { code: 504, params: { error: 'no-answer' } }
const kicked = (c: Client): Command => ({ kind: 'del', what: 'sub', user: c.uid, hard: false })

describe('an answer is lost with the owner', () => {
  test.each<[string, (self: Client) => Command]>([
    ['{del user}', ({ uid: user }) => ({ kind: 'del', what: 'user', user, hard: true })],
    ['{set desc} on me', () => ({ kind: 'set', desc: { public: { fn: 'New' } } })],
  ])('%s: not known, and never refused', async (_what, make) => {
    const scene = await Scene.make(spread, 2)
    const a = scene.client(0)
    await a.me()
    const command = make(a)
    expect(await lostAnswer(scene, a, meTopic(a.uid), command)).toMatchObject(unknown)
  })

  test.each<[string, (other: Client) => Command]>([
    ['{del topic}', () => ({ kind: 'del', what: 'topic', hard: true })],
    ['{del sub}', kicked],
    ['{set desc}', () => ({ kind: 'set', desc: { public: { fn: 'New' } } })],
    ['{set sub}', ({ uid }) => ({ kind: 'set', sub: { user: uid, mode: 'JRP' } })],
    ['{set tags}', () => ({ kind: 'set', tags: ['one', 'two'] })],
  ])('%s: not known, and never refused', async (_what, make) => {
    const scene = await Scene.make(spread, 2)
    const [a, b] = [scene.client(0), scene.client(1)]
    expect(await lostAnswer(scene, a, group, make(b))).toMatchObject(unknown)
  })

  test('{leave unsub}: not known, and never refused', async () => {
    const scene = await Scene.make({ ...spread, place: (i) => (i === 1 ? 3 : 2) }, 2)
    const b = scene.client(1)
    expect(await lostAnswer(scene, b, group, { kind: 'leave', unsub: true })).toMatchObject(unknown)
  })

  test('{sub} of a member: he is let in by the next owner', async () => {
    const scene = await Scene.make(spread, 2)
    const other = scene.client(0).beside('s9')
    expect(await lostAnswer(scene, other, group, { kind: 'sub' })).toMatchObject({ code: 200 })
  })

  test.each<[string, boolean, number]>([
    ['joins: he is in by the first try', false, 200],
    ['joins, and is taken out before the next: he stays out', true, 504],
  ])('{sub} that %s', async (_what, isTakenOut, code) => {
    const scene = await Scene.make({ ...spread, place: () => 2 }, 1)
    const { world } = scene
    const owner = scene.client(0)
    const uid = 'usrFYHpffQQIhE' as typeof owner.uid
    await account(world, 2, uid, 'newcomer')
    const c = new Client(world, 3, uid, 's5')
    const meanwhile = async (): Promise<void> => {
      if (isTakenOut) expect(await owner.ask(group, kicked(c))).toMatchObject({ code: 200 })
    }
    expect(await lostAnswer(scene, c, group, { kind: 'sub' }, meanwhile)).toMatchObject({ code })
    world.cut.clear()
    const rows = await owner.ask(group, { kind: 'get', query: { what: ['sub'] } })
    const users = (rows.sub as { user: string }[]).map(({ user }) => user)
    expect(users.includes(uid)).toBe(!isTakenOut)
  })

  test('what others wrote since is not written over by a second try', async () => {
    const scene = await Scene.make(spread, 1)
    const { world } = scene
    const a = scene.client(0)
    const other = new Client(world, 2, a.uid, 's9')
    await other.sub(group)
    const named = (fn: string): Command => ({ kind: 'set', desc: { public: { fn } } })
    const meanwhile = async (): Promise<void> => {
      expect(await other.ask(group, named('second'))).toMatchObject({ code: 200 })
    }
    expect(await lostAnswer(scene, a, group, named('first'), meanwhile)).toMatchObject(unknown)
    const { desc } = await other.ask(group, { kind: 'get', query: { what: ['desc'] } })
    expect(desc.public).toEqual({ fn: 'second' })
  })
})
