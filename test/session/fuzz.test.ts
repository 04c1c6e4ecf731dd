import fc from 'fast-check'
import { expect, test } from 'vitest'
import { userIdFromBigInt } from '../../src/ids/user-id.ts'
import { realSystem } from '../../src/node/system.ts'
import { noMetrics, silentLogger } from '../../src/ports.ts'
import type { Logger } from '../../src/ports.ts'
import { defaultEdgeOptions } from '../../src/session/edge-options.ts'
import { msgpackSubprotocol } from '../../src/wire/versions.ts'
import { Heartbeat } from '../../src/session/heartbeat.ts'
import { LoginBackoff } from '../../src/session/login-backoff.ts'
import { PasswordDesk } from '../../src/session/password-desk.ts'
import { Session } from '../../src/session/session.ts'
import type { SessionHost } from '../../src/session/session-host.ts'
import { sessionMetrics } from '../../src/session/session-metrics.ts'
import { SessionTable } from '../../src/session/session-table.ts'
import { TokenMint } from '../../src/session/token.ts'
import type { ClientSocket } from '../../src/session/websocket.ts'
import { packClient } from '../../src/wire/client-codec.ts'
import { decode } from './msgpack-text.ts'
import { group, testCost } from './edge-fixture.ts'
import { MemoryTopics } from './memory-topics.ts'

const { clock, timers } = realSystem(() => {})
const metrics = sessionMetrics(noMetrics)
const still = { ...timers, every: () => () => {} }
const times = { idleMs: 55_000, deadlineMs: 8_000 }
const heartbeat = new Heartbeat(clock, still, times, metrics.roundTrip)

/** A session on a socket that only keeps what it is given. */
class Bench {
  readonly topics = new MemoryTopics()
  readonly frames: Buffer[] = []
  readonly errors: object[] = []
  readonly session: Session
  isClosed = false

  constructor(state: 'new' | 'hello' | 'auth', protocol: string) {
    const logger: Logger = { ...silentLogger, error: (fields) => void this.errors.push(fields) }
    const host: SessionHost = {
      topics: this.topics,
      options: defaultEdgeOptions,
      clock,
      timers,
      logger,
      metrics,
      mint: { user: () => user, group: () => group(8), session: () => 's' },
      table: new SessionTable(0, metrics),
      heartbeat,
      tokens: new TokenMint(Buffer.alloc(32)),
      passwords: new PasswordDesk(testCost, clock, metrics.passwordsRefused),
      backoff: new LoginBackoff(),
    }
    const socket = {
      protocol,
      isOpen: true,
      push: (frame: Buffer) => this.frames.push(frame) > 0,
      bye: () => void (this.isClosed = true),
      pause: () => {},
      resume: () => {},
    }
    this.topics.isDown = true
    this.session = new Session(host, socket as unknown as ClientSocket, 's', '')
    if (state !== 'new') this.session.greeted(25)
    if (state === 'auth') this.session.identified(user, 'auth', 'ann')
  }

  /** The one server message that was pushed last. */
  get answer(): any {
    const frame = this.frames.at(-1)!
    const payload = frame.subarray(frame[1] === 126 ? 4 : frame[1] === 127 ? 10 : 2)
    return frame[0] === 0x81 ? JSON.parse(payload.toString()) : decode(payload)
  }
}

const user = userIdFromBigInt(5n)
const peer = userIdFromBigInt(6n)
const state = fc.constantFrom('new' as const, 'hello' as const, 'auth' as const)
const verb = fc.constantFrom(
  'hi',
  'acc',
  'login',
  'sub',
  'leave',
  'pub',
  'get',
  'set',
  'del',
  'note',
  'what',
)
const fields =
  'id ver ua dev user scheme secret tmpscheme tags cred desc status topic set get sub data ' +
  'del what delseq ranges low hi ims limit hard seq event payload head content noecho aux ' +
  'public defacs auth mode unsub meth val login __proto__ constructor sender'
const field = fc.constantFrom(...fields.split(' '))
const likelyTexts =
  'me fnd slf sys new1 nch1 chnAQAAAGMAAAA usr \u2421 0.25 basic token new YTpi desc msg user sub cred ' +
  'read kp 2026-07-10T09:00:00.010Z JRW'
const likely = fc.constantFrom<unknown>(
  ...likelyTexts.split(' ').concat(user, peer, group(1), 'desc sub data'),
  0,
  1,
  -1,
  1.5,
  1e300,
  true,
  null,
)
const value = fc.letrec((tie) => ({
  any: fc.oneof({ maxDepth: 4 }, likely, fc.jsonValue({ maxDepth: 2 }), tie('object'), tie('list')),
  object: fc.dictionary(field, tie('any'), { maxKeys: 5 }),
  list: fc.array(tie('any'), { maxLength: 3 }),
}))
const message = fc.record({
  verb,
  body: fc.oneof({ weight: 8, arbitrary: value.object }, value.any),
  extra: value.object,
})

const runs = { numRuns: 400 }

test('whatever a message holds, it is answered, passed on, or dropped as a note; nothing throws', () => {
  fc.assert(
    fc.property(state, message, fc.boolean(), (at, { verb: name, body, extra }, isPacked) => {
      const bench = new Bench(at, isPacked ? msgpackSubprotocol : '')
      const sent = { [name]: body, ...(Object.keys(extra as object).length > 2 ? { extra } : {}) }
      const bytes = isPacked ? packClient(sent) : Buffer.from(JSON.stringify(sent))
      bench.session.heardMessage(bytes, isPacked)
      expect(bench.errors).toEqual([])
      const took = bench.frames.length + bench.topics.requests.length
      const isLate = name === 'login' || name === 'acc' // these may answer later
      if (name === 'note' && body !== null) expect(bench.frames).toEqual([])
      else if (!isLate) expect(took).toBe(1)
      if (bench.frames.length > 0) {
        const { ctrl } = bench.answer
        expect(ctrl.code).toBeGreaterThanOrEqual(200)
        expect(ctrl.text.length).toBeGreaterThan(0)
        expect(ctrl.ts).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      }
      for (const { topic } of bench.topics.requests)
        expect(topic).toMatch(/^(usr|fnd|slf|p2p|grp|sys)/)
    }),
    runs,
  )
})

test('whatever bytes come, they are answered with 400 or closed', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.boolean(),
      fc.boolean(),
      (bytes, isBinary, isPacked) => {
        const bench = new Bench('auth', isPacked ? msgpackSubprotocol : '')
        bench.session.heardMessage(Buffer.from(bytes), isBinary)
        expect(bench.errors).toEqual([])
        expect(bench.frames.length + bench.topics.requests.length).toBe(1)
      },
    ),
    runs,
  )
})

test('a verb that throws costs its sender a 500 and nothing else', () => {
  const bench = new Bench('auth', '')
  bench.topics.request = () => {
    throw new TypeError('a bug')
  }
  bench.session.heardMessage(Buffer.from('{"get":{"topic":"me","what":"desc"}}'), false)
  expect(bench.answer.ctrl).toMatchObject({ code: 500, text: 'internal error' })
  expect(bench.errors).toHaveLength(1)
  bench.session.heardMessage(Buffer.from('{"get":{"topic":"me"}}'), false)
  expect(bench.answer.ctrl.code).toBe(400)
  expect(bench.isClosed).toBe(false)
})
