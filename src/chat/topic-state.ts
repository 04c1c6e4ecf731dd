import { assert } from '../assert.ts'
import { kindOf } from '../ids/topic-name.ts'
import type { TopicKind, TopicName } from '../ids/topic-name.ts'
import { userIdBytes } from '../ids/user-id.ts'
import type { UserId } from '../ids/user-id.ts'
import { O } from './access-mode.ts'
import { AgeMarks } from './age-marks.ts'
import { DeletionLog } from './deletion-log.ts'
import type { Row } from './entity.ts'
import { Members } from './members.ts'
import type { Member } from './member.ts'
import { likelyMessageBytes, maxMessageBytes, messageKey, writeMessage } from './message-row.ts'
import type { StoredMessage } from './message-row.ts'
import type { Write } from './outcome.ts'
import { Producers } from './producers.ts'
import { TimeMarks, keptFrom } from './retention.ts'
import type { Retention } from './retention.ts'
import { clipSpans, joinSpans } from './seq-ranges.ts'
import type { Span } from './seq-ranges.ts'
import { tables } from './tables.ts'
import {
  decodeDescription,
  decodeErasing,
  decodeHead,
  emptyDescription,
  emptyHead,
  encodeDescription,
  encodeErasing,
  encodeHead,
  selfKeys,
} from './topic-rows.ts'
import type { Description, Head } from './topic-rows.ts'

/**
 * Rows of deleted messages removed by the deletion itself, and by each `sweep`. What is left is
 * hidden already, and goes with later sweeps and, a few at a time, with other batches of the topic.
 */
export const maxErased = 4_096
/** Rows of trimmed messages removed by a `sweep`. */
export const maxSwept = 512
/** Rows removed along with a batch that has another purpose, besides two for each new message. */
export const sweptAlong = 16

interface PendingMessage {
  readonly seq: number
  readonly message: StoredMessage
  readonly sender: Uint8Array | null
}

/**
 * All that a conversation is, and which of its rows are dirty. Rules read it freely and change it
 * only after they have decided.
 */
export class TopicState {
  readonly name: TopicName
  readonly kind: TopicKind
  readonly head: Head
  readonly description: Description
  readonly members: Members
  readonly deletions: DeletionLog
  readonly producers: Producers
  readonly ages: AgeMarks
  readonly times: TimeMarks
  /** Hidden from everybody; rows still to be removed. */
  #erasing: Span[]
  #erasingDirty = false
  #sweeping = false
  #headDirty = false
  #descriptionDirty = false
  #descriptionBytes = 0
  #messages: PendingMessage[] = []

  constructor(name: TopicName, rows: readonly Row[]) {
    this.name = name
    this.kind = kindOf(name)
    const of = (table: number): Row[] => rows.filter((row) => row.table === table)
    const self = of(tables.self)
    const row = (key: Uint8Array): Row | undefined =>
      self.find((found) => found.key.length === key.length && found.key[0] === key[0])
    const head = row(selfKeys.head)
    const description = row(selfKeys.description)
    const erasing = row(selfKeys.erasing)
    this.head = head === undefined ? emptyHead() : decodeHead(head.value)
    this.description =
      description === undefined ? emptyDescription() : decodeDescription(description.value)
    this.#descriptionBytes = description?.value.length ?? 0
    this.#erasing = erasing === undefined ? [] : decodeErasing(erasing.value)
    this.ages = AgeMarks.open(row(selfKeys.ages))
    this.times = TimeMarks.open(row(selfKeys.times))
    this.members = Members.open(of(tables.member))
    this.deletions = DeletionLog.open(of(tables.deletion))
    this.producers = Producers.open(of(tables.producer))
  }

  get live(): boolean {
    return this.head.state === 'live'
  }

  get owner(): Member | undefined {
    const { owner } = this.description
    return owner === '' ? undefined : this.members.get(owner)
  }

  /** Nobody may write: the account of one side, or of the owner, is suspended. */
  get readOnly(): boolean {
    const { suspended, owner } = this.description
    if (suspended.length === 0) return false
    return this.kind === 'p2p' || (owner !== '' && suspended.includes(owner))
  }

  /** The topic exists from now on. */
  open(now: number): void {
    this.head.state = 'live'
    this.head.touched = now
    this.description.created = now
    this.description.updated = now
    this.touchHead()
    this.touchDescription()
  }

