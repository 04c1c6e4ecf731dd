import { expect, test } from 'vitest'
import { grpTopic, p2pName } from '../../src/ids/topic-name.ts'
import type { TopicName } from '../../src/ids/topic-name.ts'
import type { UserId } from '../../src/ids/user-id.ts'
import { userIdFromBigInt } from '../../src/ids/user-id.ts'
import { Client, World, account } from '../topic/world.ts'

/**
 * What a session may rely on, wherever the topic's owner is: the same suite runs with all owners on
 * the session's own node, on another node, and with sessions spread over all.
 */
export interface TopicConformance {
  readonly nodes: number
  readonly owner: number
  /** Node of the i-th client. */
  place(i: number): number
}

export const group: TopicName = grpTopic(77, 88)

export class Scene {
  readonly world: World
  readonly clients: readonly Client[]

  private constructor(world: World, clients: readonly Client[]) {
    this.world = world
    this.clients = clients
  }

  /** n users, each with a session; the first has made the group, all are attached to it. */
  static async make(it: TopicConformance, count: number): Promise<Scene> {
    const world = await new World(it.nodes).start(it.owner)
    const clients: Client[] = []
    for (let i = 0; i < count; i++) {
      const uid = userIdFromBigInt(BigInt(1_000 + i * 7))
      const client = new Client(world, it.place(i), uid, `s${i}`)
      await account(world, it.place(i), uid, `user${i}`)
      clients.push(client)
    }
    const made = await clients[0]!.sub(
      group,
      { create: 'grp', desc: { public: { fn: 'Team' } } },
      'new1',
    )
    expect(made).toMatchObject({ code: 200, topic: group, params: { acs: { mode: 'JRWPASDO' } } })
    for (const client of clients.slice(1)) {
      expect(await client.sub(group)).toMatchObject({ code: 200, topic: group })
    }
    return new Scene(world, clients)
  }

  client(i: number): Client {
    return this.clients[i]!
  }

  get uids(): UserId[] {
    return this.clients.map((c) => c.uid)
  }
}

