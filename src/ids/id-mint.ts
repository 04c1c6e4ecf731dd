import { sometimes } from '../assert.ts'
import type { IdCipher } from './cipher.ts'
import type { Id64, MintRefusal, Snowflake } from './snowflake.ts'
import { grpTopic } from './topic-name.ts'
import type { TopicName } from './topic-name.ts'
import { userIdFromHalves } from './user-id.ts'
import type { UserId } from './user-id.ts'

/** New users and groups: unique by the snowflake, not guessable by the cipher. */
export class IdMint {
  readonly #snowflake: Pick<Snowflake, 'next'>
  readonly #cipher: IdCipher

  constructor(snowflake: Pick<Snowflake, 'next'>, cipher: IdCipher) {
    this.#snowflake = snowflake
    this.#cipher = cipher
  }

  /** `nowMs`: wall clock. Tell an id from a refusal by isRefusal. */
  user(nowMs: number): UserId | MintRefusal {
    const id = this.#hidden(nowMs)
    return typeof id === 'string' ? id : userIdFromHalves(id.high, id.low)
  }

  group(nowMs: number): TopicName | MintRefusal {
    const id = this.#hidden(nowMs)
    return typeof id === 'string' ? id : grpTopic(id.high, id.low)
  }

  /** Zero means "none", and exactly one minted id is enciphered to it: take the one after. */
  #hidden(nowMs: number): Id64 | MintRefusal {
    const id = this.#snowflake.next(nowMs)
    if (typeof id === 'string') return id
    const hidden = this.#cipher.encipher(id)
    const isZero = hidden.high === 0 && hidden.low === 0
    sometimes(isZero, 'ids: an id enciphered to zero')
    return isZero ? this.#hidden(nowMs) : hidden
  }
}

export function isRefusal(minted: string): minted is MintRefusal {
  return minted === 'clock-behind' || minted === 'needs-ceiling' || minted === 'epoch-over'
}
