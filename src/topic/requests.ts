import type { Claims, Command, Facts, PubCommand, SessionId } from '../chat/command.ts'
import type { HistoryPart, ReplyPart } from '../chat/outcome.ts'
import { errors } from '../errors.ts'
import type { ErrorCode } from '../errors.ts'
import { partitionOf } from '../ids/routing-key.ts'
import { clientTopicName, kindOf } from '../ids/topic-name.ts'
import type { UserId } from '../ids/user-id.ts'
import { limits } from '../limits.ts'
import type { Clock, Logger } from '../ports.ts'
import { Answering } from './answering.ts'
import type { Attachment } from './attachment.ts'
import type { Calls, Repeat } from './calls.ts'
import { Cards } from './cards.ts'
import type { AskEntity } from './cards.ts'
import type { AnswerMessage, Attached, PageMessage } from './messages.ts'
import { topicKinds } from './messages.ts'
import { Numbering } from './numbering.ts'
import type { ProxyDesk } from './proxy-desk.ts'
import type { Addressee } from './render.ts'
import { acceptedFrame, ctrlFrame } from './render.ts'
import type { Subscriber, TopicRequest } from './topics.ts'

/**
 * Takes requests of sessions to the owner of their topic and writes what comes back. The calls
 * below it see to it that an answer comes, or the deadline.
 */
export class Requests {
  readonly #count: number
  readonly #calls: Calls
  readonly #proxies: ProxyDesk
  readonly #ask: AskEntity
  readonly #cards: Cards
  readonly #answering: Answering
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #numbering = new Numbering()

  constructor(deps: {
    partitions: number
    calls: Calls
    proxies: ProxyDesk
    ask: AskEntity
    clock: Clock
    logger: Logger
  }) {
    this.#count = deps.partitions
    this.#calls = deps.calls
    this.#proxies = deps.proxies
    this.#ask = deps.ask
    this.#cards = new Cards(deps.ask)
    this.#answering = new Answering(this.#cards, deps.ask)
    this.#clock = deps.clock
    this.#logger = deps.logger
  }

  publish(
    from: Subscriber,
    request: TopicRequest,
    command: PubCommand,
    attachment: Attachment | undefined,
    done: () => void,
  ): void {
    const open = attachment?.live === true
    if (!open && kindOf(request.topic) !== 'sys') {
      this.say(from, request, 409, 'must attach first')
      return done()
    }
    const named = command.producer !== ''
    const producer = named ? command.producer : from.sid
    const numbers = named ? null : this.#numbering.of(from.sid, request.topic)
    if (numbers === undefined) {
      this.fail(from, request, 'queue-full')
      return done()
    }
    const n = numbers === null ? command.n : numbers.begin()
    const to = addressee(from, request)
    this.#calls.call(
      partitionOf(request.topic, this.#count),
      (call) => [
        topicKinds.publish,
        call,
        request.topic,
        from.uid,
        from.level,
        from.sid,
        producer,
        n,
        command.hash,
        command.head,
        command.content,
        command.noecho,
        numbers === null ? null : numbers.isFirst(n),
      ],
      limits.requestDeadlineMs,
      (m, isLast) => {
        if (m[0] === topicKinds.accepted) {
          if (request.id !== undefined) from.deliver(acceptedFrame(to, m[2], m[3]))
        } else if (m[0] === topicKinds.answer) {
          // What was refused once may be stored by the try behind it: rights come back.
          if (!isLast) return 'more'
          const first = m[3][0]
          // One sent before it went to an owner that is gone: it comes first there, too.
          if (first?.kind === 'ctrl' && first.text === 'out of order' && !named) return 'again'
          this.#answering.writeNow(from, to, m[2], m[3])
        }
        numbers?.end(n)
        done()
        return 'done'
      },
      (why) => {
        numbers?.end(n)
        this.fail(from, request, why)
        done()
      },
      'keyed',
    )
  }

  /** The session is gone, and with it the producer that it was. */
  forget(sid: SessionId): void {
    this.#numbering.forget(sid)
  }

