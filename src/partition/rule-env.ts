import type { ChatLimits, Env } from '../chat/entity.ts'

/** Who is there, as the topic floor knows it; rules ask through Env. */
export interface Presence {
  online(entity: string, uid: string): boolean
  active(entity: string): boolean
}

/** One object for all evaluations of a partition; `at` points it at the next one. */
export class RuleEnv implements Env {
  readonly limits: ChatLimits
  readonly #presence: Presence
  #name = ''
  now = 0

  constructor(limits: ChatLimits, presence: Presence) {
    this.limits = limits
    this.#presence = presence
  }

  at(name: string, now: number): this {
    this.#name = name
    this.now = Math.max(this.now, now) // within a term it never steps back
    return this
  }

  online(uid: string): boolean {
    return this.#presence.online(this.#name, uid)
  }

  active(): boolean {
    return this.#presence.active(this.#name)
  }
}
