import type { PubCommand } from '../../src/chat/command.ts'
import { kindOf, meTopic } from '../../src/ids/topic-name.ts'
import type { TopicName } from '../../src/ids/topic-name.ts'
import type { ChaosClient } from './chaos-client.ts'
import type { ChaosRun } from './chaos-run.ts'
import { kickInTheMiddle, manage } from './chaos-kicks.ts'
import type { Dice } from './chaos-time.ts'

/** Something that clients do, and how often. */
export type Action = (run: ChaosRun, dice: Dice) => void

const enter = { kind: 'sub', get: { what: ['desc'] } } as const

export function hash(text: string): number {
  let h = 0
  for (let i = 0; i < text.length; i++) h = (Math.imul(h, 31) + text.charCodeAt(i)) >>> 0
  return h
}

function pub(body: string, producer: string, n: number, noecho: boolean): PubCommand {
  const content = JSON.stringify(body)
  return { kind: 'pub', producer, n, hash: hash(content), head: null, content, noecho }
}

/** Publishes one after the other without waiting. */
function publish(run: ChaosRun, dice: Dice): void {
  const [client, topic] = run.attached(dice)
  // A session has at most 256 requests under way (limits.maxOutstandingPerSession).
  const open = client?.sent.filter(({ done }) => done === 0).length ?? 0
  if (client === undefined || open > 100) return
  const count = dice.chance(5) ? 130 : 1 + dice.below(5)
  for (let i = 0; i < count; i++) send(run, client, topic, run.body(), '', 0, dice.chance(50))
}

export function send(
  run: ChaosRun,
  client: ChaosClient,
  topic: TopicName,
  body: string,
  producer: string,
  n: number,
  noecho: boolean,
  then: (code: number) => void = () => {},
): void {
  const attempt = run.truth.attempt(topic, body)
  client.send(topic, pub(body, producer, n, noecho), (code) => {
    // 4xx and 503 say that it certainly did not happen.
    if (code === 503 || (code >= 400 && code < 500)) attempt.refused++
    then(code)
  })
}

/** A client library: numbers its publishes, and sends the same again through whatever node. */
export class Producer {
  readonly #id: string
  readonly #uid: string
  readonly #topic: TopicName
  #n = 1
  #body = ''
  #open = 0

  constructor(id: string, uid: string, topic: TopicName) {
    this.#id = id
    this.#uid = uid
    this.#topic = topic
  }