  /**
   * `place`: where a `{sub}` is about to enter; for everything else, whether the session is attached.
   * `until`: when it must be answered, monotonic ms, however many questions it takes.
   * `isDoubted`: with fewer facts it was sent before, and nobody knows what became of that.
   */
  command(
    from: Subscriber,
    request: TopicRequest,
    command: Command,
    place: Attachment | boolean,
    done: () => void,
    until = this.#clock.monotonic() + limits.requestDeadlineMs,
    isDoubted = false,
  ): void {
    let awaited: AwaitedPage | null = null
    this.#calls.call(
      partitionOf(request.topic, this.#count),
      (call, isDoubtful) => [
        topicKinds.request,
        call,
        request.topic,
        [from.uid, from.level, from.sid, request.asChan, place === true || awaited !== null],
        awaited?.command ?? said(command, isDoubtful || isDoubted),
      ],
      until - this.#clock.monotonic(),
      (m, _isLast, isDoubtful) => {
        const doubt = isDoubtful || isDoubted
        if (m[0] === topicKinds.page) {
          if (awaited === null) return 'more' // its answer was lost with a link, and comes again
          awaited.take(m[2])
          return 'done'
        }
        if (m[0] !== topicKinds.answer) return 'more'
        const history = m[3].find((part) => part.kind === 'history')
        if (awaited !== null) {
          if (history !== undefined) return 'more'
          awaited.take(undefined)
          return 'done'
        }
        if (m[6] !== null && !('facts' in command)) {
          this.#withFacts(from, request, command, place, m[6], done, until, doubt)
          return 'done'
        }
        if (m[7] !== null && !isClaimed(command, m[7])) {
          this.#withClaims(from, request, command, place, m[7], done, until, doubt)
          return 'done'
        }
        if (doubt && isUnknown(command, m)) {
          this.#unanswered(from, request, place, 'no-answer', done)
          return 'done'
        }
        if (history !== undefined) awaited = new AwaitedPage(history)
        this.#answered(from, request, place, m, awaited, done, until)
        return history === undefined ? 'done' : 'more'
      },
      (why) => {
        if (awaited !== null) return awaited.take(undefined)
        this.#unanswered(from, request, place, truly(why, command, isDoubted), done)
      },
      repeatOf(command),
    )
  }

