import type { FlotillaClient } from '../../client/client.ts'
import type { Outcome } from '../../client/outcome.ts'
import type { Data, Info, Pres } from '../../client/protocol.ts'
import type { Publisher } from '../../client/publisher.ts'
import type { Clock } from '../../ports.ts'
import { Names } from './names.ts'
import { harmless } from './terminal.ts'

export interface ConversationOptions {
  readonly client: FlotillaClient
  readonly publisher: Publisher
  readonly clock: Clock
  readonly say: (line: string) => void
}

const help = `/new NAME      make a group and enter it
/join TOPIC    enter a group (grp…) or a channel (chn…)
/p2p USER      talk to one person (usr…)
/who           who is in this topic
/history [N]   the last N messages (20)
/leave         leave this topic
/me            who I am
/quit          end
anything else is sent to the topic`

/** One person's chat: lines in, what happens out. One topic is open at a time. */
export class Conversation {
  readonly #client: FlotillaClient
  readonly #publisher: Publisher
  readonly #clock: Clock
  readonly #say: (line: string) => void
  readonly #names = new Names()
  #topic: string | null = null
  #lastTyping = -Infinity
  readonly #asked = new Set<string>()
  /** The end of what is being shown. */
  #shown: Promise<void> = Promise.resolve()

  constructor(options: ConversationOptions) {
    this.#client = options.client
    this.#publisher = options.publisher
    this.#clock = options.clock
    this.#say = options.say
  }

