import { History } from '../../jepsen-lite/operations.ts'
import type { Op, OpDraft } from '../../jepsen-lite/op.ts'
import { defaultCheckOptions } from '../../jepsen-lite/checker/checker.ts'
import type { Checker, CheckOptions } from '../../jepsen-lite/checker/checker.ts'
import type { Verdict } from '../../jepsen-lite/checker/verdict.ts'

/** Lines of a hand-made history; index and time follow from the order, 1 ms apart. */
export function story(lines: readonly (OpDraft & { time?: number })[]): Op[] {
  return lines.map((line, index) => ({ index, time: index * 1_000_000, ...line }))
}

export function judge(
  checker: Checker,
  lines: readonly (OpDraft & { time?: number })[],
  options: Partial<CheckOptions> = {},
): Verdict {
  const all = { ...defaultCheckOptions, deliveryGrace: 0, ...options }
  return checker.check(new History(story(lines)), all)
}

export function kinds(verdict: Verdict): string[] {
  return verdict.anomalies.map((anomaly) => anomaly.kind)
}

type Outcome = 'ok' | 'fail' | 'info'

/** A publish of message `id` that is over before the next line: two lines. */
export function publish(id: string, seq: number | Outcome, topic = 't'): OpDraft[] {
  const [sender = '?', n = '0'] = id.split('.')
  const value = { id, sender, n: Number(n) }
  const process = `p-${id}`
  const outcome = typeof seq === 'number' ? 'ok' : seq
  return [
    { process, type: 'invoke', f: 'publish', key: topic, value },
    {
      process,
      type: outcome,
      f: 'publish',
      key: topic,
      value: typeof seq === 'number' ? { ...value, seq } : value,
    },
  ]
}

/** The final read of `node`: the ids in order of seq, from 1, or [seq, id] pairs. */
export function final(
  messages: readonly (string | readonly [number, string])[],
  node = 'n1',
  topic = 't',
): OpDraft[] {
  const value = messages.map((message, i) =>
    typeof message === 'string' ? { seq: i + 1, id: message } : { seq: message[0], id: message[1] },
  )
  const process = `final-${node}-${topic}`
  return [
    { process, type: 'invoke', f: 'read-all', key: topic, node },
    { process, type: 'ok', f: 'read-all', key: topic, node, value },
  ]
}

export function attach(cursor: number | undefined, subscriber = 's', topic = 't'): OpDraft[] {
  const value = cursor === undefined ? { subscriber } : { subscriber, cursor }
  return [
    { process: subscriber, type: 'invoke', f: 'attach', key: topic, value },
    { process: subscriber, type: 'ok', f: 'attach', key: topic, value },
  ]
}

export function deliver(seq: number, id: string, subscriber = 's', topic = 't'): OpDraft[] {
  const value = { seq, id, subscriber }
  return [{ process: subscriber, type: 'ok', f: 'deliver', key: topic, value }]
}

export function detach(subscriber = 's', topic = 't'): OpDraft[] {
  return [{ process: subscriber, type: 'info', f: 'detach', key: topic, value: { subscriber } }]
}