  step(run: ChaosRun, dice: Dice): void {
    const ways = run.living.filter((c) => c.uid === this.#uid && c.stay(this.#topic) !== undefined)
    if (ways.length === 0) return
    if (this.#body === '') this.#body = run.body()
    if (this.#open > 2) return
    const n = this.#n
    this.#open++
    const noecho = dice.chance(50)
    const { node } = dice.pick(ways)
    const way = dice.pick(ways.filter((c) => c.node === node))
    let open = true
    const close = (): void => {
      if (open) this.#open--
      open = false
    }
    run.world.time.after(4_500, close) // its node died
    send(run, way, this.#topic, this.#body, this.#id, n, noecho, (code) => {
      close()
      if (code !== 202 || this.#n !== n) return
      this.#n++
      this.#body = ''
    })
    if (dice.chance(10) && n > 1) send(run, way, this.#topic, run.body(), this.#id, n - 1, false)
  }
}

function produce(run: ChaosRun, dice: Dice): void {
  if (run.producers.length > 0) dice.pick(run.producers).step(run, dice)
}

function join(run: ChaosRun, dice: Dice): void {
  const client = dice.pick(run.living)
  const topic = dice.pick(run.topicsOf(client.uid))
  if (client.stay(topic) === undefined || dice.chance(20)) client.send(topic, enter)
  if (dice.chance(5)) client.send(topic, enter)
}

function leave(run: ChaosRun, dice: Dice): void {
  const [client, topic] = run.attached(dice)
  const unsub = kindOf(topic) === 'grp' && dice.chance(20)
  if (unsub) run.truth.leavers.add(`${client?.uid} ${topic}`)
  client?.send(topic, { kind: 'leave', unsub })
}

function note(run: ChaosRun, dice: Dice): void {
  const [client, topic] = run.attached(dice)
  const top = run.truth.messages(topic).size
  if (client === undefined || top === 0) return
  client.send(topic, { kind: 'note', what: dice.pick(['read', 'recv']), seq: 1 + dice.below(top) })
}

function history(run: ChaosRun, dice: Dice): void {
  const client = dice.pick(run.living)
  const topic = dice.pick(run.topicsOf(client.uid))
  const what = dice.chance(70) ? (['data'] as const) : (['desc', 'sub', 'data', 'del'] as const)
  if (!client.historic)
    return void client.send(topic, { kind: 'get', query: { what: ['desc', 'sub'] } })
  const query = { what, data: { limit: 1 + dice.below(30) } }
  if (client.stay(topic) === undefined) client.send(topic, { kind: 'sub', get: query })
  else client.send(topic, { kind: 'get', query })
}

function remove(run: ChaosRun, dice: Dice): void {
  const [client, topic] = run.attached(dice)
  const top = run.truth.messages(topic).size
  if (client === undefined || top === 0) return
  const low = 1 + dice.below(top)
  const hi = low + 1 + dice.below(3)
  const hard = dice.chance(50)
  const deleted = run.truth.deleted.get(topic) ?? new Set()
  if (hard) for (let seq = low; seq < hi; seq++) deleted.add(seq)
  run.truth.deleted.set(topic, deleted)
  const own = run.truth.hidden.get(`${client.uid} ${topic}`) ?? new Set()
  for (let seq = low; seq < hi; seq++) own.add(seq)
  run.truth.hidden.set(`${client.uid} ${topic}`, own)
  client.send(topic, { kind: 'del', what: 'msg', delseq: [{ low, hi }], hard })
}

function vanish(run: ChaosRun, dice: Dice): void {
  const client = dice.pick(run.living)
  if (run.living.length > 2) client.leaveForGood()
}

export function arrive(run: ChaosRun, dice: Dice): void {
  if (run.living.length > run.crowd || run.world.living.length === 0) return
  const client = run.client(dice.pick(run.uids), dice.pick(run.world.living))
  client.historic = dice.chance(20)
  if (dice.chance(50)) client.send(meTopic(client.uid), enter)
  for (const topic of run.topicsOf(client.uid)) {
    if (!dice.chance(70)) continue
    const top = run.truth.messages(topic).size
    // Some come back, and say what they have.
    const cursor = dice.chance(40) && top > 0 ? Math.max(0, top - dice.below(60)) : undefined
    client.send(topic, enter, () => {}, cursor)
  }
}

/** Reads nothing for a while, and then again. */
function dawdle(run: ChaosRun, dice: Dice): void {
  const client = dice.pick(run.living)
  client.isSlow = true
  run.world.time.after(dice.below(3_000), () => client.ease())
}

/** Out and in again, with what it has. */
function resume(run: ChaosRun, dice: Dice): void {
  const [client, topic] = run.attached(dice)
  const stay = client?.stay(topic)
  if (client === undefined || stay === undefined) return
  const cursor = stay.seqs.at(-1) ?? stay.from ?? undefined
  client.send(topic, { kind: 'leave', unsub: false }, (code) => {
    if (code < 400) client.send(topic, enter, () => {}, cursor)
  })
}

export const actions: readonly (readonly [weight: number, action: Action])[] = [
  [30, publish],
  [20, produce],
  [14, join],
  [5, leave],
  [8, note],
  [8, history],
  [2, remove],
  [4, manage],
  [4, kickInTheMiddle],
  [3, vanish],
  [6, arrive],
  [4, dawdle],
  [3, resume],
]