  /** Attaches to `me`: from here on contacts see us online and we see them. */
  async begin(): Promise<void> {
    const { outcome } = await this.#client.subscribe('me', {
      pres: (pres) => this.#showPresence(pres),
      info: (info) => this.#showInfo(info),
    })
    if (outcome.kind !== 'ok') {
      this.#failed('could not open your own topic', outcome)
      return
    }
    const { metas } = await this.#client.get('me', { what: 'sub' })
    for (const meta of metas) this.#names.learnRows(meta.sub ?? [])
  }

  /** Carries out one line. False: the person wants to stop. */
  async line(line: string): Promise<boolean> {
    const text = line.trim()
    if (text === '') return true
    if (!text.startsWith('/')) {
      await this.#send(text)
      return true
    }
    const [word = '', ...rest] = text.split(/\s+/)
    const value = rest.join(' ')
    switch (word) {
      case '/new':
        await this.#create(value)
        break
      case '/join':
      case '/p2p':
        await this.enter(value)
        break
      case '/who':
        await this.#who()
        break
      case '/history':
        await this.#history(Number(value === '' ? 20 : value))
        break
      case '/leave':
        await this.#leave()
        break
      case '/me':
        this.#say(`you are ${this.#client.user ?? 'not logged in'}`)
        break
      case '/quit':
        return false
      default:
        this.#say(help)
    }
    return true
  }

  async enter(topic: string): Promise<void> {
    if (topic === '') {
      this.#say('which topic?')
      return
    }
    await this.#put(() => this.#client.subscribe(topic, this.#handlers()), topic)
  }

  /** Resolves when everything that has arrived is shown. */
  async settled(): Promise<void> {
    await this.#shown
  }

  /** The person is typing; others are told at most every few seconds. */
  typing(): void {
    const now = this.#clock.monotonic()
    if (this.#topic === null || now - this.#lastTyping < typingEveryMs) return
    this.#lastTyping = now
    this.#client.note(this.#topic, 'kp')
  }

  async #create(name: string): Promise<void> {
    const fn = name === '' ? 'group' : name
    await this.#put(() => this.#client.createGroup({ fn }, this.#handlers()), fn)
  }

  /** Leaves the open topic only when the other could be opened. */
  async #put(open: () => ReturnType<FlotillaClient['subscribe']>, called: string): Promise<void> {
    if (called === this.#topic) return
    const { outcome, subscription } = await open()
    if (subscription === null) {
      this.#failed(`cannot open ${harmless(called)}`, outcome)
      return
    }
    if (this.#topic !== null) await this.#client.leave(this.#topic)
    this.#topic = subscription.topic
    const { metas } = await this.#client.get(subscription.topic, { what: 'desc sub' })
    for (const { desc, sub } of metas) {
      this.#names.learn(subscription.topic, desc?.public)
      this.#names.learnRows(sub ?? [])
    }
    this.#say(`* ${this.#names.of(subscription.topic)} (${subscription.topic})`)
  }

  #handlers() {
    return {
      data: (data: Data) => this.#showMessage(data),
      info: (info: Info) => this.#showInfo(info),
      pres: (pres: Pres) => this.#showPresence(pres),
      ended: (why: Outcome) => {
        this.#topic = null
        this.#say(`* this topic is over for you: ${why.text}`)
      },
    }
  }

  async #send(text: string): Promise<void> {
    if (this.#topic === null) {
      this.#say('open a topic first: /new NAME, /join TOPIC or /p2p USER')
      return
    }
    this.#lastTyping = -Infinity
    const outcome = await this.#publisher.publish(this.#topic, text)
    if (outcome.kind !== 'ok') this.#failed('not sent', outcome)
  }

  async #who(): Promise<void> {
    if (this.#topic === null) return this.#say('no topic is open')
    const { outcome, metas } = await this.#client.get(this.#topic, { what: 'sub' })
    const rows = metas.flatMap(({ sub }) => sub ?? [])
    this.#names.learnRows(rows)
    if (outcome.kind !== 'ok') this.#failed('nobody can be shown', outcome)
    for (const { user = '?', online } of rows) {
      const mark = online === true || user === this.#client.user ? ' (online)' : ''
      this.#say(`  ${this.#names.of(user)} ${harmless(user)}${mark}`)
    }
  }

  async #history(count: number): Promise<void> {
    if (this.#topic === null) return this.#say('no topic is open')
    const limit = Number.isInteger(count) && count > 0 ? Math.min(count, 100) : 20
    const { outcome, messages } = await this.#client.history(this.#topic, { limit })
    if (outcome.kind !== 'ok') this.#failed('no history', outcome)
    for (const message of messages) this.#say(this.#messageLine(message))
  }

  async #leave(): Promise<void> {
    const topic = this.#topic
    if (topic === null) return this.#say('no topic is open')
    this.#topic = null
    const outcome = await this.#client.leave(topic)
    if (outcome.kind === 'ok') this.#say(`* left ${this.#names.of(topic)}`)
    else this.#failed('left, but the server did not say so', outcome)
  }

  #showMessage(data: Data): void {
    this.#named(data.from, () => this.#say(this.#messageLine(data)))
    if (data.from !== this.#client.user) this.#client.note(data.topic, 'read', data.seq)
  }

  #messageLine({ seq, from, content }: Data): string {
    const who = from === undefined ? '' : from === this.#client.user ? 'me' : this.#names.of(from)
    return `[${seq}] ${who}: ${harmless(textOf(content))}`
  }

  #showInfo({ from, what, src, topic }: Info): void {
    if (what !== 'kp' || from === undefined) return
    const where = topic === 'me' && src !== undefined ? ` in ${this.#names.of(src)}` : ''
    this.#say(`* ${this.#names.of(from)} is typing${where}`)
  }

  #showPresence({ topic, src, what, act, seq }: Pres): void {
    const about = src ?? topic
    this.#named(about, () => {
      const who = this.#names.of(about)
      if (what === 'on') this.#say(`* ${who} is online`)
      else if (what === 'off') this.#say(`* ${who} went offline`)
      else if (what === 'msg' && topic === 'me') {
        const by = act === undefined || act === about ? '' : ` by ${this.#names.of(act)}`
        this.#say(`* message ${seq ?? ''} in ${who}${by}`)
      } else if (what === 'gone') this.#say(`* ${who} is gone`)
    })
  }

  /** Shows something after the name in it is known, or cannot be had; all in the order of arrival. */
  #named(id: string | undefined, show: () => void): void {
    this.#shown = this.#shown.then(() => this.#learn(id)).then(show)
  }

  /** Asks for the name behind a user or topic, once. */
  async #learn(id: string | undefined): Promise<void> {
    if (id === undefined || this.#names.has(id) || this.#asked.has(id) || id === 'me') return
    if (this.#asked.size < maxAsked) this.#asked.add(id)
    const { metas } = await this.#client.get(id, { what: 'desc' })
    for (const { desc } of metas) this.#names.learn(id, desc?.public)
  }

  #failed(what: string, outcome: Outcome): void {
    const doubt = outcome.kind === 'unknown' ? ' (it may have happened)' : ''
    this.#say(`! ${what}: ${harmless(outcome.text)}${doubt}`)
  }
}

/** What to show of a message: text as it is, Drafty by its text, the rest as JSON. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (typeof content === 'object' && content !== null) {
    const { txt } = content as { txt?: unknown }
    if (typeof txt === 'string') return txt
  }
  return JSON.stringify(content) ?? ''
}

/** Ids whose name was asked for. Above: they may be asked for again. */
const maxAsked = 10_000

/** As the stock clients do. */
const typingEveryMs = 3_000
