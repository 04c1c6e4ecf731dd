import type { Answer } from '../../chat/ask.ts'
import type { AuthLevel } from '../../chat/command.ts'
import type { NewAccount } from '../../chat/fact.ts'
import { uniqueNameKey } from '../../ids/routing-key.ts'
import { parseUserId } from '../../ids/user-id.ts'
import { Unanswered } from '../../topic/topics.ts'
import { admission, cardSoon, waitFor } from '../accounts.ts'
import type { Extra } from '../dispatch.ts'
import { describe, newAccountOf } from '../new-account.ts'
import { failure, isRefusal, refusals } from '../refusal.ts'
import type { Refusal } from '../refusal.ts'
import type { AccBody } from '../schema.ts'
import { codePoints, isLoginName, loginAndPassword, secretOf } from '../secret.ts'
import { minted } from '../session-host.ts'
import type { Session } from '../session.ts'

/** Makes an account, or changes the password of one (tinode-wire.md 2.4, 8.4, 8.6). */
export function runAcc(session: Session, body: AccBody, _extra: Extra): void {
  const id = body.id ?? undefined
  const refusal = refusalOf(session, body)
  if (refusal !== null) return session.refuse(id, undefined, refusal)
  const work = isNew(body) ? create(session, id, body) : changePassword(session, id, body)
  waitFor(session, work, () => session.refuse(id, undefined, refusals.internal))
}

/** What can be said without asking anybody, in the order of tinode-wire.md 8.4. Null: nothing against it. */
function refusalOf(session: Session, body: AccBody): Refusal | null {
  const isIn = session.state === 'auth'
  const scheme = (body.scheme ?? '').toLowerCase()
  if (body.tmpscheme) {
    // A one-off code was never sent to anybody, so every code is a wrong one.
    return isIn
      ? refusals.alreadyAuthenticated
      : { ...refusals.authFailed, params: { what: 'auth' } }
  }
  if (isNew(body)) {
    if (body.login === true && isIn) return refusals.alreadyAuthenticated
    if (scheme !== 'basic' && scheme !== 'anonymous') return refusals.malformed
    return body.status ? { ...refusals.denied, params: { what: 'state' } } : null
  }
  if (!isIn) return refusals.authRequired
  const isRoot = session.level === 'root'
  if (body.user) {
    const uid = parseUserId(body.user)
    if (uid === null) return refusals.malformed
    if (uid !== session.uid) return isRoot ? refusals.notOffered : refusals.denied
  }
  if (body.status || body.authlevel) return isRoot ? refusals.notOffered : refusals.denied
  // Credentials have no validators here, and other schemes no secret that could change.
  return scheme === 'basic' ? null : refusals.malformed
}

function isNew(body: AccBody): boolean {
  return body.user?.startsWith('new') === true
}

async function create(session: Session, id: string | undefined, body: AccBody): Promise<void> {
  const { host } = session
  const refuse = (why: Refusal): void => session.refuse(id, undefined, why)
  const isBasic = (body.scheme ?? '').toLowerCase() === 'basic'
  const secret = isBasic ? basicSecret(session, body) : { login: '', password: '' }
  if (isRefusal(secret)) return refuse(secret)
  const { login, password } = secret
  const level: AuthLevel = isBasic ? 'auth' : 'anon'
  const uid = minted(() => host.mint.user(), host.logger)
  if (uid === null) return refuse(failure('no-id'))
  const who = { uid, level, login, at: host.clock.now() }
  const account = newAccountOf(body, who, host.options)
  if (isRefusal(account)) return refuse(account)
  const answer = isBasic
    ? await claimLogin(session, account, login, password)
    : await host.topics.order(account.uid, { kind: 'account-create', account })
  if (answer instanceof Unanswered) return refuse(failure(answer.why))
  if (answer !== 'ok') return refuse(refusals.loginTaken)
  host.metrics.accounts.add()
  if (body.login === true) return admitNew(session, id, account, login)
  const params = { user: account.uid, authlvl: level, desc: describe(account) }
  session.reply(id, undefined, 201, 'created', params)
}

async function claimLogin(
  session: Session,
  account: NewAccount,
  login: string,
  password: string,
): Promise<Answer | Unanswered> {
  const { topics, passwords } = session.host
  const name = uniqueNameKey('basic:' + login)
  // Hashing is dear and a taken name is common: look first. The claim below decides.
  const known = await topics.ask(name, { kind: 'login-find' })
  if (known === undefined) return new Unanswered('no-owner') // it was only asked
  if (known !== null) return 'taken'
  const secret = await passwords.hash(password, session.address)
  if (secret === undefined) return new Unanswered('queue-full')
  return topics.order(name, { kind: 'login-create', account, secret, key: account.uid })
}

/** The account begins a moment after its name is claimed; only then can it be used. */
async function admitNew(
  session: Session,
  id: string | undefined,
  account: NewAccount,
  login: string,
): Promise<void> {
  const { host } = session
  const card = await cardSoon(host, account.uid)
  if (!card) return session.refuse(id, undefined, failure('no-answer')) // it is there, or will be
  const who = { uid: account.uid, level: account.level, login, serial: card.serial }
  session.identified(who.uid, who.level, login)
  const params = { ...admission(host, who), desc: describe(account) }
  session.reply(id, undefined, 200, 'ok', params)
}

async function changePassword(
  session: Session,
  id: string | undefined,
  body: AccBody,
): Promise<void> {
  const { host, uid } = session
  const refuse = (why: Refusal): void => session.refuse(id, undefined, why)
  const parts = secretParts(body)
  if (parts === null) return refuse(refusals.malformed)
  const login = parts.login === '' ? session.login : parts.login
  if (login === '') return refuse(refusals.malformed)
  if (session.login !== '' && login !== session.login) return refuse(refusals.notOffered)
  if (codePoints(parts.password) < host.options.minPasswordLength) return refuse(refusals.policy)
  const secret = await host.passwords.hash(parts.password, session.address)
  if (secret === undefined) return refuse(failure('queue-full'))
  const name = uniqueNameKey('basic:' + login)
  const answer = await host.topics.order(name, { kind: 'login-change', uid, secret })
  if (answer === 'ok') return session.reply(id, undefined, 200, 'ok')
  refuse(answer instanceof Unanswered ? failure(answer.why) : refusals.denied)
}

/** Login and password of a new account, within the rules. */
function basicSecret(
  session: Session,
  body: AccBody,
): { login: string; password: string } | Refusal {
  const parts = secretParts(body)
  if (parts === null) return { ...refusals.malformed, params: { what: 'auth' } }
  const { minLoginLength, minPasswordLength } = session.host.options
  if (!isLoginName(parts.login, minLoginLength)) return refusals.policy
  return codePoints(parts.password) < minPasswordLength ? refusals.policy : parts
}

function secretParts(body: AccBody): { login: string; password: string } | null {
  const secret = secretOf(body.secret)
  return secret === null ? null : loginAndPassword(secret)
}
