import { indexesOf } from '../operations.ts'
import type { History, Operation } from '../operations.ts'
import type { Op } from '../op.ts'

/** Everything that a history says about one topic, as the checkers of I1–I9 read it. */
export interface TopicLog {
  readonly topic: string
  readonly publishes: readonly Publish[]
  /** Attempts under one id: a retry under the same idempotency key is no second message. */
  readonly byId: ReadonlyMap<string, readonly Publish[]>
  readonly deliveries: readonly Delivery[]
  readonly attaches: readonly Attach[]
  /** The subscriber let go of the topic, or lost the connection over which he was attached. */
  readonly detaches: readonly Detach[]
  /** The last good final read of each node. */
  readonly finals: readonly FinalRead[]
}

export interface Publish {
  readonly operation: Operation
  readonly id: string
  /** One connection of one client. Messages of one sender are numbered by `n` in sending order. */
  readonly sender: string
  readonly n: number
  /** As acknowledged. */
  readonly seq: number | undefined
}

export interface Message {
  readonly seq: number
  readonly id: string
  /** The body's checksum did not fit. */
  readonly damaged: boolean
}

export interface Delivery extends Message {
  readonly op: Op
  readonly subscriber: string
}

export interface Attach {
  readonly operation: Operation
  readonly subscriber: string
  /** The seq after which delivery must go on; undefined: from now on. */
  readonly cursor: number | undefined
  /** With no cursor: the topic's seq at the attach, when the answer told it. */
  readonly from: number | undefined
}

export interface Detach {
  readonly op: Op
  readonly subscriber: string
}

export interface FinalRead {
  readonly operation: Operation
  readonly node: string
  readonly messages: readonly Message[]
}

/** A value that does not have the documented shape; nothing can be concluded from the history. */
export class BadValue extends Error {
  override readonly name = 'BadValue'
  constructor(op: Op, says: string) {
    super(`operation ${op.index} (${op.f}): ${says}`)
  }
}

/** The logs of all topics, by name. Use `history.derived(topicLogs)`. Throws BadValue. */
export function topicLogs(history: History): ReadonlyMap<string, TopicLog> {
  const logs = new Map<string, GrowingLog>()
  const logOf = (op: Op): GrowingLog => {
    const topic = op.key
    if (topic === undefined) throw new BadValue(op, 'needs a key: the topic')
    let log = logs.get(topic)
    if (!log) logs.set(topic, (log = emptyLog(topic)))
    return log
  }
  for (const operation of history.named('publish')) addPublish(logOf(operation.invoke), operation)
  for (const operation of history.named('attach'))
    logOf(operation.invoke).attaches.push(readAttach(operation))
  for (const operation of history.named('read-all')) {
    const final = readFinal(operation)
    if (final) logOf(operation.invoke).finalByNode.set(final.node, final)
  }
  for (const op of history.facts) {
    if (op.f === 'deliver') logOf(op).deliveries.push(readDelivery(op))
    else if (op.f === 'detach') logOf(op).detaches.push({ op, subscriber: subscriberOf(op) })
  }
  for (const log of logs.values()) log.finals.push(...log.finalByNode.values())
  return logs
}

/** Whether the message certainly never happened: every attempt under its id failed for certain. */
export function isRefused(attempts: readonly Publish[]): boolean {
  return attempts.every((attempt) => attempt.operation.outcome === 'fail')
}

export function attemptIndexes(attempts: readonly Publish[] | undefined): number[] {
  return (attempts ?? []).flatMap((attempt) => indexesOf(attempt.operation))
}

interface GrowingLog {
  readonly topic: string
  readonly publishes: Publish[]
  readonly byId: Map<string, Publish[]>
  readonly deliveries: Delivery[]
  readonly attaches: Attach[]
  readonly detaches: Detach[]
  readonly finals: FinalRead[]
  readonly finalByNode: Map<string, FinalRead>
}

function emptyLog(topic: string): GrowingLog {
  return {
    topic,
    publishes: [],
    byId: new Map(),
    deliveries: [],
    attaches: [],
    detaches: [],
    finals: [],
    finalByNode: new Map(),
  }
}

function addPublish(log: GrowingLog, operation: Operation): void {
  const { invoke, complete, outcome } = operation
  const asked = fields(invoke)
  const answered = outcome === 'ok' && complete ? fields(complete) : {}
  const id = textOf(asked['id'])
  if (id === undefined) throw new BadValue(invoke, 'needs value.id, unique among all messages')
  const publish: Publish = {
    operation,
    id,
    sender: textOf(asked['sender']) ?? String(invoke.process),
    n: typeof asked['n'] === 'number' ? asked['n'] : log.publishes.length,
    seq: seqOf(answered['seq']),
  }
  log.publishes.push(publish)
  const attempts = log.byId.get(id)
  if (attempts) attempts.push(publish)
  else log.byId.set(id, [publish])
}

function readAttach(operation: Operation): Attach {
  const { invoke, complete, outcome } = operation
  const asked = fields(invoke)
  const answered = outcome === 'ok' && complete ? fields(complete) : {}
  return {
    operation,
    subscriber: subscriberOf(invoke),
    cursor: cursorOf(asked['cursor']),
    from: cursorOf(answered['seq']),
  }
}

function readDelivery(op: Op): Delivery {
  const value = fields(op)
  return {
    op,
    ...messageOf(op, value),
    subscriber: subscriberOf(op),
  }
}

function readFinal(operation: Operation): FinalRead | undefined {
  const { invoke, complete, outcome } = operation
  if (outcome !== 'ok' || !complete) return undefined
  if (!Array.isArray(complete.value))
    throw new BadValue(complete, 'needs a value of [{seq, id}, ...]')
  const messages = complete.value.map((row) => messageOf(complete, row as Record<string, unknown>))
  return { operation, node: complete.node ?? invoke.node ?? '?', messages }
}

export function messageOf(op: Op, value: Readonly<Record<string, unknown>>): Message {
  const seq = seqOf(value['seq'])
  const id = textOf(value['id'])
  if (seq === undefined || id === undefined) throw new BadValue(op, 'needs seq (a number) and id')
  return { seq, id, damaged: value['damaged'] === true }
}

/** The fields of an operation's value; none when it has no object there. */
export function fields(op: Op): Readonly<Record<string, unknown>> {
  const { value } = op
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function subscriberOf(op: Op): string {
  return textOf(fields(op)['subscriber']) ?? String(op.process)
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
}

function seqOf(value: unknown): number | undefined {
  return Number.isSafeInteger(value) ? (value as number) : undefined
}

function cursorOf(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined
}
