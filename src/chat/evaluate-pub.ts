import { sometimes } from '../assert.ts'
import { J, P, R, W } from './access-mode.ts'
import type { Actor, Json, PubCommand } from './command.ts'
import type { Env } from './entity.ts'
import type { TopicEvent } from './event.ts'
import { acceptable, isObject } from './json-merge.ts'
import type { Outcome } from './outcome.ts'
import { maxProducerLength } from './producers.ts'
import { draft, replies } from './replies.ts'
import type { TopicState } from './topic-state.ts'

const nobody: Outcome['outbox'] = []
const silence: Outcome['events'] = []

/**
 * Stores a message (5.5), once per producer and number (P3). The busiest rule of all: it parses
 * nothing unless `head` may name a sender, and makes no more objects than it answers.
 */
export function evaluatePub(s: TopicState, actor: Actor, command: PubCommand, env: Env): Outcome {
  const { uid } = actor
  const system = s.kind === 'sys'
  if (!system && !s.live) return draft(replies.topicNotFound)
  if (!system && !actor.attached) return draft(replies.attachFirst)
  const { producer, n } = command
  const hash = command.hash >>> 0 // compared as it is stored
  if (!isKey(producer, n)) return draft(replies.malformed)

  // A retry of what is stored is told so, also when its sender may not write any more.
  const verdict = s.producers.look(uid, producer, n, command.alone)
  if (verdict.kind === 'known') {
    sometimes(true, 'chat: a publish came twice')
    return verdict.hash === hash ? accepted(verdict.seq, silence) : draft(replies.keyReused)
  }
  const sender = s.members.subscribed(uid)
  const mode = sender === undefined ? 0 : sender.want & sender.given
  if (!system && (mode & W) === 0) return draft(replies.denied)
  if (s.readOnly) return draft(replies.denied)
  if (verdict.kind === 'forgotten') return draft(replies.keyRetired)
  if (verdict.kind === 'gap') return draft(replies.outOfOrder)
  const head = command.head === null ? null : cleanHead(command.head)
  if (head === undefined) return draft(replies.malformed)
  // The topic `sys` exists from the first message on.
  if (system && !s.live) s.open(env.now)

  const ts = env.now
  const { content } = command
  const seq = s.append(
    command.noecho
      ? { from: uid, ts, head, content, producer: actor.sid, noecho: true }
      : { from: uid, ts, head, content },
    sender,
  )
  s.producers.add(uid, producer, n, seq, hash)
  s.ages.wrote(seq, ts, env.limits.messageDeleteAgeS)
  s.times.wrote(seq, ts, env.limits.keepMessagesS)
  s.trim(ts, env.limits)
  if (sender !== undefined && (mode & R) !== 0) {
    sender.read = seq
    sender.recv = seq
    s.members.touch(sender)
  }
  const skipSid = command.noecho ? actor.sid : ''
  return accepted(seq, [
    { kind: 'data', seq, from: uid, ts, head, content, skipSid },
    { kind: 'pres', to: 'watchers', what: 'msg', seq, act: uid, needs: J | R | P, anyOf: 0 },
  ])
}

function accepted(seq: number, events: readonly TopicEvent[]): Outcome {
  return { parts: [{ kind: 'ctrl', code: 202, params: { seq } }], events, outbox: nobody }
}

/** A producer's id is printable ASCII without spaces. */
function isKey(producer: string, n: number): boolean {
  if (producer.length === 0 || producer.length > maxProducerLength) return false
  for (let at = 0; at < producer.length; at++) {
    const code = producer.charCodeAt(at)
    if (code <= 0x20 || code >= 0x7f) return false
  }
  return Number.isSafeInteger(n) && n >= 1 && n < 2 ** 47
}

/**
 * Takes away `sender`, which only the server may say (9.3); all else stays as it came. Undefined:
 * no object, or nested so deep that writing it anew might fail.
 */
function cleanHead(text: string): string | null | undefined {
  if (text === '{}') return null
  if (!text.includes('"sender"')) return text
  const head = parsed(text)
  if (!isObject(head) || !acceptable(head)) return undefined
  const { sender: _, ...rest } = head
  return Object.keys(rest).length === 0 ? null : JSON.stringify(rest)
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined // the edge wrote it as JSON; whoever did not gets the refusal
  }
}
