import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import {
  AcceptorHandshake,
  DialerHandshake,
  type HandshakeContext,
  type HandshakeStep,
  type Refusal,
} from '../../src/peer/handshake.ts'
import type { Members, PeerSelf } from '../../src/peer/identity.ts'
import type { PeerMessage } from '../../src/wire/peer-frames.ts'
import { introduce, startNode, until } from './surroundings.ts'

const members: Members = new Map([
  [1, { name: 'n1', host: 'h', port: 1 }],
  [2, { name: 'n2', host: 'h', port: 2 }],
  [3, { name: 'n3', host: 'h', port: 3 }],
])

interface Side extends Partial<PeerSelf> {
  secret?: string
  members?: Members
  newestBoot?: number
}

function context(side: Side & { index: number }): HandshakeContext {
  const { secret = 'secret', newestBoot = 0, ...self } = side
  return {
    self: { name: `n${side.index}`, bootId: 5, clusterId: 'c1', ...self },
    secret: Buffer.from(secret),
    members: () => side.members ?? members,
    newestBoot: () => newestBoot,
  }
}

const nonce = (fill: number) => Buffer.alloc(32, fill)

/** Lets both sides talk until one believes or refuses; `tamper` may change what passes. */
function run(
  dialerSide: Side,
  acceptorSide: Side,
  tamper: (message: PeerMessage) => PeerMessage = (m) => m,
): { dialer: HandshakeStep | null; acceptor: HandshakeStep | null } {
  const dialer = new DialerHandshake(context({ index: 1, ...dialerSide }), 2, 'link', nonce(1))
  const acceptor = new AcceptorHandshake(context({ index: 2, ...acceptorSide }), nonce(2))
  let toAcceptor: PeerMessage | null = dialer.hello()
  const last: ReturnType<typeof run> = { dialer: null, acceptor: null }
  while (toAcceptor !== null) {
    last.acceptor = acceptor.receive(tamper(toAcceptor))
    if (last.acceptor.send === null) break
    last.dialer = dialer.receive(tamper(last.acceptor.send))
    toAcceptor = last.dialer.send
    if (last.acceptor.refusal !== null) break
  }
  return last
}

test('both sides end up knowing each other', () => {
  const { dialer, acceptor } = run({ bootId: 8 }, { bootId: 9 })
  expect(dialer?.peer).toEqual({ index: 2, name: 'n2', bootId: 9 })
  expect(acceptor?.peer).toEqual({ index: 1, name: 'n1', bootId: 8 })
})

describe('who is refused', () => {
  const without2: Members = new Map([...members].filter(([index]) => index !== 2))
  test.for([
    // what                          dialer                     acceptor                  who      why
    ['another cluster', { clusterId: 'x' }, {}, 'acceptor', 'other-cluster'],
    ['another secret', { secret: 'x' }, {}, 'dialer', 'bad-proof'],
    ['an unknown index', { index: 9 }, {}, 'acceptor', 'unknown-member'],
    ['a wrong name', { name: 'other' }, {}, 'acceptor', 'unknown-member'],
    ['our own index', { index: 2 }, {}, 'acceptor', 'own-index'],
    ['not who was dialled', {}, { index: 3 }, 'acceptor', 'other-target'],
    ['an acceptor that we do not know', { members: without2 }, {}, 'dialer', 'other-target'],
    ['an acceptor with another name', {}, { name: 'n9' }, 'dialer', 'other-target'],
    ['an earlier start dials', { bootId: 4 }, { newestBoot: 5 }, 'acceptor', 'stale-boot'],
    ['an earlier start answers', { newestBoot: 9 }, { bootId: 8 }, 'dialer', 'stale-boot'],
    ['an index out of range', { index: 0 }, {}, 'acceptor', 'malformed'],
    ['a boot id that is no number', { bootId: -1 }, {}, 'acceptor', 'malformed'],
  ] as [string, Side, Side, 'dialer' | 'acceptor', Refusal][])(
    '%s',
    ([, dialerSide, acceptorSide, who, why]) => {
      const ended = run(dialerSide, acceptorSide)
      expect(ended[who]).toMatchObject({ refusal: why, peer: null, told: false })
      const other = who === 'dialer' ? ended.acceptor : ended.dialer
      expect(other?.peer ?? null).toBeNull()
      // The other side is told why.
      if (who === 'acceptor') expect(other).toMatchObject({ refusal: why, told: true })
    },
  )

  test('the same start again is welcome', () => {
    expect(run({ bootId: 5 }, { newestBoot: 5 }).acceptor?.peer?.index).toBe(1)
  })
})

