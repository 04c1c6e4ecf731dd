import { clientProtocol } from '../../wire/versions.ts'
import { maxTagLength, minTagLength, oldestVersion } from '../edge-options.ts'
import type { EdgeOptions } from '../edge-options.ts'
import { refusals } from '../refusal.ts'
import type { Extra } from '../dispatch.ts'
import type { HiBody } from '../schema.ts'
import type { Session } from '../session.ts'
import type { Json } from '../../chat/command.ts'

/** Characters kept of what clients tell of themselves; the rest is cut. */
const maxUserAgent = 256
const maxDevice = 1_024
const maxLang = 35

/**
 * The first words of a client. Answered here and now, always: a client whose `{hi}` fails comes back
 * a thousand times per second (tinode-wire.md 12.2).
 */
export function runHi(session: Session, body: HiBody, extra: Extra): void {
  if (session.state === 'new') {
    session.knowsNotices = extra?.notices === true
    return greet(session, body)
  }
  const id = body.id ?? undefined
  if (body.ver && versionOf(body.ver) !== session.version) {
    return session.refuse(id, undefined, refusals.outOfSequence)
  }
  if (session.state !== 'auth') return session.refuse(id, undefined, refusals.authRequired)
  if (body.lang) session.lang = body.lang.slice(0, maxLang)
  if (setDevice(session, body.dev)) return session.reply(id, undefined, 200, 'ok')
  session.reply(id, undefined, 201, 'created')
}

function greet(session: Session, body: HiBody): void {
  const id = body.id ?? undefined
  const version = versionOf(body.ver ?? '')
  if (version === null) return session.refuse(id, undefined, refusals.malformed)
  if (version < oldestVersion.major * 1_000 + oldestVersion.minor) {
    return session.refuse(id, undefined, refusals.oldVersion)
  }
  session.userAgent = (body.ua ?? '').slice(0, maxUserAgent)
  session.lang = (body.lang ?? '').slice(0, maxLang)
  setDevice(session, body.dev)
  session.greeted(version)
  session.reply(id, undefined, 201, 'created', paramsOf(session.host.options))
}

/** major × 1000 + minor of `v0.25.3-beta` and the like; null when it is no version. */
export function versionOf(text: string): number | null {
  const match = versionPattern.exec(text)
  return match === null ? null : Number(match[1]) * 1_000 + Number(match[2])
}

const versionPattern = /^v?(\d{1,3})\.(\d{1,3})(\.\d{1,9})?([-+.].{0,64})?$/

/** True: it is another device than before. The one character U+2421 takes it away. */
function setDevice(session: Session, said: string | null | undefined): boolean {
  if (said === undefined || said === null || said === '') return false
  const device = said === '\u2421' ? '' : said.slice(0, maxDevice)
  const isNew = device !== session.device
  session.device = device
  return isNew
}

function paramsOf(options: EdgeOptions): { readonly [key: string]: Json } {
  return {
    ver: clientProtocol,
    build: options.build,
    maxMessageSize: options.maxMessageBytes,
    maxSubscriberCount: options.maxSubscriberCount,
    minTagLength,
    maxTagLength,
    maxTagCount: options.maxTagCount,
    maxFileUploadSize: options.maxFileBytes,
    reqCred: null,
    msgDelAge: options.messageDeleteAgeS,
  }
}
