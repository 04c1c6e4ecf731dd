import type { Command, SessionId } from '../../src/chat/command.ts'
import { clientTopicName } from '../../src/ids/topic-name.ts'
import type { TopicName } from '../../src/ids/topic-name.ts'
import type { UserId } from '../../src/ids/user-id.ts'
import type { Frame } from '../../src/topic/frame.ts'
import type { Subscriber } from '../../src/topic/topics.ts'
import type { ChaosNode, ChaosWorld } from './chaos-world.ts'

/** One stay of a session at a topic, from the answer that let it in to whatever ended it. */
export interface Stay {
  /** Last message before it, as the same answer said; null: the answer did not say. */
  from: number | null
  readonly seqs: number[]
  over: boolean
  /** Its client cannot know whether it is over. */
  doubtful: boolean
  readonly opener: string
}

export interface Sent {
  readonly id: string
  readonly topic: TopicName
  readonly command: Command
  readonly cursor: number | undefined
  readonly at: number
  /** Messages with its id that end it, by code. */
  code: number
  seq: number
  meta: any
  done: number
  doneAt: number
  /** Called once with the code of the answer. */
  answered: (code: number) => void
}

/** What a session saw that cannot be. */
export type Complain = (what: string) => void

/** The watcher of all deliveries: says what is wrong with one. */
export interface Oracle {
  accepted(sent: Sent): void
  data(client: ChaosClient, topic: TopicName, seq: number, content: unknown): void
  wrong: Complain
  /** User and topic: he was told to leave, or asked to, and his marks began anew. */
  readonly leavers: Set<string>
  /** Somebody asks for something that may let the user in. */
  asksFor(uid: string, topic: TopicName, sent: Sent): void
  /** For whoever plays one seed. */
  note(line: () => string): void
}

/** A session on a node, and what it has been told. */
export class ChaosClient implements Subscriber {
  readonly sid: SessionId
  readonly uid: UserId
  readonly level = 'auth'
  readonly userAgent = 'test'
  readonly node: ChaosNode
  readonly sent: Sent[] = []
  readonly stays = new Map<TopicName, Stay[]>()
  /** seqs of messages that it published and did not want to see. */
  readonly noecho = new Map<TopicName, Set<number>>()
  readonly marks = new Map<string, number>()
  readonly news = new Map<string, number>()
  gone = false
  isSlow = false
  readonly knowsNotices = false
  /** It asks for history: what is live among its messages cannot be told. */
  historic = false
  readonly #world: ChaosWorld
  readonly #oracle: Oracle
  readonly #topics = new Map<string, TopicName>()
  #next = 1

  constructor(world: ChaosWorld, node: ChaosNode, uid: UserId, sid: SessionId, oracle: Oracle) {
    this.#world = world
    this.node = node
    this.uid = uid
    this.sid = sid
    this.#oracle = oracle
  }

  get lives(): boolean {
    return !this.gone && this.node.up
  }

  stay(topic: TopicName): Stay | undefined {
    const last = this.stays.get(topic)?.at(-1)
    return last?.over === false ? last : undefined
  }

  /** It reads again. */
  ease(): void {
    this.isSlow = false
    if (this.lives) this.node.hub.eased(this.sid)
  }

  send(
    topic: TopicName,
    command: Command,
    answered: (code: number) => void = () => {},
    cursor?: number,
  ): Sent {
    const id = `${this.sid}-${this.#next++}`
    const said = clientTopicName(topic, this.uid)
    this.#topics.set(said, topic)
    const at = this.#world.time.monotonic()
    const sent: Sent = {
      id,
      topic,
      command,
      cursor,
      at,
      code: 0,
      seq: 0,
      meta: null,
      done: 0,
      doneAt: 0,
      answered,
    }
    this.sent.push(sent)
    if (command.kind === 'sub') this.#oracle.asksFor(this.uid, topic, sent)
    if (command.kind === 'set' && command.sub !== undefined) {
      this.#oracle.asksFor(command.sub.user ?? this.uid, topic, sent)
    }
    this.#oracle.note(() => `${id} on ${this.node.index} ${topic} ${JSON.stringify(command)}`)
    this.node.hub.request(this, { id, said, topic, asChan: false, command, cursor }, () => {
      sent.done++
      sent.doneAt = this.#world.time.monotonic()
      if (sent.done > 1) this.#oracle.wrong(`${id} ${command.kind} was done ${sent.done} times`)
    })
    return sent
  }

  leaveForGood(): void {
    this.gone = true
    if (this.node.up) this.node.hub.forget(this.sid)
  }

  /** What is kept is told later by the session; here it makes no difference. */
  keep(_key: string, frame: () => Frame): void {
    this.deliver(frame())
  }

