import type { UserId } from '../ids/user-id.ts'

/** What the stream tells of one member. `reader`: of a channel. */
interface Member {
  readonly want: number
  readonly given: number
  readonly reader: boolean
}

/** The rights of members who listen on this node, as the stream last told them. */
export class MemberRights {
  readonly #members = new Map<UserId, Member>()

  /** `member` false: no longer one. */
  set(uid: UserId, want: number, given: number, member: boolean, reader: boolean): void {
    if (member) this.#members.set(uid, { want, given, reader })
    else this.#members.delete(uid)
  }

  /** Reads a channel: knows it as `chn…`, and is not told who writes, reads or types there. */
  reads(uid: UserId): boolean {
    return this.#members.get(uid)?.reader === true
  }

  /** Are all these bits in effect? */
  has(uid: UserId, bits: number): boolean {
    const member = this.#members.get(uid)
    return member !== undefined && (member.want & member.given & bits) === bits
  }

  /** All bits of `needs` and, if it names any, one of `anyOf`; nothing needed: anybody. */
  allows(uid: UserId, needs: number, anyOf: number): boolean {
    if (needs === 0 && anyOf === 0) return true
    const member = this.#members.get(uid)
    if (member === undefined) return false
    const mode = member.want & member.given
    return (mode & needs) === needs && (anyOf === 0 || (mode & anyOf) !== 0)
  }
}
