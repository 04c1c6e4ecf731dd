import { isUtf8 } from 'node:buffer'
import { clientObjectLimits, decodeClient } from '../wire/client-codec.ts'
import type { ClientFault, ClientObjectLimits, JsonObject } from '../wire/client-codec.ts'
import { refusals } from './refusal.ts'
import { checks, isExtra } from './schema.ts'
import type { ExtraBody, VerbName } from './schema.ts'
import type { Session } from './session.ts'
import { runAcc } from './verbs/acc.ts'
import { runDel } from './verbs/del.ts'
import { runGet } from './verbs/get.ts'
import { runHi } from './verbs/hi.ts'
import { runLeave } from './verbs/leave.ts'
import { runLogin } from './verbs/login.ts'
import { runNote } from './verbs/note.ts'
import { runPub } from './verbs/pub.ts'
import { runSet } from './verbs/set.ts'
import { runSub } from './verbs/sub.ts'

/** The rest of the envelope, checked; undefined when the client sent none. */
export type Extra = ExtraBody | undefined

/** Runs one verb. `body` has passed its check. */
export type RunVerb = (session: Session, body: JsonObject, extra: Extra) => void

/** The verbs, in the order in which an envelope that has several is read (tinode-wire.md 2.1). */
const verbs: readonly (readonly [VerbName, RunVerb])[] = [
  ['pub', runPub],
  ['sub', runSub],
  ['leave', runLeave],
  ['hi', runHi],
  ['login', runLogin],
  ['get', runGet],
  ['set', runSet],
  ['del', runDel],
  ['acc', runAcc],
  ['note', runNote],
]

/**
 * From bytes to a verb. The order of checks: codec and bounds, one known verb, its shape, whether the
 * session has got far enough, the user's rate, then the verb itself. Each check answers and ends it.
 */
export function dispatch(session: Session, payload: Buffer, isBinary: boolean): void {
  const message = decoded(session, payload, isBinary)
  if (message === null) return
  for (const [name, run] of verbs) {
    const body = message[name]
    if (body === undefined || body === null) continue
    return runChecked(session, name, run, body, message['extra'])
  }
  session.host.metrics.badShape.add()
  malformed(session, undefined)
}

function decoded(session: Session, payload: Buffer, isBinary: boolean): JsonObject | null {
  const { options, metrics } = session.host
  const codec = isBinary && session.speaksMsgpack ? 'msgpack' : 'json'
  // Text frames were checked by the websocket; JSON in a binary frame was not.
  if (isBinary && codec === 'json' && !isUtf8(payload)) {
    metrics.malformed.add()
    malformed(session, undefined)
    return null
  }
  const result = decodeClient(codec, payload, bounds(options.maxMessageBytes))
  if (result.ok) return result.value
  countFault(session, result.fault)
  malformed(session, undefined)
  return null
}

function runChecked(
  session: Session,
  name: VerbName,
  run: RunVerb,
  body: unknown,
  extra: unknown,
): void {
  const isGood = checks[name](body) && (extra === undefined || extra === null || isExtra(extra))
  if (!isGood) {
    session.host.metrics.badShape.add()
    return name === 'note' ? dropNote(session) : malformed(session, idOf(body))
  }
  if (session.state !== 'auth' && !isAllowedEarly(session, name)) {
    return refuseEarly(session, name, body as JsonObject)
  }
  if (session.state === 'auth' && !isInRate(session)) {
    session.host.metrics.rateLimited.add()
    if (name === 'note') return
    return session.refuse(idOf(body), topicOf(body as JsonObject), refusals.tooMany)
  }
  run(session, body as JsonObject, (extra ?? undefined) as Extra)
}

function isInRate({ uid, host }: Session): boolean {
  return host.table.admits(uid, host.heartbeat.now)
}

function isAllowedEarly(session: Session, name: VerbName): boolean {
  if (session.state === 'new') return name === 'hi'
  return name === 'hi' || name === 'login' || name === 'acc'
}

function refuseEarly(session: Session, name: VerbName, body: JsonObject): void {
  if (name === 'note') return dropNote(session)
  if (session.state === 'new') session.refuse(idOf(body), undefined, refusals.outOfSequence)
  else session.refuse(idOf(body), topicOf(body), refusals.authRequired)
  session.fault()
}

function malformed(session: Session, id: string | undefined): void {
  session.refuse(id, undefined, refusals.malformed)
  session.fault()
}

function dropNote(session: Session): void {
  session.host.metrics.droppedNotes.add()
  session.fault()
}

function countFault(session: Session, fault: ClientFault): void {
  const { metrics } = session.host
  if (fault === 'too-deep') metrics.tooDeep.add()
  else if (fault === 'too-many-keys') metrics.tooManyKeys.add()
  else metrics.malformed.add()
}

/** The id of a body, also of one that is otherwise wrong. */
function idOf(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null) return undefined
  const id = (body as { id?: unknown }).id
  return typeof id === 'string' && id !== '' ? id : undefined
}

function topicOf(body: JsonObject): string | undefined {
  const topic = body['topic']
  return typeof topic === 'string' && topic !== '' ? topic : undefined
}

/** The codec's bounds with this node's size of a message; one object for all that share it. */
function bounds(maxBytes: number): ClientObjectLimits {
  return maxBytes === clientObjectLimits.maxBytes
    ? clientObjectLimits
    : { ...clientObjectLimits, maxBytes }
}
