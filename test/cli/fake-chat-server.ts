import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'
import type { WebSocket } from 'ws'

/** What a server might do wrong, for tests that a measurement notices. */
export interface Faults {
  /** Acknowledges every n-th message and forgets it. */
  forgetEvery?: number
  /** Stores every n-th message twice. */
  doubleEvery?: number
  /** Does not deliver every n-th message to the first subscriber. */
  deafEvery?: number
}

export interface FakeChat {
  readonly urls: readonly string[]
  close(): void
}

interface Topic {
  readonly stored: { seq: number; content: string }[]
  readonly readers: Set<WebSocket>
  published: number
  seq: number
}

/** Enough of the protocol (tinode-wire.md) for a measurement: one process behind `nodes` addresses, nothing durable. */
export async function fakeChat(nodes: number, faults: Faults = {}): Promise<FakeChat> {
  const topics = new Map<string, Topic>()
  const servers = await Promise.all(
    Array.from({ length: nodes }, async () => {
      const http = createServer()
      const server = new WebSocketServer({ server: http })
      server.on('connection', (socket) => {
        socket.on('message', (text: Buffer) => {
          const [[verb, message]] = Object.entries(JSON.parse(text.toString())) as [[string, any]]
          answer(topics, faults, socket, verb, message)
        })
        socket.on('close', () => {
          for (const { readers } of topics.values()) readers.delete(socket)
        })
      })
      await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
      return { http, server }
    }),
  )
  return {
    urls: servers.map(
      ({ http }) => `ws://127.0.0.1:${(http.address() as AddressInfo).port}/v0/channels`,
    ),
    close() {
      for (const { http, server } of servers) {
        for (const socket of server.clients) socket.terminate()
        server.close()
        http.close()
      }
    },
  }
}

function answer(
  topics: Map<string, Topic>,
  faults: Faults,
  socket: WebSocket,
  verb: string,
  message: any,
): void {
  const send = (value: object) => socket.send(JSON.stringify(value))
  const ctrl = (code: number, rest: object = {}) =>
    send({ ctrl: { id: message.id, code, text: '', ...rest } })
  switch (verb) {
    case 'acc':
    case 'login':
      return ctrl(200, { params: { user: 'usrX', token: 't' } })
    case 'sub': {
      const name: string = message.topic.startsWith('new') ? `grp${topics.size}` : message.topic
      if (!topics.has(name))
        topics.set(name, { stored: [], readers: new Set(), published: 0, seq: 0 })
      topics.get(name)!.readers.add(socket)
      return ctrl(200, { topic: name })
    }
    case 'pub':
      return ctrl(202, {
        params: { seq: publish(topics.get(message.topic)!, faults, socket, message) },
      })
    case 'get': {
      const { stored, seq } = topics.get(message.topic)!
      if (message.what === 'desc')
        return send({ meta: { id: message.id, topic: message.topic, desc: { seq } } })
      const { since, before } = message.data
      const page = stored.filter((each) => each.seq >= since && each.seq < before)
      for (const each of page.toReversed()) send({ data: { topic: message.topic, ...each } })
      return ctrl(200, { params: { count: page.length } })
    }
    default:
      return ctrl(201)
  }
}

function publish(topic: Topic, faults: Faults, from: WebSocket, message: any): number {
  const n = ++topic.published
  const hits = (every?: number) => every !== undefined && n % every === 0
  const seq = ++topic.seq
  if (!hits(faults.forgetEvery)) topic.stored.push({ seq, content: message.content })
  if (hits(faults.doubleEvery)) topic.stored.push({ seq: ++topic.seq, content: message.content })
  const frame = JSON.stringify({ data: { topic: message.topic, seq, content: message.content } })
  const [first] = topic.readers
  for (const reader of topic.readers) {
    if (reader === from || (reader === first && hits(faults.deafEvery))) continue
    reader.send(frame)
  }
  return seq
}
