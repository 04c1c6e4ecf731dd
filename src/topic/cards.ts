import type { Answer, Ask } from '../chat/ask.ts'
import type { Facts, UserCard } from '../chat/command.ts'
import type { UserId } from '../ids/user-id.ts'

/**
 * Asks an entity wherever it lives; undefined: no answer in time. `until`: monotonic ms, of the
 * request for which it is asked; without it, the deadline of a request that begins now.
 */
export type AskEntity = (entity: string, ask: Ask, until?: number) => Promise<Answer | undefined>

interface Question {
  readonly until: number
  readonly answer: Promise<UserCard | null | undefined>
}

/**
 * Users' cards, fetched from their partitions. Questions for one user that are under way at the
 * same time share one answer; nothing is kept after that, so that a change is seen by whoever asks
 * after it.
 */
export class Cards {
  readonly #ask: AskEntity
  readonly #underWay = new Map<UserId, Question>()

  constructor(ask: AskEntity) {
    this.#ask = ask
  }

  /** Undefined when one of them cannot be had in time. */
  async facts(users: readonly UserId[], until?: number): Promise<Facts | undefined> {
    const cards = await Promise.all(users.map((uid) => this.card(uid, until)))
    const facts: { [uid: string]: UserCard | null } = {}
    for (const [i, card] of cards.entries()) {
      const uid = users[i]
      if (card === undefined || uid === undefined) return undefined
      facts[uid] = card
    }
    return facts as Facts
  }

  card(uid: UserId, until = Infinity): Promise<UserCard | null | undefined> {
    const known = this.#underWay.get(uid)
    // One that may be answered only after this request's deadline is of no use to it.
    if (known !== undefined && known.until <= until) return known.answer
    const answer = this.#ask(uid, { kind: 'card' }, until === Infinity ? undefined : until).then(
      (card) => {
        if (this.#underWay.get(uid) === question) this.#underWay.delete(uid)
        return card as UserCard | null | undefined
      },
    )
    const question: Question = { until, answer }
    this.#underWay.set(uid, question)
    return answer
  }
}
