import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ChatClient, endOfTopic } from '../../jepsen-lite/client/chat-client.ts'
import { messageBody } from '../../jepsen-lite/client/message-body.ts'
import { attachByPages, attachFrom } from '../../jepsen-lite/client/subscription.ts'
import { ToyServer } from './toy-server.ts'

let toy: ToyServer
let client: ChatClient
const topic = 'grp1'

beforeEach(async () => {
  toy = await ToyServer.start()
  client = await open()
})

afterEach(() => {
  client.close()
  toy.stop()
})

async function open(): Promise<ChatClient> {
  const opened = await ChatClient.open(toy.address, 300)
  if (!opened) throw new Error('the toy did not answer')
  return opened
}

type Via = 'cursor' | 'pages'

async function attach(via: Via, cursor: number): Promise<number[]> {
  const seen: number[] = []
  const deliver = ({ seq }: { seq: number }): void => void seen.push(seq)
  const { outcome } =
    via === 'cursor'
      ? await attachFrom(client, topic, cursor, deliver)
      : await attachByPages(client, topic, cursor, { pager: open, deliver })
  expect(outcome).toBe('ok')
  return seen
}

function storeUpTo(end: number): void {
  for (let i = 1; i <= end; i++) toy.store(topic, messageBody(`w.${i}`))
}

/** Everything that was sent before has come. */
async function settled(): Promise<void> {
  await client.description(topic)
}

describe.for(['cursor', 'pages'] as const)('an attach by %s', (via) => {
  test('gives what was missed in order, then what is live, each once', async () => {
    storeUpTo(250)
    let extra = 250
    toy.beforePage = () => void (extra < 253 && toy.store(topic, messageBody(`w.${++extra}`)))
    const seen = await attach(via, 2)
    toy.store(topic, messageBody('w.last'))
    await settled()
    expect(seen).toEqual(Array.from({ length: extra - 1 }, (_, i) => i + 3))
  })

  test.for([
    ['twice', [6, 6, 7], [6, 6, 7]],
    ['out of order', [7, 6], [7, 6]],
    ['with a hole', [6, 8], [6, 8]],
    ['from far back', [2, 6], [2, 6]],
  ] as const)('passes on live messages that come %s', async ([, live, told]) => {
    storeUpTo(5)
    const seen = await attach(via, 0)
    for (const seq of live) toy.send(topic, seq)
    await settled()
    expect(seen).toEqual([1, 2, 3, 4, 5, ...told])
  })
})

test.for([
  ['behind the pages, late: they are told already', [4, 5, 6], [6]],
  ['behind the pages, late, one of them twice', [4, 5, 5, 6], [4, 5, 5, 6]],
  ['behind the pages, late, with a hole', [3, 5, 6], [3, 5, 6]],
  ['in wrong order', [5, 4, 6], [5, 4, 6]],
] as const)('between the frames of a page come live ones %s', async ([, live, told]) => {
  storeUpTo(5)
  toy.amidPage = () => {
    for (const seq of live) toy.send(topic, seq)
  }
  const seen = await attach('pages', 0)
  await settled()
  expect(seen).toEqual([1, 2, 3, 4, 5, ...told])
})

test('a page is told from the live frames between its own', async () => {
  const live: number[] = []
  client.listen(topic, ({ seq }) => live.push(seq))
  await client.subscribeFrom(topic, endOfTopic)
  // The page is read at the owner, and the live stream comes later than that.
  toy.isLate = true
  storeUpTo(4)
  toy.amidPage = () => [1, 2, 3, 4].forEach((seq) => toy.send(topic, seq))
  const { messages } = await client.page(topic, { since: 1, limit: 40 })
  expect([messages.map(({ seq }) => seq), live]).toEqual([
    [1, 2, 3, 4],
    [1, 2, 3, 4],
  ])
})
