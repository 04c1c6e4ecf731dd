import type { Answer, Ask, LoginRecord } from '../../src/chat/ask.ts'
import type { AuthLevel, UserCard } from '../../src/chat/command.ts'
import type { NewAccount } from '../../src/chat/fact.ts'
import type { TopicName } from '../../src/ids/topic-name.ts'
import type { UserId } from '../../src/ids/user-id.ts'
import { Frame } from '../../src/topic/frame.ts'
import { acceptedFrame, ctrlFrame, dataFrame } from '../../src/topic/render.ts'
import { Unanswered } from '../../src/topic/topics.ts'
import type { Subscriber, TopicRequest, Topics } from '../../src/topic/topics.ts'

interface Conversation {
  seq: number
  readonly attached: Map<string, { readonly subscriber: Subscriber; readonly name: string }>
}

/**
 * Topics in memory, obeying the port: answers come later and in order, `done` once after them. Seq out
 * of range and topics without a `{sub}` are answered as the rules do; there are no rights.
 */
export class MemoryTopics implements Topics {
  readonly requests: TopicRequest[] = []
  readonly askers: Subscriber[] = []
  readonly forgotten: string[] = []
  readonly easings: string[] = []
  readonly cards = new Map<string, UserCard>()
  readonly logins = new Map<string, LoginRecord>()
  readonly accounts: NewAccount[] = []
  readonly #conversations = new Map<TopicName, Conversation>()
  /** Nobody answers questions. */
  isDown = false
  /** What becomes of orders while it is down. */
  whyDown: 'no-owner' | 'no-answer' = 'no-owner'
  /** Requests wait here, unanswered, until released. Null: they are answered. */
  held: (() => void)[] | null = null

  request(from: Subscriber, request: TopicRequest, done: () => void): void {
    this.requests.push(request)
    this.askers.push(from)
    const run = (): void => {
      this.#answer(from, request)
      done()
    }
    if (this.held !== null) this.held.push(run)
    else setImmediate(run)
  }

  release(): void {
    const held = this.held ?? []
    this.held = null
    for (const run of held) run()
  }

  eased(sid: string): void {
    this.easings.push(sid)
  }

  forget(sid: string): void {
    this.forgotten.push(sid)
    for (const topic of this.#conversations.values()) topic.attached.delete(sid)
  }

  isAttached(sid: string, topic: TopicName): boolean {
    return this.#conversations.get(topic)?.attached.has(sid) ?? false
  }

  /** Tells everybody attached to a topic the same frame. */
  broadcast(topic: TopicName, frame: Frame): void {
    for (const { subscriber } of this.#of(topic).attached.values()) subscriber.deliver(frame)
  }

  async ask(entity: string, ask: Ask): Promise<Answer | undefined> {
    await new Promise((resolve) => setImmediate(resolve))
    if (this.isDown) return undefined
    // oxlint-disable-next-line switch-exhaustiveness-check -- sessions ask no more than this
    switch (ask.kind) {
      case 'card':
        return this.cards.get(entity) ?? null
      case 'login-find':
        return this.logins.get(entity) ?? null
      case 'login-create':
        if (this.logins.has(entity)) return 'taken'
        this.logins.set(entity, { uid: ask.account.uid, secret: ask.secret, level: 'auth' })
        // The account follows its name after a moment, as it does through the outbox.
        setTimeout(() => this.#begin(ask.account), 5)
        return 'ok'
      case 'account-create':
        this.#begin(ask.account)
        return 'ok'
      case 'login-change': {
        const known = this.logins.get(entity)
        if (known?.uid !== ask.uid) return 'denied'
        this.logins.set(entity, { ...known, secret: ask.secret })
        return 'ok'
      }
      default:
        return null
    }
  }

  async order(entity: string, ask: Ask): Promise<Answer | Unanswered> {
    const answer = await this.ask(entity, ask)
    return answer === undefined ? new Unanswered(this.whyDown) : answer
  }

  change(uid: string, change: Partial<UserCard>): void {
    this.cards.set(uid, { ...this.cards.get(uid)!, ...change })
  }

  #begin(account: NewAccount): void {
    this.accounts.push(account)
    this.cards.set(account.uid, cardOf(account.uid, account.level))
  }

  #of(topic: TopicName): Conversation {
    let conversation = this.#conversations.get(topic)
    if (conversation === undefined) {
      conversation = { seq: 0, attached: new Map() }
      this.#conversations.set(topic, conversation)
    }
    return conversation
  }

  #answer(from: Subscriber, request: TopicRequest): void {
    const { id, topic, said, command } = request
    const conversation = this.#of(topic)
    const isAttached = conversation.attached.has(from.sid)
    const to = { id, topic: said === '' ? undefined : /^n(ew|ch)/.test(said) ? topic : said }
    const now = Date.now()
    const say = (code: number, text: string): void => {
      from.deliver(ctrlFrame(to, code, now, undefined, text))
    }
    switch (command.kind) {
      case 'sub':
        if (isAttached) return say(304, 'already subscribed')
        conversation.attached.set(from.sid, { subscriber: from, name: said })
        return say(200, 'ok')
      case 'leave':
        conversation.attached.delete(from.sid)
        return isAttached ? say(200, 'ok') : say(304, 'not joined')
      case 'pub': {
        if (!isAttached && topic !== 'sys') return say(409, 'must attach first')
        const seq = ++conversation.seq
        if (id !== undefined) from.deliver(acceptedFrame(to, seq, now))
        const { head, content, noecho } = command
        for (const { subscriber, name } of conversation.attached.values()) {
          if (noecho && subscriber.sid === from.sid) continue
          const data = { seq, from: from.uid, ts: now, head, content }
          subscriber.deliver(dataFrame(name, data, false))
        }
        return
      }
      case 'note':
        for (const { subscriber, name } of conversation.attached.values()) {
          if (subscriber.sid === from.sid) continue
          subscriber.deliver(
            new Frame(JSON.stringify({ info: { topic: name, what: command.what } })),
          )
        }
        return
      case 'get':
        return say(204, 'no content')
      case 'del':
        if (command.what === 'user') this.cards.delete(command.user!)
        if (command.delseq?.some(({ low }) => low > conversation.seq)) return say(400, 'malformed')
        return say(200, 'ok')
      case 'set':
        return say(200, 'ok')
    }
  }
}

export function cardOf(uid: UserId, level: AuthLevel): UserCard {
  const at = Date.now()
  const defacs = { auth: 0, anon: 0 }
  const none = { public: undefined, trusted: undefined }
  return { uid, state: 'ok', created: at, updated: at, defacs, ...none, serial: 7, level }
}
