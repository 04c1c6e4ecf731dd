import { expect, test } from 'vitest'
import { p2pName } from '../../src/ids/topic-name.ts'
import { Presence } from '../../src/topic/presence.ts'
import { userIdFromBigInt } from '../../src/ids/user-id.ts'
import { group, Scene } from '../conformance/topic.ts'
import { Client } from './world.ts'

/** Sessions of an edge that is gone, came back with fewer, or was started anew: none lives on as a ghost. */
const spread = { nodes: 3, owner: 1, place: (i: number) => (i % 2) + 2 }

/** The link between owner and edge breaks, as both ends see it. */
function breakLink(world: Scene['world'], a: number, b: number): void {
  world.node(a).hub.nodeDown(b)
  world.node(b).hub.nodeDown(a)
}
function mendLink(world: Scene['world'], a: number, b: number): void {
  world.node(a).hub.nodeUp(b)
  world.node(b).hub.nodeUp(a)
}

/** a and b chat, both on `me`, on nodes 2 and 3. */
async function pair() {
  const { world, clients } = await Scene.make(spread, 2)
  const [a, b] = [clients[0]!, clients[1]!]
  const chat = p2pName(a.uid, b.uid)
  await a.sub(chat)
  await b.sub(chat)
  await a.me()
  await b.me()
  await world.settle()
  const forget = () => {
    a.got.length = b.got.length = 0
  }
  forget()
  const told = (what: string) => a.pres(what).map((pres) => pres.src as string)
  return { world, a, b, chat, told, forget }
}

test('an edge dies: after the grace its users are off, in their chats and their groups', async () => {
  const { world, b, told } = await pair()
  world.kill(3)
  await world.settle(800)
  expect(told('off')).toEqual([])
  await world.settle(500)
  expect(told('off').toSorted()).toEqual([b.uid, b.uid]) // as a contact, and as a member of the group
})

test('an edge is started anew within the grace: its sessions of before still end', async () => {
  const { world, b, told } = await pair()
  // The node forgets everything, as a new process does, and its link is back at once.
  world.cut.add('3 1')
  world.node(3).hub.forget(b.sid)
  breakLink(world, 1, 3)
  await world.settle(100)
  world.cut.clear()
  mendLink(world, 1, 3)
  await world.settle(600)
  expect(told('off')).toEqual([])
  await world.settle(800)
  expect(told('off').toSorted()).toEqual([b.uid, b.uid])
})

test('a link breaks and mends within the grace: nobody is off, nobody on again', async () => {
  const { world, told } = await pair()
  breakLink(world, 1, 3)
  await world.settle(300)
  mendLink(world, 1, 3)
  await world.settle(3_000)
  expect([told('off'), told('on')]).toEqual([[], []])
})

test('who leaves while the link is broken is off after the grace, though the edge comes back', async () => {
  const { world, a, b, told } = await pair()
  const stays = new Client(world, 3, a.uid, 'stays')
  await stays.sub(group)
  breakLink(world, 1, 3)
  await world.settle(100)
  b.gone()
  await world.settle(100)
  mendLink(world, 1, 3)
  await world.settle(600)
  expect(told('off')).toEqual([])
  await world.settle(1_000)
  expect(told('off').toSorted()).toEqual([b.uid, b.uid])
  a.publish(group, 'x')
  await world.settle()
  expect(stays.data(group)).toEqual([[1, 'x']])
})

test('the owner says again that it leads: who is not told of again is off after the grace', async () => {
  const { world, b, told } = await pair()
  world.cut.add('3 1') // that b left is lost on the way
  b.gone()
  await world.settle(50)
  world.cut.clear()
  const other = new Client(world, 3, b.uid, 'other')
  await other.sub(group)
  const { leads } = world.node(1).hub.desk
  world.node(3).hub.receive(1, [37, leads])
  await world.settle(300)
  other.gone()
  await world.settle(2_500)
  expect(told('off')).toContain(b.uid)
})

test('a new owner is told by the edges who is there: still on, and off when they go', async () => {
  const { world, b, told } = await pair()
  for (const line of world.groups.slice(1)) line.elect(2)
  await world.settle(3_000)
  expect([told('off'), told('on')]).toEqual([[], []])
  b.gone()
  await world.settle(1_500)
  expect(told('off').toSorted()).toEqual([b.uid, b.uid])
})

test('a session let in while the owner is told who listens is told, too', async () => {
  const { world, clients } = await Scene.make(spread, 3)
  const [a, b] = [clients[0]!, clients[1]!]
  const late = new Client(world, 3, b.uid, 'late')
  await b.ask(group, { kind: 'leave', unsub: false })
  await world.settle(2_500)
  a.got.length = 0
  // Its request is on its way when the link breaks; the owner hears it again, and then who was there.
  world.cut.add('1 3')
  late.send(group, { kind: 'sub' })
  await world.settle(30)
  world.cut.clear()
  breakLink(world, 1, 3)
  mendLink(world, 1, 3)
  await world.settle(3_000)
  expect(world.node(3).hub.isAttached('late', group)).toBe(true)
  expect(world.node(1).hub.desk.online(group, b.uid)).toBe(true)
  expect(a.pres('off')).toEqual([])
})

const [u, v, w] = [1n, 2n, 3n].map((n) => userIdFromBigInt(n)) as [any, any, any]

test('presence counts a session once, whoever tells of it and how often', () => {
  const presence = new Presence()
  expect(presence.attach(1, 's1', u)).toBe(true)
  expect(presence.attach(1, 's1', u)).toBe(false)
  expect(presence.orphan(1)).toBe(true)
  expect([presence.attached(u), [...presence.nodes]]).toEqual([true, []])
  expect(presence.retell(1, [['s1', u, '']], [[v, '']])).toBe(false)
  expect(presence.retell(1, [['s2', v, '']], [])).toBe(true)
  expect(presence.expire(1)).toEqual({ attached: [u], watching: [v] })
  expect(presence.detach(1, 's2', v)).toBe(true)
  expect([presence.active, presence.watching(v)]).toEqual([false, false])
})

test('readers of a channel do not make it active, and are not told when they expire', () => {
  const presence = new Presence()
  presence.attach(1, 's1', u, true)
  expect(presence.active).toBe(false)
  presence.attach(1, 's2', v)
  presence.attach(2, 's3', w, true)
  presence.reads(w, false)
  expect(presence.active).toBe(true)
  presence.orphan(1)
  expect(presence.expire(1)).toEqual({ attached: [v], watching: [] })
  expect(presence.active).toBe(true)
  presence.evict(w)
  expect([presence.active, presence.attached(w)]).toEqual([false, false])
})