  deliver(frame: Frame): boolean {
    if (!this.lives) return false
    if (/"(?:p2p[\w-]{22}|(?:slf|fnd)[\w-]{11})"|nam:|tag:/.test(frame.json)) {
      this.#oracle.wrong(`${this.sid} sees an internal name: ${frame.json}`)
    }
    this.#oracle.note(() => `${this.sid} gets ${frame.json}`)
    const { ctrl, meta, data, info, pres } = JSON.parse(frame.json)
    if (ctrl !== undefined) this.#ctrl(ctrl)
    else if (meta !== undefined) this.#meta(meta)
    else if (data !== undefined) this.#data(data)
    else if (info !== undefined) this.#info(info)
    else if (pres?.what === 'msg' && pres.topic === 'me') {
      this.news.set(pres.src, Math.max(this.news.get(pres.src) ?? 0, pres.seq))
    }
    return true
  }

  #ctrl(ctrl: any): void {
    if (ctrl.id === undefined) {
      if (ctrl.code === 205) this.#end(this.#topics.get(ctrl.topic) as TopicName)
      return
    }
    const sent = this.sent.find(({ id }) => id === ctrl.id)
    if (sent === undefined)
      return this.#oracle.wrong(`an answer to nobody: ${JSON.stringify(ctrl)}`)
    if (sent.code !== 0) {
      if (sent.command.kind === 'get') return // one for each word
      const isPart =
        sent.command.kind === 'sub' && (ctrl.params?.what !== undefined || ctrl.code >= 400)
      if (!isPart) {
        this.#oracle.wrong(
          `${sent.id} ${sent.command.kind}: ${sent.code}, then ${JSON.stringify(ctrl)}`,
        )
      }
      return
    }
    sent.code = ctrl.code
    sent.seq = ctrl.params?.seq ?? 0
    this.#follow(sent)
    sent.answered(ctrl.code)
  }

  #follow(sent: Sent): void {
    const { command, topic, code } = sent
    if (command.kind === 'pub' && code === 202) this.#oracle.accepted(sent)
    const stay = this.stay(topic)
    if (command.kind === 'leave' && code >= 500 && stay !== undefined) stay.doubtful = true
    if (command.kind === 'leave' && (code < 300 || code === 304)) this.#end(topic)
    if (command.kind !== 'sub' || code >= 300) return
    const left = this.sent
      .slice(this.sent.indexOf(sent) + 1)
      .some((later) => later.topic === topic && later.command.kind === 'leave')
    if (left) return // it did not wait for this answer: in the order of its requests it is out again
    const before = this.stay(topic)
    if (before === undefined || sent.cursor !== undefined) {
      const stays = this.stays.get(topic) ?? []
      stays.push({
        from: before === undefined ? (sent.cursor ?? null) : this.#rewound(before, sent),
        seqs: [],
        over: false,
        doubtful: false,
        opener: sent.id,
      })
      this.stays.set(topic, stays)
    }
  }

  /** It was there already, and came with a cursor: the stream goes back to it, or on as it was. */
  #rewound(before: Stay, { cursor }: Sent): number | null {
    before.over = true
    const last = before.seqs.at(-1) ?? before.from
    if (cursor === undefined) return null
    // Its own answer has not said yet where it began: most come with less than everything.
    return last === null ? cursor : Math.min(cursor, last)
  }

  #meta(meta: any): void {
    const sent = this.sent.find(({ id }) => id === meta.id)
    if (sent === undefined) return
    if (sent.code === 0) sent.answered((sent.code = 200))
    sent.meta = { ...sent.meta, ...meta }
    const stay = this.stay(sent.topic)
    if (meta.desc !== undefined && stay?.opener === sent.id) stay.from ??= meta.desc.seq ?? 0
  }

  #data(data: any): void {
    const topic = this.#topics.get(data.topic)
    if (topic === undefined) return this.#oracle.wrong(`${this.sid}: data of ${data.topic}`)
    this.#oracle.data(this, topic, data.seq, data.content)
    if (this.historic) return
    if (this.isSlow) this.#oracle.wrong(`${this.sid} is slow and got ${data.seq} of ${topic}`)
    const stay = this.stay(topic)
    if (stay === undefined) {
      return this.#oracle.wrong(`${this.sid}: live ${data.seq} of ${topic} and not attached`)
    }
    const last = stay.seqs.at(-1) ?? stay.from ?? 0
    if (data.seq <= last) {
      return this.#oracle.wrong(`${this.sid}: live ${data.seq} of ${topic} after ${last}`)
    }
    stay.seqs.push(data.seq)
  }

  #info(info: any): void {
    if (info.what !== 'read' && info.what !== 'recv') return
    const key = `${info.topic} ${info.src ?? ''} ${info.from} ${info.what}`
    const before = this.marks.get(key) ?? 0
    const said = info.src ?? info.topic
    const topic = this.#topics.get(said) ?? said // of a group on `me`, to which it never went
    if (this.#oracle.leavers.has(`${info.from} ${topic}`)) return
    if (info.seq <= before)
      this.#oracle.wrong(`${this.sid}: mark ${key} ${info.seq} after ${before}`)
    this.marks.set(key, info.seq)
  }

  #end(topic: TopicName): void {
    const stay = this.stay(topic)
    if (stay !== undefined) stay.over = true
  }
}
