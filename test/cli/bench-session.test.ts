import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { WebSocketServer } from 'ws'
import type { WebSocket } from 'ws'
import { BenchSession } from '../../src/cli/bench/bench-session.ts'

/** A server that answers as told: verb → code, and what else a request brings about. */
let answer: (verb: string, message: any, socket: WebSocket) => void
let server: WebSocketServer
let url: string
const seen: string[] = []

const ctrl = (socket: WebSocket, id: string, code: number, rest = {}) =>
  socket.send(JSON.stringify({ ctrl: { id, code, text: '', ...rest } }))

beforeEach(async () => {
  seen.length = 0
  answer = (verb, { id }, socket) =>
    ctrl(socket, id, 200, verb === 'pub' ? { params: { seq: 5 } } : {})
  const http = createServer()
  server = new WebSocketServer({ server: http })
  server.on('connection', (socket) =>
    socket.on('message', (text: Buffer) => {
      const [[verb, message]] = Object.entries(JSON.parse(text.toString())) as [[string, any]]
      seen.push(verb)
      answer(verb, message, socket)
    }),
  )
  server.on('close', () => http.close())
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}/v0/channels?apikey=k`
})
afterEach(() => {
  for (const socket of server.clients) socket.terminate()
  server.close()
})

test('publishes to a topic that it attaches to once', async () => {
  const session = await BenchSession.open(url)
  expect(await Promise.all([session.publish('grpA', 'x'), session.publish('grpA', 'y')])).toEqual([
    5, 5,
  ])
  expect(seen).toEqual(['hi', 'sub', 'pub', 'pub'])
  session.close()
})

test('large frames and many in one chunk arrive whole', async () => {
  const session = await BenchSession.open(url)
  const lengths: number[] = []
  session.onData = (frame) => lengths.push(JSON.parse(frame.toString()).data.content.length)
  answer = (_verb, { id }, socket) => {
    for (const length of [1, 125, 126, 70_000, 3, 65_536]) {
      socket.send(JSON.stringify({ data: { content: 'x'.repeat(length) } }))
    }
    ctrl(socket, id, 200)
  }
  await session.ask((id) => `{"get":{"id":"${id}"}}`)
  expect(lengths).toEqual([1, 125, 126, 70_000, 3, 65_536])
  session.destroy()
})

test.for([
  [403, '403'],
  [503, '503'],
] as const)('a refusal with %i rejects', async ([code, told]) => {
  const session = await BenchSession.open(url)
  answer = (_verb, { id }, socket) => ctrl(socket, id, code)
  await expect(session.attach('grpA')).rejects.toMatchObject({ code: told })
  expect(session.attached.size).toBe(0)
  session.destroy()
})

test('no answer in time rejects, and a late one is ignored', async () => {
  const session = await BenchSession.open(url)
  let late: (() => void) | undefined
  answer = (_verb, { id }, socket) => (late = () => ctrl(socket, id, 200))
  await expect(session.ask((id) => `{"get":{"id":"${id}"}}`, 10)).rejects.toMatchObject({
    code: 'no-answer',
  })
  late!()
  answer = (_verb, { id }, socket) => ctrl(socket, id, 200)
  expect((await session.ask((id) => `{"get":{"id":"${id}"}}`)).code).toBe(200)
  session.destroy()
})

test.for([
  ['a ctrl 205', { ctrl: { code: 205, topic: 'grpA' } }],
  ['a pres term', { pres: { topic: 'me', src: 'grpA', what: 'term' } }],
] as const)('%s ends the attachment; the next publish attaches anew', async ([_name, event]) => {
  const session = await BenchSession.open(url)
  await session.publish('grpA', 'x')
  for (const socket of server.clients) socket.send(JSON.stringify(event))
  await session.ask((id) => `{"get":{"id":"${id}"}}`)
  await session.publish('grpA', 'y')
  expect(seen).toEqual(['hi', 'sub', 'pub', 'get', 'sub', 'pub'])
  session.destroy()
})

test('a connection that ends rejects what waits and what comes', async () => {
  const session = await BenchSession.open(url)
  answer = (_verb, _message, socket) => socket.terminate()
  await expect(session.publish('grpA', 'x')).rejects.toMatchObject({ code: 'closed' })
  await expect(session.ask(() => '{}')).rejects.toMatchObject({ code: 'closed' })
  expect(session.closed).toBe(true)
})

test('a server that refuses the upgrade', async () => {
  server.shouldHandle = () => false
  await expect(BenchSession.open(url)).rejects.toThrow('400')
})
