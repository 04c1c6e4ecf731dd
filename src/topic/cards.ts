import type { Answer, Ask } from '../chat/ask.ts'
import type { Facts, UserCard } from '../chat/command.ts'
import type { UserId } from '../ids/user-id.ts'

/** Asks an entity wherever it lives; undefined: no answer in time. */
export type AskEntity = (entity: string, ask: Ask) => Promise<Answer | undefined>

/**
 * Users' cards, fetched from their partitions. Questions for one user that are under way at the
 * same time share one answer; nothing is kept after that, so that a change is seen by whoever asks
 * after it.
 */
export class Cards {
  readonly #ask: AskEntity
  readonly #underWay = new Map<UserId, Promise<UserCard | null | undefined>>()

  constructor(ask: AskEntity) {
    this.#ask = ask
  }

  /** Undefined when one of them cannot be had in time. */
  async facts(users: readonly UserId[]): Promise<Facts | undefined> {
    const cards = await Promise.all(users.map((uid) => this.card(uid)))
    const facts: { [uid: string]: UserCard | null } = {}
    for (const [i, card] of cards.entries()) {
      const uid = users[i]
      if (card === undefined || uid === undefined) return undefined
      facts[uid] = card
    }
    return facts as Facts
  }

  card(uid: UserId): Promise<UserCard | null | undefined> {
    const known = this.#underWay.get(uid)
    if (known !== undefined) return known
    const asked = this.#ask(uid, { kind: 'card' }).then((answer) => {
      this.#underWay.delete(uid)
      return answer as UserCard | null | undefined
    })
    this.#underWay.set(uid, asked)
    return asked
  }
}
