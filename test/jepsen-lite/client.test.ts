import { afterEach, beforeEach, expect, test } from 'vitest'
import { outcomeOf } from '../../jepsen-lite/client/call-outcome.ts'
import { ChatClient, stored } from '../../jepsen-lite/client/chat-client.ts'
import { messageBody, readBody } from '../../jepsen-lite/client/message-body.ts'
import type { MessageBody } from '../../jepsen-lite/client/message-body.ts'
import { parseServerMessage } from '../../jepsen-lite/client/server-message.ts'
import { ToyServer } from './toy-server.ts'

test.for([
  [{ kind: 'not-sent' }, 'fail'],
  [{ kind: 'timeout' }, 'info'],
  [{ kind: 'closed' }, 'info'],
  ...[200, 201, 202, 204, 208, 300, 304].map((code) => [{ kind: 'answered', code }, 'ok'] as const),
  ...[400, 401, 403, 404, 405, 406, 409, 413, 422, 429, 486].map(
    (code) => [{ kind: 'answered', code }, 'fail'] as const,
  ),
  ...[418, 499, 500, 501, 502, 503, 504, 505, 0, 100].map(
    (code) => [{ kind: 'answered', code }, 'info'] as const,
  ),
] as const)('outcome of %j is %s', ([end, outcome]) => {
  expect(outcomeOf(end)).toBe(outcome)
})

test.for([
  ['{"ctrl":{"code":200,"text":"ok"}}', true],
  ['{"data":{"topic":"t","seq":1}}', true],
  ['{', false],
  ['[]', false],
  ['{}', false],
  ['{"ctrl":{"code":"200"}}', false],
  ['{"data":{"topic":"t"}}', false],
  ['{"ctrl":{"code":200},"data":{"topic":"t","seq":1}}', false],
] as const)('%s is a message: %s', ([text, good]) => {
  expect(parseServerMessage(text) !== undefined).toBe(good)
})

const cut = (body: MessageBody, at: number): string => body.pad?.slice(0, at) ?? ''
test.for([
  ['whole', (body: MessageBody) => body.pad, false],
  ['without its end', (body: MessageBody) => cut(body, 110_000), true],
  ['without its large part', () => undefined, true],
  ['with a part twice', (body: MessageBody) => cut(body, 65_536) + (body.pad ?? ''), true],
  [
    'with its parts in another order',
    (body: MessageBody) => `${body.pad?.slice(70_000)}${cut(body, 70_000)}`,
    true,
  ],
  ['of another message', () => messageBody('w.2', 130_000).pad, true],
  [
    'with a character of two bytes cut',
    (body: MessageBody) => body.pad?.replace('ü', '\uFFFD'),
    true,
  ],
] as const)('a large body %s', ([, spoil, damaged]) => {
  const body = messageBody('w.1', 130_000)
  const bytes = Buffer.byteLength(body.pad ?? '')
  expect(bytes === 130_000 || bytes === 129_999).toBe(true)
  const content = JSON.parse(JSON.stringify({ ...body, pad: spoil(body) }))
  expect(readBody({ topic: 't', seq: 3, content })).toEqual({ id: 'w.1', damaged })
})

test('a body proves its id', () => {
  const body = messageBody('w.1', 10)
  expect(readBody({ topic: 't', seq: 3, content: body })).toEqual({ id: 'w.1', damaged: false })
  expect(readBody({ topic: 't', seq: 3, content: { ...body, id: 'w.2' } })).toEqual({
    id: 'w.2',
    damaged: true,
  })
  expect(readBody({ topic: 't', seq: 3, content: null })).toEqual({
    id: 'foreign-3',
    damaged: true,
  })
})

let toy: ToyServer
let client: ChatClient

beforeEach(async () => {
  toy = await ToyServer.start()
  const opened = await ChatClient.open(toy.address, 300)
  if (!opened) throw new Error('the toy did not answer')
  client = opened
})

afterEach(() => {
  client.close()
  client.close()
  toy.stop()
})

async function group(): Promise<string> {
  return (await client.createGroup('1')).topic ?? '?'
}

test('account, login, group, publish, history', async () => {
  const anna = { login: 'anna', password: 'secret' }
  expect((await client.login(anna)).outcome).toBe('fail')
  expect((await client.createAccount(anna)).outcome).toBe('ok')
  expect((await client.login(anna)).params['user']).toBe('usrOld')
  const topic = await group()
  expect(topic).toBe('grp1')
  const sent = await client.publish(topic, messageBody('w.1'))
  expect(sent).toMatchObject({ outcome: 'ok', code: 202, params: { seq: 1 } })
  expect((await client.history(topic)).messages).toEqual([{ seq: 1, id: 'w.1', damaged: false }])
  expect((await client.history('grpNone')).messages).toEqual([])
})

test('a history of many pages is whole and ascending', async () => {
  const topic = await group()
  for (let i = 1; i <= 250; i++) toy.store(topic, messageBody(`w.${i}`))
  const { outcome, messages } = await client.history(topic, { since: 7 })
  expect(outcome).toBe('ok')
  expect(messages.map((message) => message.seq)).toEqual(
    Array.from({ length: 244 }, (_, i) => i + 7),
  )
})

test('a register in the description', async () => {
  await client.describe('me', { private: { k: 7 } })
  const read = await client.description('me')
  expect([read.outcome, read.desc]).toEqual(['ok', { private: { k: 7 } }])
})

test.for([
  [503, 'info'],
  [403, 'fail'],
  [304, 'ok'],
] as const)('a publish answered with %i is %s', async ([code, outcome]) => {
  toy.refuse.set('pub', code)
  expect(await client.publish('grp1', 'x')).toMatchObject({ outcome, code })
})

test('no answer, a lost connection and no connection', async () => {
  toy.mute.add('pub')
  expect(await client.publish('grp1', 'x')).toMatchObject({ outcome: 'info', error: 'timeout' })
  const open = client.publish('grp1', 'x')
  toy.dropAll()
  expect((await open).outcome).toBe('info')
  expect(await client.publish('grp1', 'x')).toMatchObject({
    outcome: 'fail',
    error: 'not connected',
  })
  const { address } = toy
  toy.stop()
  expect(await ChatClient.open(address, 100)).toBeUndefined()
})

test('a node that answers the handshake but not hi lets nobody in', async () => {
  toy.mute.add('hi')
  expect(await ChatClient.open(toy.address, 100)).toBeUndefined()
})

test('live messages are passed on as they come, also when they are wrong', async () => {
  const topic = await group()
  const seen: string[] = []
  client.listen(topic, (frame) => seen.push(`${frame.seq} ${stored(frame).damaged}`))
  toy.store(topic, messageBody('w.1'))
  toy.store(topic, 'nonsense')
  await client.description(topic)
  expect(seen).toEqual(['1 false', '2 true'])
})
