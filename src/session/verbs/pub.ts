import type { Json, PubCommand } from '../../chat/command.ts'
import { producerIdTime } from '../../ids/producer-id.ts'
import { forward } from '../addressing.ts'
import { bodyHash } from '../body-hash.ts'
import type { Extra } from '../dispatch.ts'
import { refusals } from '../refusal.ts'
import type { ExtraBody, PubBody } from '../schema.ts'
import type { Session } from '../session.ts'

type Head = { readonly [key: string]: Json }

/** A message (tinode-wire.md 2.8). Head and content go on as JSON text, which nobody in between parses. */
export function runPub(session: Session, body: PubBody, extra: Extra): void {
  forward(session, extra, body, false, (asker) => {
    const key = extra === undefined ? noKey : keyOf(extra, session.host.clock.now())
    if (key === null) return refusals.malformed
    const head = headText(body.head, asker === session ? '' : session.uid)
    const content = body.content === undefined ? 'null' : JSON.stringify(body.content)
    const command: PubCommand = {
      kind: 'pub',
      producer: key.producer,
      n: key.n,
      hash: bodyHash(head, content),
      head,
      content,
      noecho: body.noecho === true,
    }
    return command
  })
}

/**
 * An own idempotency key (P3): `extra: {producer, n}`. Without it the session is the producer and the
 * topic floor counts. Null: half of it, not a producer id and a number from 1, or an id from too far
 * in the future, which could retire producers that do not exist yet.
 */
function keyOf(extra: ExtraBody, nowMs: number): { producer: string; n: number } | null {
  const producer = extra.producer ?? ''
  const n = extra.n ?? 0
  if (producer === '' && n === 0) return noKey
  const madeAt = producerIdTime(producer)
  if (madeAt === null || madeAt > nowMs + maxAheadMs) return null
  return Number.isSafeInteger(n) && n >= 1 ? { producer, n } : null
}

const noKey = { producer: '', n: 0 }
/** How far a client's clock may be ahead of this node's. */
const maxAheadMs = 300_000

/** `sender` is ours to write: whom the message is really from, when it is sent on behalf of another. */
function headText(head: Head | null | undefined, sender: string): string | null {
  if (sender !== '') return JSON.stringify({ ...head, sender })
  if (head === null || head === undefined) return null
  if (!Object.hasOwn(head, 'sender')) return JSON.stringify(head)
  const { sender: _claimed, ...rest } = head
  return Object.keys(rest).length === 0 ? null : JSON.stringify(rest)
}