  touchHead(): void {
    this.#headDirty = true
  }

  touchDescription(): void {
    this.#descriptionDirty = true
  }

  /** Stores the next message; returns its seq. */
  append(message: StoredMessage, sender: Member | undefined): number {
    const seq = this.head.seq + 1
    assert(Number.isSafeInteger(seq), 'CHAT-1', { seq })
    const last = this.#messages[this.#messages.length - 1]
    assert(last === undefined || last.seq === seq - 1, 'CHAT-1', { last: last?.seq, seq })
    this.head.seq = seq
    this.head.touched = message.ts
    this.#headDirty = true
    const key = sender?.key ?? (message.from === '' ? null : userIdBytes(message.from))
    this.#messages.push({ seq, message, sender: key })
    return seq
  }

  /** (Re)subscribes. When nothing is left of the history, nothing of it is unread. */
  enter(uid: UserId, now: number, reader: boolean): Member {
    const member = this.members.enter(uid, now, reader)
    const { seq } = this.head
    const [hidden] = this.hiddenFrom('', 1, seq + 1)
    if (hidden !== undefined && hidden[0] === 1 && hidden[1] === seq + 1) {
      member.read = seq
      member.recv = seq
    }
    return member
  }

  /** What `uid` must not see of [low, high): deleted, or trimmed. */
  hiddenFrom(uid: UserId | '', low: number, high: number): Span[] {
    const deleted = this.deletions.hiddenFrom(uid, low, high)
    const trimmed = clipSpans([[1, this.head.kept]], low, high)
    return trimmed.length === 0 ? deleted : joinSpans([...trimmed, ...deleted])
  }

  /** The transactions in [since, before) that concern `uid`, newest `limit` of them; trimming is one. */
  deletedSince(
    uid: UserId,
    since: number,
    before: number,
    limit: number,
  ): { clear: number; spans: Span[] } {
    const found = this.deletions.since(uid, since, before, limit)
    const { trim, kept } = this.head
    if (trim === 0 || trim < since || trim >= before) return found
    return { clear: Math.max(found.clear, trim), spans: joinSpans([[1, kept], ...found.spans]) }
  }

  /** How far somebody has read: what was trimmed is nothing unread. */
  readOf({ read }: Member): number {
    return Math.max(read, this.head.kept - 1)
  }

  recvOf({ recv }: Member): number {
    return Math.max(recv, this.head.kept - 1)
  }

  /** Hides what falls out of `limits`, as one delete transaction for everybody. True: something did. */
  trim(now: number, limits: Retention): boolean {
    const { head } = this
    const kept = keptFrom(head, this.times, now, limits)
    if (kept === head.kept) return false
    assert(kept > head.kept && kept <= head.seq + 1, 'CHAT-9', { kept, head })
    head.kept = kept
    head.trim = ++head.deletions
    head.clear = head.trim
    this.#headDirty = true
    this.deletions.dropBelow(kept)
    return true
  }

  /** Rows of trimmed messages that are still there. */
  get unswept(): number {
    return this.head.kept - this.head.swept
  }

  /** Numbers the next delete transaction and hides `spans` from `uid`, or from everybody for ''. */
  hide(uid: UserId | '', spans: readonly Span[]): number {
    const id = ++this.head.deletions
    this.#headDirty = true
    this.deletions.add({ id, uid, spans })
    if (uid === '') {
      this.head.clear = id
      this.#erase(spans)
    }
    return id
  }

  /** The topic is deleted: everything in it is gone, its numbers stay. */
  close(): void {
    const { head } = this
    head.state = 'gone'
    const id = ++head.deletions
    head.clear = id
    this.#headDirty = true
    const all: Span[] = head.seq === 0 ? [] : [[1, head.seq + 1]]
    this.deletions.replaceBy({ id, uid: '', spans: all })
    this.#erase(all)
    for (const member of this.members.all()) this.members.remove(member)
    const { description } = this
    const fresh = emptyDescription()
    delete description.public
    delete description.trusted
    delete description.aux
    Object.assign(description, fresh)
    this.#descriptionDirty = true
  }

