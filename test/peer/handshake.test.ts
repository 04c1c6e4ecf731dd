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
import { introduce, startNode, until, type TestNode } from './surroundings.ts'

const members: Members = new Map([
  [1, { name: 'n1', host: 'h', port: 1 }],
  [2, { name: 'n2', host: 'h', port: 2 }],
  [3, { name: 'n3', host: 'h', port: 3 }],
])

interface Side extends Partial<PeerSelf> {
  secret?: string
  members?: Members
  newestBoot?: number
  removed?: number
}

function context(side: Side & { index: number }): HandshakeContext {
  const { secret = 'secret', newestBoot = 0, ...self } = side
  const whole = { bootId: 5, clusterId: 'c1', incarnation: diskOf(side.index), previousBoot: 4 }
  return {
    self: { name: `n${side.index}`, ...whole, ...self },
    secret: Buffer.from(secret),
    members: () => side.members ?? members,
    isRemoved: (index) => index === side.removed,
    newestBoot: () => newestBoot,
  }
}

const diskOf = (index: number) => `${index}`.repeat(32)

const addressOf = (node: TestNode) => ({ name: 'n3', host: '127.0.0.1', port: node.peers.port })

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

/** A side to whom the cluster has told the disk and the newest start of a member. */
function knows(index: number, disk: number, bootId = 5): Side {
  const address = { name: `n${index}`, host: 'h', port: index, incarnation: diskOf(disk), bootId }
  return { members: new Map([...members, [index, address]]) }
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
    ['a disk that is no disk', { incarnation: 'x' }, {}, 'acceptor', 'malformed'],
    ['an acceptor whose disk is none', {}, { incarnation: 'x' }, 'dialer', 'malformed'],
    ['a start before the one the cluster knows', {}, knows(1, 1, 6), 'acceptor', 'stale-boot'],
    ['a removed member', {}, { removed: 1 }, 'acceptor', 'removed'],
    ['an emptied disk dials', { incarnation: diskOf(9) }, knows(1, 1), 'acceptor', 'wiped-disk'],
    ['an emptied disk answers', knows(2, 2), { incarnation: diskOf(9) }, 'dialer', 'wiped-disk'],
    ['an older copy dials', { bootId: 9, previousBoot: 7 }, knows(1, 1, 8), 'acceptor', 'old-copy'],
    ['an older copy answers', knows(2, 2, 8), { bootId: 9 }, 'dialer', 'old-copy'],
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

describe('a member whose disk the cluster knows', () => {
  test.for([
    ['the same start', { bootId: 5, previousBoot: 4 }],
    ['the next start', { bootId: 9, previousBoot: 5 }],
    ['a start after some that the cluster never saw', { bootId: 9, previousBoot: 8 }],
  ] as const)('%s is welcome', ([, start]) => {
    expect(run(start, knows(1, 1)).acceptor?.peer?.index).toBe(1)
    expect(run(knows(2, 2), start).dialer?.peer?.index).toBe(2)
  })
})

describe('a refusal', () => {
  const cases: [string, Side, Side, 'dialer' | 'acceptor'][] = [
    ['removed', {}, { removed: 1 }, 'dialer'],
    ['wiped-disk', { incarnation: diskOf(9) }, knows(1, 1), 'dialer'],
    ['wiped-disk', knows(2, 2), { incarnation: diskOf(9) }, 'acceptor'],
    ['old-copy', knows(2, 2, 8), { bootId: 9 }, 'acceptor'],
  ]
  test.for(cases)('as %s is told with a proof: %j, %j', ([why, dialer, acceptor, told]) => {
    expect(run(dialer, acceptor)[told]).toMatchObject({ refusal: why, told: true, proven: true })
  })

  test.for(cases)('as %s from who does not know the secret proves nothing', (row) => {
    const [why, dialer, acceptor, told] = row
    const forged = (message: PeerMessage): PeerMessage =>
      message[0] === 5 ? [5, message[1], nonce(7)] : message
    expect(run(dialer, acceptor, forged)[told]).toMatchObject({ refusal: why, proven: false })
    const bare = (message: PeerMessage): PeerMessage =>
      message[0] === 5 ? [5, message[1]] : message
    expect(run(dialer, acceptor, bare)[told]).toMatchObject({ refusal: why, proven: false })
  })

  test('of another start, or with another reason, proves nothing', () => {
    const acceptor = new AcceptorHandshake(context({ index: 2, removed: 1 }), nonce(2))
    const dialer = new DialerHandshake(context({ index: 1 }), 2, 'link', nonce(1))
    const proof = dialer.receive(acceptor.receive(dialer.hello()).send as PeerMessage).send
    const refusal = acceptor.receive(proof as PeerMessage).send as PeerMessage
    const later = new DialerHandshake(context({ index: 1 }), 2, 'link', nonce(3))
    const other = new AcceptorHandshake(context({ index: 2 }), nonce(4))
    later.receive(other.receive(later.hello()).send as PeerMessage)
    expect(later.receive(refusal)).toMatchObject({ refusal: 'removed', proven: false })
    expect(dialer.receive([5, 'wiped-disk', refusal[2]])).toMatchObject({ proven: false })
    expect(dialer.receive(refusal)).toMatchObject({ refusal: 'removed', proven: true })
  })

  test('a disk that lost the members too is judged by who dials it', () => {
    const alone: Members = new Map([[2, { name: 'n2', host: 'h', port: 2 }]])
    const wiped = { members: alone, incarnation: diskOf(9) }
    const { acceptor } = run(knows(2, 2), wiped)
    expect(acceptor).toMatchObject({ refusal: 'wiped-disk', told: true, proven: true })
  })

  test('reaches the node that is refused, whichever side dials', async () => {
    const told: string[] = []
    const handlers = {
      message: () => {},
      up: () => {},
      down: () => {},
      expelled: (reason: string) => void told.push(reason),
    }
    const one = await startNode({ index: 1 }, { isRemoved: (node) => node === 2 })
    const two = await startNode({ index: 2 }, { handlers })
    introduce([one, two])
    await until(() => told.length > 0, 'the refused node to be told')
    expect(told).toContain('removed')
    const three = await startNode({ index: 3, incarnation: diskOf(3) }, { handlers })
    one.members.set(3, { ...addressOf(three), incarnation: diskOf(9) })
    three.members.set(1, { ...addressOf(one), name: 'n1' }) // without refresh: it dials nobody
    one.peers.refresh()
    await until(() => told.includes('wiped-disk'), 'the dialled node to be told')
    for (const node of [one, two, three]) node.close()
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
    [2, 6, diskOf(7)],
    [2, 7, 3],
    [2, 8, nonce(7)],
    [1, 10, diskOf(7)],
    [1, 11, 3],
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
    expect(acceptor.receive([3, challenge[8]]).refusal).toBe('bad-proof')
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
