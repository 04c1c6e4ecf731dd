import { createRequire } from 'node:module'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { eventually, group, stockKey, TestEdge } from './edge-fixture.ts'

/** The published JavaScript client, unmodified, on our edge: the part of a session that needs no chat rules. */
const { Tinode } = createRequire(import.meta.url)('tinode-sdk') as { Tinode: any }

let edge: TestEdge
beforeAll(async () => {
  const request: any = {}
  const indexedDB = {
    deleteDatabase: () => (setTimeout(() => request.onsuccess?.({}), 0), request),
  }
  Tinode.setNetworkProviders(WebSocket, class {})
  Tinode.setDatabaseProvider(indexedDB)
  edge = await TestEdge.open()
})
afterAll(() => edge[Symbol.asyncDispose]())

function stockClient(): any {
  const host = `127.0.0.1:${edge.port}`
  const client = new Tinode({
    appName: 'test',
    host,
    apiKey: stockKey,
    transport: 'ws',
    secure: false,
    persist: false,
  })
  client.enableLogging(false)
  return client
}

test('connects, signs up, logs in by token on a second connection', async () => {
  const client = stockClient()
  await client.connect()
  await eventually(() => client.getServerInfo() !== null && client.getServerInfo() !== undefined)
  expect(client.getServerInfo()).toMatchObject({ ver: '0.25', maxMessageSize: 131072 })
  const login = await client.createAccountBasic('sdk_user', 'secret12', { public: { fn: 'SDK' } })
  expect(login).toMatchObject({ code: 200, params: { authlvl: 'auth' } })
  expect(client.isAuthenticated()).toBe(true)
  const { token, expires } = client.getAuthToken()
  expect(expires).toBeInstanceOf(Date)
  client.disconnect()
  const second = stockClient()
  await second.connect()
  expect((await second.loginToken(token)).params.user).toBe(login.params.user)
  await second.hello() // repeats the whole hi on the logged-in session
  second.disconnect()
})

test('is refused as it expects: a wrong password is final, a broken cluster is not', async () => {
  const client = stockClient()
  await client.connect()
  await edge.user('sdk_other')
  await expect(client.loginBasic('sdk_other', 'wrong')).rejects.toMatchObject({ code: 401 })
  edge.topics.isDown = true
  await expect(client.loginBasic('sdk_other', 'secret12')).rejects.toMatchObject({ code: 503 })
  edge.topics.isDown = false
  await expect(client.loginBasic('sdk_other', 'secret12')).resolves.toMatchObject({ code: 200 })
  client.disconnect()
})

test('attaches, publishes, hears, notes, and leaves', async () => {
  const [ann, ben] = [stockClient(), stockClient()]
  for (const [client, login] of [
    [ann, 'sdk_ann'],
    [ben, 'sdk_ben'],
  ]) {
    await client.connect()
    await edge.user(login)
    await client.loginBasic(login, 'secret12')
  }
  const heard: any[] = []
  const infos: any[] = []
  const topics = [ann, ben].map((client) => client.getTopic(group(4)))
  topics[1].onData = (data: any) => data && heard.push(data.content)
  topics[1].onInfo = (info: any) => infos.push(info.what)
  for (const topic of topics) await topic.subscribe()
  expect(topics[0].isSubscribed()).toBe(true)
  const ctrl = await topics[0].publish('hello', true)
  expect(ctrl).toMatchObject({ code: 202, params: { seq: 1 } })
  await topics[0].publish({ txt: 'drafty' }, true)
  topics[0].noteKeyPress()
  await eventually(() => heard.length === 2 && infos.includes('kp'))
  expect(heard).toEqual(['hello', { txt: 'drafty' }])
  expect((await topics[0].leave()).code).toBe(200)
  for (const client of [ann, ben]) client.disconnect()
})

test('the probe on a live socket, and a drain that it survives', async () => {
  const client = stockClient()
  let disconnects = 0
  client.onDisconnect = () => disconnects++
  await client.connect()
  await client.connect() // on a live socket this is the text `1`
  await edge.edge.drain(10)
  await eventually(() => disconnects > 0)
  expect(client.isConnected()).toBeFalsy()
  client.disconnect()
})