  /** Removes more rows of messages that are hidden. False: none of deleted ones were left. */
  erase(): boolean {
    this.#sweeping = true
    if (this.#erasing.length === 0) return false
    this.#erasingDirty = true
    return true
  }

  takeWrites(): Write[] {
    const writes: Write[] = []
    const table = tables.self
    const along = sweptAlong + 2 * this.#messages.length
    const swept = this.#sweep(this.#sweeping ? maxSwept : this.#headDirty ? along : 0)
    this.#sweeping = false
    if (this.#headDirty) {
      writes.push({ table, key: selfKeys.head, value: encodeHead(this.head) })
      this.#headDirty = false
    }
    if (this.#descriptionDirty) {
      this.#checkOwner()
      const value = encodeDescription(this.description)
      writes.push({ table, key: selfKeys.description, value })
      this.#descriptionBytes = value.length
      this.#descriptionDirty = false
    }
    if (this.ages.dirty) {
      writes.push({ table, key: selfKeys.ages, value: this.ages.encode() })
      this.ages.dirty = false
    }
    if (this.times.dirty) {
      writes.push({ table, key: selfKeys.times, value: this.times.encode() })
      this.times.dirty = false
    }
    this.members.takeWrites(writes, this.head.seq)
    this.deletions.takeWrites(writes)
    this.producers.takeWrites(writes)
    this.#takeMessages(writes)
    removeMessages(writes, swept) // behind the new ones, some of which may be among them
    const goesOn = writes.length > 0 && this.#erasing.length > 0
    if (this.#erasingDirty) this.#takeErased(writes, maxErased)
    else if (goesOn) this.#takeErased(writes, along)
    return writes
  }

  /** Rough bytes in memory. */
  weight(): number {
    return (
      2_000 +
      this.#descriptionBytes +
      this.members.weight +
      this.deletions.weight +
      this.producers.size * 800
    )
  }

  #erase(spans: readonly Span[]): void {
    // Rows of trimmed messages go by themselves.
    const { kept, seq } = this.head
    this.#erasing = joinSpans([...this.#erasing, ...clipSpans(spans, kept, seq + 1)])
    this.#erasingDirty = true
  }

  /** All messages of the batch go into one buffer when their text is as short as it mostly is. */
  #takeMessages(writes: Write[]): void {
    const messages = this.#messages
    if (messages.length === 0) return
    this.#messages = []
    let size = 0
    for (const { message } of messages) size += likelyMessageBytes(message)
    const bytes = new Uint8Array(size)
    let at = 0
    for (const { seq, message, sender } of messages) {
      const end = writeMessage(bytes, at, message, sender)
      let value: Uint8Array
      if (end >= 0) {
        value = bytes.subarray(at, end)
        at = end
      } else {
        const own = new Uint8Array(maxMessageBytes(message))
        value = own.slice(0, writeMessage(own, 0, message, sender))
      }
      writes.push({ table: tables.messages, key: messageKey(seq), value })
    }
  }

  /** Trimmed messages whose rows go now, at most `most`. */
  #sweep(most: number): Span {
    const { swept, kept } = this.head
    const end = Math.min(kept, swept + most)
    assert(swept >= 1 && swept <= kept, 'CHAT-9', { swept, kept })
    if (end > swept) this.#headDirty = true
    this.head.swept = end
    return [swept, end]
  }

  #takeErased(writes: Write[], most: number): void {
    this.#erasingDirty = false
    let left = most
    while (left > 0) {
      const span = this.#erasing.pop()
      if (span === undefined) break
      const [low, high] = span
      const from = Math.max(low, high - left)
      removeMessages(writes, [from, high])
      left -= high - from
      if (from > low) this.#erasing.push([low, from])
    }
    const value = this.#erasing.length === 0 ? null : encodeErasing(this.#erasing)
    writes.push({ table: tables.self, key: selfKeys.erasing, value })
  }

  #checkOwner(): void {
    if (!this.live || this.kind === 'p2p' || this.kind === 'sys') return
    const { owner } = this.description
    const member = this.owner
    assert(member !== undefined && member.subscribed, 'CHAT-3', { owner })
    assert((member.want & member.given & O) !== 0, 'CHAT-3', { owner, mode: member.mode })
  }
}

function removeMessages(writes: Write[], [low, high]: Span): void {
  for (let seq = low; seq < high; seq++) {
    writes.push({ table: tables.messages, key: messageKey(seq), value: null })
  }
}