export function topicConformance(name: string, it: TopicConformance): void {
  test(`${name}: everybody gets every message once, in order, and the publisher his ack first`, async () => {
    const scene = await Scene.make(it, 3)
    const acks = ['a', 'b', 'c'].map((text) => scene.client(0).publish(group, text))
    await scene.world.settle()
    expect(acks.map((id) => scene.client(0).answer(id))).toMatchObject([
      { code: 202, topic: group, params: { seq: 1 } },
      { code: 202, params: { seq: 2 } },
      { code: 202, params: { seq: 3 } },
    ])
    for (const i of [1, 2]) {
      expect(scene.client(i).data(group)).toEqual([
        [1, 'a'],
        [2, 'b'],
        [3, 'c'],
      ])
    }
    expect(scene.client(0).data(group)).toEqual([])
  })

  test(`${name}: no echo to the publishing session, but to the user's other ones`, async () => {
    const scene = await Scene.make(it, 2)
    const second = new Client(scene.world, it.place(1), scene.client(0).uid, 'second')
    await second.sub(group)
    scene.client(0).publish(group, 'x')
    scene.client(0).publish(group, 'y', false)
    await scene.world.settle()
    expect(second.data(group)).toHaveLength(2)
    expect(scene.client(0).data(group)).toEqual([[2, 'y']])
  })

  test(`${name}: history in pages, newest first, with its end`, async () => {
    const scene = await Scene.make(it, 2)
    for (let i = 1; i <= 7; i++) scene.client(0).publish(group, `m${i}`)
    await scene.world.settle()
    const late = new Client(scene.world, it.place(1), scene.client(1).uid, 'late')
    await late.sub(group, { get: { what: ['data'], data: { limit: 3 } } })
    await scene.world.settle()
    expect(late.data(group)).toEqual([
      [7, 'm7'],
      [6, 'm6'],
      [5, 'm5'],
    ])
    const end = late.got.findIndex((m) => m.ctrl?.code === 208)
    expect(late.got[end].ctrl).toMatchObject({ topic: group, params: { what: 'data', count: 3 } })
    expect(late.got.findIndex((m) => m.ctrl?.code === 200)).toBe(0)
    expect(end).toBe(late.got.length - 1)
  })

  test(`${name}: publishing without being attached is refused`, async () => {
    const scene = await Scene.make(it, 2)
    const stranger = new Client(scene.world, it.place(1), scene.client(1).uid, 'unattached')
    const id = stranger.publish(group, 'x')
    await scene.world.settle()
    expect(stranger.answer(id)).toMatchObject({ code: 409, text: 'must attach first' })
  })

  test(`${name}: leaving ends the stream; leaving again says so`, async () => {
    const scene = await Scene.make(it, 2)
    expect(await scene.client(1).ask(group, { kind: 'leave', unsub: false })).toMatchObject({
      code: 200,
    })
    scene.client(0).publish(group, 'x')
    await scene.world.settle()
    expect(scene.client(1).data(group)).toEqual([])
    expect(await scene.client(1).ask(group, { kind: 'leave', unsub: false })).toMatchObject({
      code: 304,
    })
  })

  test(`${name}: a p2p chat has another name for each side`, async () => {
    const scene = await Scene.make(it, 2)
    const [a, b] = [scene.client(0), scene.client(1)]
    const chat = p2pName(a.uid, b.uid)
    expect(await a.sub(chat)).toMatchObject({ code: 200, topic: b.uid })
    expect(await b.sub(chat)).toMatchObject({ code: 200, topic: a.uid })
    a.publish(chat, 'hello')
    await scene.world.settle()
    expect(b.got.at(-1).data).toMatchObject({ topic: a.uid, from: a.uid, seq: 1, content: 'hello' })
  })

  test(`${name}: members on me, not attached, are told of news`, async () => {
    const scene = await Scene.make(it, 2)
    const elsewhere = new Client(scene.world, it.place(1), scene.client(1).uid, 'on-me')
    await elsewhere.me()
    await scene.world.settle()
    scene.client(0).publish(group, 'x')
    await scene.world.settle()
    expect(elsewhere.pres('msg')).toMatchObject([
      { topic: 'me', src: group, seq: 1, act: scene.client(0).uid },
    ])
    expect(scene.client(1).pres('msg')).toEqual([])
  })

  test(`${name}: contacts see each other come and go, after the grace`, async () => {
    const scene = await Scene.make(it, 2)
    const [a, b] = [scene.client(0), scene.client(1)]
    const chat = p2pName(a.uid, b.uid)
    await a.sub(chat)
    await a.me()
    await scene.world.settle()
    expect(a.pres('on').filter((p) => p.topic === 'me' && p.src === b.uid)).toEqual([])
    await b.me()
    await scene.world.settle()
    expect(a.pres('on').filter((p) => p.topic === 'me' && p.src === b.uid)).toHaveLength(1)
    b.gone()
    await scene.world.settle(500)
    expect(a.pres('off').filter((p) => p.topic === 'me')).toEqual([])
    await scene.world.settle(1_000)
    expect(a.pres('off').filter((p) => p.topic === 'me' && p.src === b.uid)).toHaveLength(1)
  })

  test(`${name}: read marks and typing reach the others`, async () => {
    const scene = await Scene.make(it, 2)
    scene.client(0).publish(group, 'x')
    await scene.world.settle()
    scene.client(1).send(group, { kind: 'note', what: 'kp', seq: 0 })
    scene.client(1).send(group, { kind: 'note', what: 'read', seq: 1 })
    await scene.world.settle()
    const infos = scene
      .client(0)
      .got.filter((m) => m.info)
      .map((m) => m.info)
    expect(infos).toMatchObject([
      { topic: group, from: scene.client(1).uid, what: 'kp' },
      { topic: group, from: scene.client(1).uid, what: 'read', seq: 1 },
    ])
  })

  test(`${name}: the me list has each topic with its numbers and the peer's face`, async () => {
    const scene = await Scene.make(it, 2)
    const [a, b] = [scene.client(0), scene.client(1)]
    await a.sub(p2pName(a.uid, b.uid))
    b.publish(group, 'x')
    await scene.world.settle()
    const me = new Client(scene.world, it.place(0), a.uid, 'list')
    await me.me()
    const meta = await me.ask(a.uid as string as TopicName, {
      kind: 'get',
      query: { what: ['sub'] },
    })
    const rows = Object.fromEntries(meta.sub.map((row: any) => [row.topic, row]))
    expect(rows[group]).toMatchObject({ seq: 1, public: { fn: 'Team' }, acs: { mode: 'JRWPASDO' } })
    expect(rows[b.uid]).toMatchObject({ public: { fn: 'user1' } })
  })
}
