import { decodeMessage } from '../../src/chat/message-row.ts'
import type { StoredMessage } from '../../src/chat/message-row.ts'
import { tables } from '../../src/chat/tables.ts'
import type { TopicName } from '../../src/ids/topic-name.ts'
import { decodeEffects } from '../../src/partition/effect.ts'
import { entityKey, rowKeyOffset } from '../../src/partition/rows.ts'
import type { Entry } from '../../src/raft/entry.ts'
import type { ChaosClient, Oracle, Sent } from './chaos-client.ts'

/** What has become of the tries to publish one body. */
export interface Attempt {
  readonly topic: TopicName
  tries: number
  refused: number
  readonly seqs: number[]
}

/**
 * Knows what has committed, in which order and when: whatever leaves a node is held against it at
 * once (P1, P3, P5), the rest at the end.
 */
export class Truth implements Oracle {
  readonly wrongs: string[] = []
  readonly attempts = new Map<string, Attempt>()
  /** Rows of each group after all that has committed, as hex. */
  readonly rows = new Map<string, string>()
  /** seqs that somebody asked to delete for everybody. */
  readonly deleted = new Map<TopicName, Set<number>>()
  /** By user and topic: seqs that he asked to delete for himself or for everybody. */
  readonly hidden = new Map<string, Set<number>>()
  readonly leavers = new Set<string>()
  /** User and topic: his last message, since nobody asked for him to be let in again. */
  readonly #out = new Map<string, number>()
  /** User and topic: what may have let him in, or may do so still. */
  readonly #doors = new Map<string, Sent[]>()
  readonly #messages = new Map<string, Map<number, StoredMessage>>()
  readonly #stored = new Set<string>()
  readonly #places = new Map<TopicName, string>()
  note: (line: () => string) => void = () => {}

  wrong = (what: string): void => {
    this.note(() => `WRONG ${what}`)
    if (this.wrongs.length < 20) this.wrongs.push(what)
  }

  attempt(topic: TopicName, body: string): Attempt {
    let attempt = this.attempts.get(body)
    if (attempt === undefined)
      this.attempts.set(body, (attempt = { topic, tries: 0, refused: 0, seqs: [] }))
    attempt.tries++
    return attempt
  }

  committed(group: number, entry: Entry): void {
    if (entry.data.length === 0) return
    for (const { key, value } of decodeEffects(entry.data, new Uint8Array(0))) {
      const hex = Buffer.from(key).toString('hex')
      const place = `${group}/${hex}`
      if (value === null) this.rows.delete(place)
      else this.rows.set(place, Buffer.from(value).toString('hex'))
      if (key[0] !== 0x10 || key[rowKeyOffset - 1] !== tables.messages || value === null) continue
      const seq = Number(Buffer.from(key).readBigUInt64BE(rowKeyOffset))
      this.#message(hex.slice(2, 36), seq, decodeMessage(value))
    }
  }

  messages(topic: TopicName): Map<number, StoredMessage> {
    let place = this.#places.get(topic)
    if (place === undefined) {
      this.#places.set(topic, (place = Buffer.from(entityKey(topic)).toString('hex')))
    }
    return this.#of(place)
  }

  accepted({ id, topic, command, seq }: Sent): void {
    const stored = this.messages(topic).get(seq)
    const content = command.kind === 'pub' ? command.content : ''
    if (stored?.content !== content) {
      this.wrong(`${id} was accepted as ${seq}: ${content}, which is ${stored?.content}`)
    }
  }

  asksFor(uid: string, topic: TopicName, sent: Sent): void {
    const who = `${uid} ${topic}`
    this.#out.delete(who)
    const doors = this.#doors.get(who) ?? []
    doors.push(sent)
    this.#doors.set(who, doors)
  }

  /** The answer says that he is out: what is stored from now on is not for him (P5). */
  expelled(uid: string, topic: TopicName, kick: Sent): void {
    const doors = this.#doors.get(`${uid} ${topic}`) ?? []
    const isShut = doors.every(
      (sent) => sent === kick || (sent.done > 0 && sent.doneAt < kick.at && sent.code < 500),
    )
    if (isShut) this.#out.set(`${uid} ${topic}`, this.messages(topic).size)
  }

  data(client: ChaosClient, topic: TopicName, seq: number, content: unknown): void {
    const last = this.#out.get(`${client.uid} ${topic}`)
    if (last !== undefined && seq > last) {
      this.wrong(`${client.sid} got ${seq} of ${topic}, and was taken out at ${last}`)
    }
    const stored = this.messages(topic).get(seq)
    if (stored?.content !== JSON.stringify(content)) {
      this.wrong(
        `${client.sid} got ${seq} of ${topic}: ${JSON.stringify(content)}, which is ${stored?.content}`,
      )
    }
  }

  #message(place: string, seq: number, message: StoredMessage): void {
    const messages = this.#of(place)
    if (messages.has(seq)) this.wrong(`seq ${seq} was given out twice`)
    if (seq !== messages.size + 1) this.wrong(`seq ${seq} comes after ${messages.size}`)
    if (this.#stored.has(message.content)) this.wrong(`${message.content} is stored twice`)
    this.#stored.add(message.content)
    if (!this.attempts.has(JSON.parse(message.content)))
      this.wrong(`${message.content} was never sent`)
    messages.set(seq, message)
  }

  #of(place: string): Map<number, StoredMessage> {
    let messages = this.#messages.get(place)
    if (messages === undefined) this.#messages.set(place, (messages = new Map()))
    return messages
  }
}