describe('tampering', () => {
  const fields: [number, number, unknown][] = [
    [1, 5, 'n3'],
    [1, 6, 4],
    [1, 8, 1],
    [1, 9, nonce(7)],
    [2, 3, 'n3'],
    [2, 4, 77],
    [2, 5, nonce(7)],
    [2, 6, nonce(7)],
    [3, 1, nonce(7)],
  ]
  test.for(fields)('message %i, field %i changed on the way', ([kind, at, value]) => {
    const { dialer, acceptor } = run({}, {}, (message) => {
      return message[0] === kind ? (message.with(at, value) as unknown as PeerMessage) : message
    })
    expect([dialer?.peer ?? null, acceptor?.peer ?? null]).toEqual([null, null])
  })

  test('a proof cannot be reflected or replayed', () => {
    const acceptor = new AcceptorHandshake(context({ index: 2 }), nonce(2))
    const dialer = new DialerHandshake(context({ index: 1 }), 2, 'link', nonce(1))
    const challenge = acceptor.receive(dialer.hello()).send as PeerMessage
    expect(acceptor.receive([3, challenge[6]]).refusal).toBe('bad-proof')
    const proof = dialer.receive(challenge).send as PeerMessage
    const later = new AcceptorHandshake(context({ index: 2 }), nonce(3))
    later.receive(dialer.hello())
    expect(later.receive(proof).refusal).toBe('bad-proof')
  })

  test('steps out of order are refused', () => {
    const acceptor = new AcceptorHandshake(context({ index: 2 }), nonce(2))
    expect(acceptor.receive([3, nonce(1)]).refusal).toBe('malformed')
    const dialer = new DialerHandshake(context({ index: 1 }), 2, 'link', nonce(1))
    expect(dialer.receive([4]).refusal).toBe('malformed')
  })
})

describe('over sockets', () => {
  test('a node with another secret is refused with a line and a metric, and stays down', async () => {
    const one = await startNode({ index: 1 })
    const two = await startNode({ index: 2 }, { secret: Buffer.from('wrong') })
    introduce([one, two])
    await until(() => (one.seen.values.get('peer_refused_bad_proof_total') ?? 0) > 1, 'refusals')
    await until(() => (two.seen.values.get('peer_refused_bad_proof_total') ?? 0) > 1, 'refusals')
    expect(one.seen.lines.join()).toContain('the cluster secrets differ')
    expect(one.seen.lines.filter((line) => line.startsWith('error')).length).toBeLessThan(4)
    expect([...one.events, ...two.events]).toEqual([])
    one.close()
    two.close()
  })

  test.for([
    ['says nothing', Buffer.alloc(0), 'peer_refused_deadline_total'],
    ['speaks HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), undefined],
    ['sends too much', Buffer.alloc(20_000, 'x'), undefined],
  ] as const)('a stranger who %s is closed', async ([, bytes, metric]) => {
    const node = await startNode({ index: 1 })
    const stranger = connect({ host: '127.0.0.1', port: node.peers.port })
    stranger.on('error', () => {})
    stranger.write(bytes)
    let isClosed = false
    stranger.on('close', () => (isClosed = true)).resume()
    await until(() => isClosed, 'the stranger to be closed')
    if (metric !== undefined) expect(node.seen.values.get(metric)).toBe(1)
    node.close()
  })

  test('strangers beyond the bound are closed at once', async () => {
    const node = await startNode(
      { index: 1 },
      { settings: { maxUnproven: 3, handshakeMs: 60_000 } },
    )
    let closed = 0
    const strangers = Array.from({ length: 5 }, () => {
      const stranger = connect({ host: '127.0.0.1', port: node.peers.port }).resume()
      return stranger.on('close', () => closed++).on('error', () => {})
    })
    await until(() => closed === 2, 'two of five closed')
    for (const stranger of strangers) stranger.destroy()
    node.close()
  })
})
