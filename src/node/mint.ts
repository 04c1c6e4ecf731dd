import { join } from 'node:path'
import { IdCipher } from '../ids/cipher.ts'
import { IdMint, isRefusal } from '../ids/id-mint.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import { Snowflake } from '../ids/snowflake.ts'
import { id64ToBigInt } from '../ids/snowflake.ts'
import type { TopicName } from '../ids/topic-name.ts'
import type { UserId } from '../ids/user-id.ts'
import type { Clock } from '../ports.ts'
import { readIfThere, writeDurably } from './durable-file.ts'

/** Ids of this node, with their ceiling on disk ahead of use (P7). */
export class Mint {
  readonly #snowflake: Snowflake
  readonly #ids: IdMint
  readonly #clock: Clock
  readonly #path: string

  /** `folder`: the node's data; `idKey`: 16 bytes, the same on all nodes. */
  constructor(folder: string, machine: NodeIndex, idKey: Uint8Array, clock: Clock) {
    this.#path = join(folder, 'snowflake-ceiling')
    this.#clock = clock
    const saved = Number(readIfThere(this.#path) ?? '0')
    this.#snowflake = new Snowflake(machine, saved)
    this.#ids = new IdMint({ next: (nowMs) => this.#next(nowMs) }, new IdCipher(idKey))
    this.#reserve()
  }

  /** The clock was set back so far that no id can be minted: whoever needs one is refused. */
  get isClockBehind(): boolean {
    return this.#snowflake.isBehind(this.#clock.now())
  }

  user(): UserId {
    return granted(this.#ids.user(this.#clock.now()))
  }

  group(): TopicName {
    return granted(this.#ids.group(this.#clock.now()))
  }

  /** Session ids are seen by nodes only, so they are the plain snowflake in base 36: short, and they sort by age. */
  session(): string {
    const id = this.#next(this.#clock.now())
    if (typeof id === 'string') return granted<string>(id)
    return id64ToBigInt(id).toString(36)
  }

  #next(nowMs: number): ReturnType<Snowflake['next']> {
    const id = this.#snowflake.next(nowMs)
    if (id !== 'needs-ceiling') return id
    this.#reserve()
    return this.#snowflake.next(nowMs)
  }

  /** Blocks for one small sync, at most once in some seconds of minting. */
  #reserve(): void {
    const ceiling = this.#snowflake.ceilingToSave(this.#clock.now())
    if (ceiling === null) return // enough is reserved, or the clock is too far behind to mint at all
    writeDurably(this.#path, String(ceiling))
    this.#snowflake.reserve(ceiling)
  }
}

/** The clock is so far behind that an id might repeat: whoever asked is refused with this. */
export class NoIdMinted extends Error {
  override readonly name = 'NoIdMinted'
}

function granted<T extends string>(minted: T | Parameters<typeof isRefusal>[0]): T {
  if (isRefusal(minted)) {
    throw new NoIdMinted(`no id can be minted (${minted}): check this machine's clock`)
  }
  return minted as T
}
