import { uniqueNameKey } from '../../ids/routing-key.ts'
import { admission, cardOf, cardSoon, isLoginRecord, waitFor } from '../accounts.ts'
import { failure, refusals } from '../refusal.ts'
import type { Refusal } from '../refusal.ts'
import type { LoginBody } from '../schema.ts'
import { loginAndPassword, maxLoginLength, secretOf } from '../secret.ts'
import type { Session } from '../session.ts'
import { lowerLevel, noLoginFeature } from '../token.ts'
import type { AuthLevel, UserCard } from '../../chat/command.ts'

/**
 * Logs in (tinode-wire.md 8.1, 8.2). Apps take a 4xx as "forget the token", so 4xx is said only when
 * it is final; whatever may be better in a moment is 503. A login changes nothing, so that is definite.
 */
export function runLogin(session: Session, body: LoginBody): void {
  const id = body.id ?? undefined
  const scheme = (body.scheme ?? '').toLowerCase()
  if (session.state === 'auth' && scheme !== 'reset') {
    return session.refuse(id, undefined, refusals.alreadyAuthenticated)
  }
  const secret = secretOf(body.secret)
  switch (scheme) {
    case 'basic':
    case 'token': {
      if (secret === null) return refuse(session, id, refusals.malformed)
      const work = scheme === 'basic' ? basic(session, id, secret) : token(session, id, secret)
      return waitFor(session, work, () => refuse(session, id, refusals.internal))
    }
    case 'anonymous':
    case 'code':
      return refuse(session, id, refusals.notOffered)
    case 'reset':
      // Nothing that could send a code is configured: the same for every address.
      return refuse(session, id, secret === null ? refusals.malformed : refusals.notOffered)
    default:
      return refuse(session, id, refusals.unknownScheme)
  }
}

async function basic(session: Session, id: string | undefined, secret: Buffer): Promise<void> {
  const { host, address } = session
  const said = loginAndPassword(secret)
  if (said === null) return refuse(session, id, refusals.malformed)
  const { login, password } = said
  if (login.length > 2 * maxLoginLength) return refuse(session, id, refusals.authFailed)
  if (!host.backoff.mayTry(address, login, host.clock.monotonic())) {
    return refuse(session, id, failure('too-many-guesses'))
  }
  const answer = await host.topics.ask(uniqueNameKey('basic:' + login), { kind: 'login-find' })
  if (answer === undefined) return refuse(session, id, failure('no-owner'))
  const record = isLoginRecord(answer) ? answer : undefined
  const isGood = await host.passwords.check(password, record?.secret, address)
  if (isGood === undefined) return refuse(session, id, failure('queue-full'))
  if (!isGood || record === undefined) {
    host.backoff.failed(address, login, host.clock.monotonic())
    return refuse(session, id, refusals.authFailed)
  }
  host.backoff.succeeded(address, login)
  const card = await cardSoon(host, record.uid)
  admit(session, id, card, record.level, login)
}

async function token(session: Session, id: string | undefined, secret: Buffer): Promise<void> {
  const { host } = session
  const facts = host.tokens.read(secret, host.clock.now())
  if (facts === null || (facts.features & noLoginFeature) !== 0) {
    return refuse(session, id, refusals.authFailed)
  }
  const card = await cardOf(host, facts.uid)
  if (card && card.serial !== facts.serial) return refuse(session, id, refusals.authFailed)
  admit(session, id, card, facts.level, facts.login)
}

function admit(
  session: Session,
  id: string | undefined,
  card: UserCard | null | undefined,
  level: AuthLevel,
  login: string,
): void {
  if (card === undefined) return refuse(session, id, failure('no-owner'))
  if (card === null) return refuse(session, id, refusals.userNotFound)
  if (card.state !== 'ok') return refuse(session, id, refusals.denied)
  const { uid, serial } = card
  const who = { uid, level: lowerLevel(level, card.level), login, serial }
  session.host.metrics.loginOk.add()
  session.identified(uid, who.level, login)
  session.reply(id, undefined, 200, 'ok', admission(session.host, who))
}

function refuse(session: Session, id: string | undefined, why: Refusal): void {
  const { loginRefused, loginUnavailable } = session.host.metrics
  ;(why.code < 500 ? loginRefused : loginUnavailable).add()
  session.refuse(id, undefined, why)
}
