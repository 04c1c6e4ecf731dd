import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { joinTokenHash } from '../meta/join-token.ts'
import type { Clock } from '../ports.ts'
import type { AdminCall, AdminReply } from './admin-call.ts'
import { adminRefusals, isAdminRefusal } from './admin-refusals.ts'
import type { AdminRefusal } from './admin-refusals.ts'
import type { Admission, JoinRequest } from './administration.ts'
import { ConfigRefused } from './cluster-file.ts'
import { readIfThere, writeDurably } from './durable-file.ts'
import { newIncarnation, storedIdentity, storeIdentity } from './identity.ts'
import { isAdmissionProven, isJoinToken, unsealSecret } from './join-seal.ts'
import { membershipFile, readMembership, secretFile, writeMembership } from './membership.ts'
import type { Membership } from './membership.ts'
import { optionNames } from './options.ts'

export interface JoinWish {
  /** Admin addresses of members; one that cannot answer is passed over for the next. */
  readonly members: readonly string[]
  readonly token: string
  /** The data folder; made if it is not there. */
  readonly data: string
  readonly self: Membership['self']
}

export interface JoinSurroundings {
  readonly clock: Clock
  call(address: string, call: AdminCall): Promise<AdminReply>
  pause(ms: number): Promise<void>
  /** For people: what is waited for. */
  say(line: string): void
}

/** Why the cluster does not let the node in. `unreachable`: nobody could answer in time. */
export class JoinRefused extends Error {
  override readonly name = 'JoinRefused'
  readonly code: AdminRefusal | 'unreachable' | 'forged'

  constructor(code: JoinRefused['code'], says: string) {
    super(says)
    this.code = code
  }
}

/** From the first attempt to the last, ms. */
const joinDeadlineMs = 60_000
/** A member asks its leader, which has to commit: longer than the deadline of that, ms. */
const attemptMs = 8_000
const minPauseMs = 200
const maxPauseMs = 2_000
/** A token just made may not be known to every member yet, ms. */
const tokenSpreadsMs = 3_000

/** What a join has asked for, so that it asks for the same again after a crash. */
const attemptFile = 'joining.json'
/** What a folder may hold of an attempt that did not come to its end. */
const ownFiles = new Set([attemptFile, secretFile, 'identity.json', 'format', 'lost+found'])

type Attempt = Omit<JoinRequest, 'tokenHash'> & { readonly admin: string }

/**
 * Makes the folder the home of a new member, or finds that it is one already. Each file is written
 * whole and synced, in an order in which any crash leaves something that the next call finishes:
 * what is asked for comes before the question, so that it is asked again with the same boot id and
 * answered with the same index; the membership comes last. Throws JoinRefused or ConfigRefused.
 */
export async function joinCluster(wish: JoinWish, around: JoinSurroundings): Promise<Membership> {
  const data = resolve(wish.data)
  const known = readMembership(data)
  if (known !== undefined) {
    rmSync(join(data, attemptFile), { force: true })
    return known
  }
  if (!isJoinToken(wish.token)) {
    throw new JoinRefused('token-unknown', 'that is no token: was it copied whole? join-…, 48 long')
  }
  mkdirSync(data, { recursive: true, mode: 0o700 })
  refuseUsed(data)
  const attempt = takeAttempt(data, wish.self, around.clock.now())
  const { admin, ...asked } = attempt
  const request: JoinRequest = { ...asked, tokenHash: joinTokenHash(wish.token) }
  let admission: Admission
  try {
    admission = await ask(wish, request, around)
  } catch (error) {
    const isRefused = error instanceof JoinRefused && error.code !== 'unreachable'
    if (isRefused) rmSync(join(data, attemptFile))
    throw error
  }
  const secret = opened(admission, request, wish.token)
  const { index, clusterId, members } = admission
  const { options, ...cluster } = admission.cluster
  const { name, peer, client, zone, bootId, incarnation } = attempt
  const self = { name, peer, client, admin, zone }
  const shared = Object.fromEntries(
    optionNames.flatMap((it) => (options[it] === undefined ? [] : [[it, options[it]]])),
  )
  const membership: Membership = {
    format: 1,
    clusterId,
    index,
    cluster,
    self,
    members,
    options: shared,
  }
  writeDurably(join(data, secretFile), secret)
  storeIdentity(data, { clusterId, name, index, bootId, incarnation })
  writeMembership(data, membership)
  rmSync(join(data, attemptFile))
  return membership
}

