import { describe, expect, test } from 'vitest'
import { NatsProtocol } from '../../bench/peers/nats/nats-protocol.ts'
import { isAtLeast210 } from '../../bench/peers/nats/nats-system.ts'

/** A conversation: what was sent, and what became of each request and delivery. */
class Talk {
  sent = ''
  readonly told: string[] = []
  readonly protocol = new NatsProtocol((text) => (this.sent += text))

  get inbox(): string {
    return /SUB (\S+)\.\* 0/.exec(this.sent)![1]!
  }

  tell(what: string, settling: Promise<unknown>): void {
    settling.then(
      (value) => this.told.push(`${what}: ${String(value)}`),
      (error: Error) => this.told.push(`${what}: ${error.message}`),
    )
  }
}

/** Everything that a server says, in one go. */
function started(): { talk: Talk; said: Buffer } {
  const talk = new Talk()
  const { protocol, told } = talk
  talk.tell('hello', protocol.hello())
  talk.tell(
    'subscribed',
    protocol.subscribe('bench', (body) => told.push(`got ${body.toString()}`)),
  )
  talk.tell('first', protocol.request('bench', 'eins'))
  talk.tell('second', protocol.request('nobody', 'zwei'))
  talk.tell('third', protocol.request('bench', 'dreißig'))
  const head = 'NATS/1.0 503\r\n\r\n'
  const lines = [
    'INFO {"server_id":"x","text":"MSG in a name"}',
    'PONG',
    'PONG',
    'MSG bench 1 5\r\nhello',
    'PING',
    `MSG ${talk.inbox}.0 0 13\r\n{"seq":1}\r\nab`, // a body may hold the end of a line
    'MSG bench 1 reply.to 0\r\n',
    `HMSG ${talk.inbox}.1 0 ${head.length} ${head.length}\r\n${head}`,
    'HMSG bench 1 12 17\r\nNATS/1.0\r\n\r\nworld',
    '+OK',
    `MSG ${talk.inbox}.2 0 2\r\n{}`,
  ]
  return { talk, said: Buffer.from(`${lines.join('\r\n')}\r\n`) }
}

const expected = [
  'first: {"seq":1}\r\nab',
  'got ',
  'got hello',
  'got world',
  'hello: undefined',
  'second: nats: 503',
  'subscribed: undefined',
  'third: {}',
]

async function settled(talk: Talk): Promise<string[]> {
  await new Promise((resolve) => setImmediate(resolve))
  return talk.told.toSorted()
}

describe('the NATS protocol', () => {
  test('says what the server expects', () => {
    const { talk } = started()
    const lines = talk.sent.split('\r\n')
    expect(lines[0]).toMatch(/^CONNECT \{.*"no_responders":true.*\}$/)
    expect(lines.slice(1, 5)).toEqual([`SUB ${talk.inbox}.* 0`, 'PING', 'SUB bench 1', 'PING'])
    expect(lines.slice(5)).toEqual([
      `PUB bench ${talk.inbox}.0 4`,
      'eins',
      `PUB nobody ${talk.inbox}.1 4`,
      'zwei',
      `PUB bench ${talk.inbox}.2 8`, // bytes, not letters
      'dreißig',
      '',
    ])
  })

  test('understands chunks cut at every byte', async () => {
    const { length } = started().said
    for (let cut = 0; cut <= length; cut++) {
      const { talk, said } = started()
      talk.protocol.take(said.subarray(0, cut))
      talk.protocol.take(said.subarray(cut))
      expect(await settled(talk), `cut at ${cut}`).toEqual(expected)
      expect(talk.sent.match(/PONG\r\n/g)).toHaveLength(1)
    }
  })

  test('understands single bytes', async () => {
    const { talk, said } = started()
    for (const byte of said) talk.protocol.take(Buffer.of(byte))
    expect(await settled(talk)).toEqual(expected)
  })

  test.for([
    [
      'an error',
      (talk: Talk) => talk.protocol.take(Buffer.from("-ERR 'Stale'\r\n")),
      "nats: 'Stale'",
    ],
    ['the end', (talk: Talk) => talk.protocol.end(new Error('closed')), 'closed'],
  ] as const)('%s refuses what waits and what comes', async ([_what, end, message]) => {
    const talk = new Talk()
    talk.tell('before', talk.protocol.request('bench', 'x'))
    end(talk)
    talk.tell('after', talk.protocol.request('bench', 'x'))
    talk.tell('hello', talk.protocol.hello())
    expect(await settled(talk)).toEqual(
      ['after', 'before', 'hello'].map((it) => `${it}: ${message}`),
    )
  })
})

test.for([
  ['nats-server: v2.9.10', false],
  ['nats-server: v2.10.0', true],
  ['nats-server: v2.12.3', true],
  ['nats-server: v3.0.0-beta', true],
  ['nonsense', false],
] as const)('%s has sync_interval: %s', ([version, has]) => {
  expect(isAtLeast210(version)).toBe(has)
})
