import type { Answer } from '../chat/ask.ts'
import type { LoginRecord } from '../chat/ask.ts'
import type { AuthLevel, Json, UserCard } from '../chat/command.ts'
import type { UserId } from '../ids/user-id.ts'
import type { Session } from './session.ts'
import type { SessionHost } from './session-host.ts'
import { validatedFeature } from './token.ts'

/** An account appears a moment after its login name; looked for this often and this long, ms. */
const cardRetryMs = 20
const cardPatienceMs = 3_000

/** The user's card; null: there is no such user; undefined: nobody could say in time. */
export async function cardOf(host: SessionHost, uid: UserId): Promise<UserCard | null | undefined> {
  const answer = await host.topics.ask(uid, { kind: 'card' })
  return answer === null || answer === undefined || isCard(answer) ? answer : undefined
}

/** Like cardOf, for a user whose login name was found: waits while the account is on its way. */
export async function cardSoon(
  host: SessionHost,
  uid: UserId,
): Promise<UserCard | null | undefined> {
  const until = host.clock.monotonic() + cardPatienceMs
  for (;;) {
    const card = await cardOf(host, uid)
    if (card !== null || host.clock.monotonic() >= until) return card
    await new Promise<void>((resolve) => host.timers.after(cardRetryMs, resolve))
  }
}

/** The params of a good login, with a fresh token (tinode-wire.md 8.2). */
export function admission(
  host: SessionHost,
  who: { uid: UserId; level: AuthLevel; login: string; serial: number },
): { readonly [key: string]: Json } {
  const expires = host.clock.now() + host.options.tokenLifetimeS * 1_000
  const token = host.tokens.issue({ ...who, expires, features: validatedFeature })
  return { user: who.uid, authlvl: who.level, token, expires }
}

/**
 * Runs what a verb must wait for, as a barrier, to its end. `orElse` answers when the work threw:
 * that is a bug here or a broken machine, and the client must not be left without an answer.
 */
export function waitFor(session: Session, work: Promise<void>, orElse: () => void): void {
  const done = session.begin(true)
  work
    .catch((error: unknown) => {
      session.host.logger.error({ error: String(error), sid: session.sid }, 'a login verb failed')
      orElse()
    })
    .finally(done)
}

export function isLoginRecord(answer: Answer | undefined): answer is LoginRecord {
  return typeof answer === 'object' && answer !== null && 'secret' in answer
}

function isCard(answer: Answer): answer is UserCard {
  return typeof answer === 'object' && answer !== null && 'serial' in answer
}