/** What an interrupted join from this folder asked for. */
export function attemptedSelf(data: string): Membership['self'] | undefined {
  const text = readIfThere(join(data, attemptFile))
  if (text === undefined) return undefined
  const { name, peer, client, admin, zone } = JSON.parse(text) as Attempt
  return { name, peer, client, admin, zone }
}

/** The data folder holds nothing but, at most, an attempt of the same kind. */
function refuseUsed(data: string): void {
  const isAttempt = readIfThere(join(data, attemptFile)) !== undefined
  const foreign = readdirSync(data).filter((it) => !it.endsWith('.draft') && !ownFiles.has(it))
  const owner = isAttempt ? undefined : storedIdentity(data)
  if (foreign.length === 0 && owner === undefined) return
  const says =
    owner === undefined
      ? `there is ${foreign[0]} in it and no ${membershipFile}: it is no folder of a join`
      : `it belongs to node "${owner.name}" already`
  const cure = 'give the new node an empty folder with --data; a founder starts with --config'
  throw new ConfigRefused(data, [{ at: 'the data folder', says, cure }])
}

/** The attempt that the folder remembers, if it is the same; otherwise a new one, written down. */
function takeAttempt(data: string, self: Membership['self'], nowMs: number): Attempt {
  const path = join(data, attemptFile)
  const text = readIfThere(path)
  const before = text === undefined ? undefined : (JSON.parse(text) as Attempt)
  const { name, peer, client, admin, zone } = self
  const isSame =
    before !== undefined &&
    before.name === name &&
    before.peer === peer &&
    before.client === client &&
    before.zone === zone
  const attempt: Attempt = {
    name,
    peer,
    client,
    admin,
    zone,
    bootId: isSame ? before.bootId : Math.max((before?.bootId ?? 0) + 1, nowMs),
    incarnation: before?.incarnation ?? newIncarnation(),
  }
  writeDurably(path, `${JSON.stringify(attempt)}\n`)
  return attempt
}

/** Asks one member after the other until one lets us in, one refuses for good, or time is up. */
async function ask(
  wish: JoinWish,
  request: JoinRequest,
  around: JoinSurroundings,
): Promise<Admission> {
  const began = around.clock.monotonic()
  const since = () => around.clock.monotonic() - began
  let pauseMs = minPauseMs
  let reason = ''
  for (let turn = 0; ; turn++) {
    const address = wish.members[turn % wish.members.length] as string
    const answer = await askOne(address, request, around)
    if ('admission' in answer) return answer.admission
    const { code } = answer
    const mayPass =
      code === 'unreachable' ||
      adminRefusals[code].passing ||
      (code === 'token-unknown' && since() < tokenSpreadsMs)
    if (!mayPass) throw new JoinRefused(code, answer.says)
    if (since() + pauseMs > joinDeadlineMs) {
      throw new JoinRefused('unreachable', `nobody could let this node in: ${answer.says}`)
    }
    if (answer.says !== reason) around.say(`${address}: ${answer.says}`)
    reason = answer.says
    await around.pause(pauseMs)
    pauseMs = Math.min(pauseMs * 2, maxPauseMs)
  }
}

type Asked =
  | { readonly admission: Admission }
  | { readonly code: AdminRefusal | 'unreachable'; readonly says: string }

async function askOne(
  address: string,
  request: JoinRequest,
  around: JoinSurroundings,
): Promise<Asked> {
  let reply: AdminReply
  try {
    const call = { method: 'POST', path: '/v1/join', body: request, timeoutMs: attemptMs } as const
    reply = await around.call(address, call)
  } catch (error) {
    const says = error instanceof Error ? error.message : String(error)
    return { code: 'unreachable', says: `no answer (${says})` }
  }
  const { error, says } = (reply.body ?? {}) as { error?: unknown; says?: unknown }
  if (reply.code === 200) return { admission: reply.body as Admission }
  if (isAdminRefusal(error)) return { code: error, says: String(says) }
  return { code: 'unreachable', says: `this is no admin address of Flotilla (${reply.code})` }
}

function opened(admission: Admission, request: JoinRequest, token: string): Uint8Array {
  const { sealed, clusterId, cluster, members, proof } = admission
  const isForm =
    [sealed, clusterId, proof].every((it) => typeof it === 'string') &&
    typeof cluster?.options === 'object' &&
    Array.isArray(members)
  const secret = isForm ? unsealSecret(sealed, token, clusterId) : null
  if (secret !== null && isAdmissionProven(secret, request, admission)) return secret
  throw new JoinRefused(
    'forged',
    'the answer was not made by the cluster that made this token, or was changed on the way. Check the address and the token',
  )
}