  #unanswered(
    from: Subscriber,
    request: TopicRequest,
    place: Attachment | boolean,
    why: ErrorCode,
    done: () => void,
  ): void {
    this.#notEntered(from, request, place)
    this.fail(from, request, why)
    done()
  }

  #withFacts(
    from: Subscriber,
    request: TopicRequest,
    command: Command,
    place: Attachment | boolean,
    users: readonly UserId[],
    done: () => void,
    until: number,
    doubt: boolean,
  ): void {
    this.#cards.facts(users, until).then(
      (facts: Facts | undefined) => {
        if (facts !== undefined) {
          const told = { ...command, facts } as Command
          return this.command(from, request, told, place, done, until, doubt)
        }
        this.#unanswered(from, request, place, truly('no-owner', command, doubt), done)
      },
      (error: unknown) => this.#logger.error({ error: String(error) }, 'cards could not be asked'),
    )
  }

  /** Unique tags are decided by their names' own partitions, before the topic takes them on. */
  #withClaims(
    from: Subscriber,
    request: TopicRequest,
    command: Command,
    place: Attachment | boolean,
    claims: Claims,
    done: () => void,
    until: number,
    doubt: boolean,
  ): void {
    const { tags, epoch } = claims
    const holder = request.topic
    const claim = (tag: string) =>
      this.#ask(`nam:${tag}`, { kind: 'name-claim', holder, epoch }, until)
    Promise.all(tags.map(claim)).then(
      (answers) => {
        const claimed: Claims = { tags: tags.filter((_, i) => answers[i] === 'ok'), epoch }
        if (!answers.includes(undefined)) {
          const told = { ...command, claimed } as Command
          return this.command(from, request, told, place, done, until, doubt)
        }
        // A name that was asked for may be taken by now.
        this.#unanswered(from, request, place, 'no-answer', done)
      },
      (error: unknown) => this.#logger.error({ error: String(error) }, 'names could not be asked'),
    )
  }

  #answered(
    from: Subscriber,
    request: TopicRequest,
    place: Attachment | boolean,
    [, , ts, answered, attach, detach]: AnswerMessage,
    awaited: AwaitedPage | null,
    done: () => void,
    until: number,
  ): void {
    const silent = request.command.kind === 'note'
    const { to, parts } = madeAddressee(from, request, resumed(request, answered, attach))
    const rest = silent ? [] : this.#answering.writeNow(from, to, ts, parts)
    if (attach === null) this.#notEntered(from, request, place)
    else if (typeof place === 'object') this.#proxies.entered(from, request, place, attach)
    if (detach) this.#proxies.expelled(from.sid, request.topic)
    if (rest.length === 0) return done()
    this.#answering
      .writeRest(from, to, request.topic, ts, rest, () => awaited?.page ?? nothing, until)
      .then(done, (error: unknown) => {
        this.#logger.error({ error: String(error) }, 'an answer could not be written')
        this.fail(from, request, 'internal')
        done()
      })
  }

  #notEntered(from: Subscriber, { topic }: TopicRequest, place: Attachment | boolean): void {
    if (typeof place === 'object') this.#proxies.notEntered(from, topic, place)
  }

  fail(from: Subscriber, request: TopicRequest, why: ErrorCode): void {
    if (request.command.kind === 'note') return
    const { ctrl } = errors[why]
    from.deliver(ctrlFrame(addressee(from, request), ctrl, this.#clock.now(), { error: why }))
  }

  say(from: Subscriber, request: TopicRequest, code: number, text?: string): void {
    from.deliver(ctrlFrame(addressee(from, request), code, this.#clock.now(), undefined, text))
  }
}

/** What changes something for good is not done twice; `{sub}` is told apart by the rules (`again`). */
function repeatOf(command: Command): Repeat {
  return command.kind === 'set' || command.kind === 'del' || command.kind === 'leave'
    ? 'once'
    : 'again'
}

function said(command: Command, isDoubtful: boolean): Command {
  return isDoubtful && command.kind === 'sub' ? { ...command, again: true } : command
}

/**
 * A refusal of a `{sub}` says nothing of a try before it that may have been done. What is wrong with
 * the request itself was wrong with it then, too.
 */
function isUnknown({ kind }: Command, [, , , parts]: AnswerMessage): boolean {
  const first = parts[0]
  if (kind !== 'sub' || first?.kind !== 'ctrl') return false
  return first.code >= 300 && first.code !== 400 && first.code !== 413
}

/** They were claimed for it, whatever came of that. Not so when the holder's epoch is another one by now. */
function isClaimed(command: Command, { epoch }: Claims): boolean {
  return 'claimed' in command && command.claimed?.epoch === epoch
}

/**
 * `why`, unless something may have been done: an earlier try, or names that were given to the topic
 * already, which everybody can see.
 */
function truly(why: ErrorCode, command: Command, isDoubted: boolean): ErrorCode {
  const hasNames = 'claimed' in command && (command.claimed?.tags.length ?? 0) > 0
  return isDoubted || hasNames ? 'no-answer' : why
}

const nothing = Promise.resolve(undefined)

/** Who comes with a cursor is told where the topic stands, and so whether his cursor can be of it. */
function resumed(
  { cursor }: TopicRequest,
  parts: readonly ReplyPart[],
  attach: Attached | null,
): readonly ReplyPart[] {
  const first = parts[0]
  if (cursor === undefined || attach === null || first?.kind !== 'ctrl') return parts
  return [{ ...first, params: { ...first.params, seq: attach[2] } }, ...parts.slice(1)]
}

/** The answer has been written but for its page of history: only that is asked for again. */
class AwaitedPage {
  readonly command: Command
  readonly page: Promise<readonly PageMessage[] | undefined>
  take!: (page: readonly PageMessage[] | undefined) => void

  constructor({ ranges, limit }: HistoryPart) {
    const data = { limit, ranges: ranges.map(([low, hi]) => ({ low, hi })) }
    this.command = { kind: 'get', query: { what: ['data'], data } }
    this.page = new Promise((resolve) => (this.take = resolve))
  }
}

/** As the client named it. */
function addressee(from: Subscriber, request: TopicRequest): Addressee {
  const { id, topic, said, asChan } = request
  return { id, topic: said === '' ? clientTopicName(topic, from.uid, asChan) : said }
}

/** A new group is answered under its real name, with the one that was asked for; a refusal under the latter. */
function madeAddressee(
  from: Subscriber,
  request: TopicRequest,
  parts: readonly ReplyPart[],
): { to: Addressee; parts: readonly ReplyPart[] } {
  const to = addressee(from, request)
  const first = parts[0]
  const { command, said, topic } = request
  const isMade = command.kind === 'sub' && command.create !== undefined
  if (!isMade || first?.kind !== 'ctrl' || first.code >= 300) return { to, parts }
  const params = { ...first.params, tmpname: said }
  return {
    to: { id: request.id, topic: clientTopicName(topic, from.uid) },
    parts: [{ ...first, params }, ...parts.slice(1)],
  }
}
