import { describe, expect, test } from 'vitest'
import type { Checker } from '../../jepsen-lite/checker/checker.ts'
import { ack } from '../../jepsen-lite/checker/ack.ts'
import { durable } from '../../jepsen-lite/checker/durable.ts'
import { fifo } from '../../jepsen-lite/checker/fifo.ts'
import { gapless } from '../../jepsen-lite/checker/gapless.ts'
import { noRepeat } from '../../jepsen-lite/checker/no-repeat.ts'
import { order } from '../../jepsen-lite/checker/order.ts'
import { phantom } from '../../jepsen-lite/checker/phantom.ts'
import { realTime } from '../../jepsen-lite/checker/real-time.ts'
import { resume } from '../../jepsen-lite/checker/resume.ts'
import { subscriber } from '../../jepsen-lite/checker/subscriber.ts'
import type { OpDraft } from '../../jepsen-lite/op.ts'
import { attach, deliver, detach, final, judge, kinds, publish } from './story.ts'

/** What is wrong (nothing: valid), and the lines. `unknown` stands for a doubtful verdict. */
type Case = readonly [says: string, lines: readonly OpDraft[], found: readonly string[] | 'unknown']

function table(checker: Checker, cases: readonly Case[]): void {
  describe(checker.name, () => {
    test.for(cases)('%s', ([, lines, found]) => {
      const verdict = judge(checker, lines)
      if (found === 'unknown') expect(verdict.result).toBe('unknown')
      else {
        expect(kinds(verdict)).toEqual(found)
        expect(verdict.result).toBe(found.length > 0 ? 'invalid' : 'valid')
      }
      for (const anomaly of verdict.anomalies) expect(anomaly.ops.length).toBeGreaterThan(0)
    })
  })
}

const abc = [...publish('a.1', 1), ...publish('a.2', 2), ...publish('a.3', 3)]

table(durable, [
  ['all there', [...abc, ...final(['a.1', 'a.2', 'a.3'])], []],
  ['no final read', abc, 'unknown'],
  [
    'the first is gone',
    [
      ...abc,
      ...final([
        [2, 'a.2'],
        [3, 'a.3'],
      ]),
    ],
    ['lost-prefix'],
  ],
  [
    'the middle is gone',
    [
      ...abc,
      ...final([
        [1, 'a.1'],
        [3, 'a.3'],
      ]),
    ],
    ['lost-middle'],
  ],
  ['the last is gone', [...abc, ...final(['a.1', 'a.2'])], ['lost-suffix']],
  ['everything is gone', [...abc, ...final([])], ['lost-all', 'lost-all', 'lost-all']],
  [
    'a sender is judged by his own messages',
    [...abc, ...publish('b.1', 4), ...final(['a.1', 'a.2', 'a.3'])],
    ['lost-all'],
  ],
  ['an unknown one is there', [...publish('a.1', 'info'), ...final(['a.1'])], []],
  ['an unknown one is not there', [...publish('a.1', 'info'), ...final([])], []],
  ['a refused one is not there', [...publish('a.1', 'fail'), ...final([])], []],
  [
    'a retry was acknowledged',
    [...publish('a.1', 'info'), ...publish('a.1', 1), ...final([])],
    ['lost-all'],
  ],
  ['acknowledged after the final read began', [...final([]), ...publish('a.1', 1)], []],
  [
    'one node lacks it',
    [...abc, ...final(['a.1', 'a.2', 'a.3'], 'n1'), ...final(['a.1', 'a.2'], 'n2')],
    ['diverged'],
  ],
  [
    'one node lacks an unknown one',
    [...publish('a.1', 'info'), ...final(['a.1'], 'n1'), ...final([], 'n2')],
    ['diverged'],
  ],
  [
    'an unknown one comes late',
    [...publish('a.1', 'info'), ...final([], 'n1'), ...final(['a.1'], 'n2')],
    [],
  ],
])

table(gapless, [
  ['1..n', [...abc, ...final(['a.1', 'a.2', 'a.3'])], []],
  ['an empty topic', final([]), []],
  ['starts at 2', [...abc, ...final([[2, 'a.1']])], ['gap']],
  [
    'a hole',
    [
      ...abc,
      ...final([
        [1, 'a.1'],
        [3, 'a.2'],
      ]),
    ],
    ['gap'],
  ],
  [
    'a seq twice',
    [
      ...abc,
      ...final([
        [1, 'a.1'],
        [1, 'a.2'],
      ]),
    ],
    ['step-back'],
  ],
  [
    'backwards',
    [
      ...abc,
      ...final([
        [1, 'a.1'],
        [3, 'a.3'],
        [2, 'a.2'],
      ]),
    ],
    ['gap', 'step-back'],
  ],
  ['no final read', abc, 'unknown'],
])

table(noRepeat, [
  ['each once', [...abc, ...final(['a.1', 'a.2', 'a.3'])], []],
  [
    'retried until acknowledged',
    [...publish('a.1', 'info'), ...publish('a.1', 1), ...final(['a.1'])],
    [],
  ],
  [
    'stored twice',
    [...publish('a.1', 'info'), ...publish('a.1', 2), ...final(['a.1', 'a.1'])],
    ['duplicate'],
  ],
  [
    'stored twice on one node only',
    [...publish('a.1', 1), ...final(['a.1'], 'n1'), ...final(['a.1', 'a.1'], 'n2')],
    ['duplicate'],
  ],
  [
    'delivered under two seqs',
    [...deliver(1, 'a.1'), ...deliver(2, 'a.1')],
    ['delivered-under-two-seqs'],
  ],
  ['delivered again under one seq', [...deliver(1, 'a.1'), ...deliver(1, 'a.1')], []],
  [
    'in two topics',
    [...final(['a.1'], 'n1', 't'), ...final(['a.1'], 'n1', 'u')],
    ['in-two-topics'],
  ],
])

table(order, [
  ['all agree', [...abc, ...deliver(2, 'a.2'), ...final(['a.1', 'a.2', 'a.3'])], []],
  [
    'a subscriber sees another message',
    [...abc, ...deliver(2, 'a.3')],
    ['two-messages-at-one-seq', 'one-message-at-two-seqs'],
  ],
  [
    'two subscribers disagree',
    [...deliver(1, 'a.1', 's'), ...deliver(1, 'a.2', 'r')],
    ['two-messages-at-one-seq'],
  ],
  [
    'two nodes disagree',
    [...final(['a.1', 'a.2'], 'n1'), ...final(['a.2', 'a.1'], 'n2')],
    [
      'two-messages-at-one-seq',
      'one-message-at-two-seqs',
      'two-messages-at-one-seq',
      'one-message-at-two-seqs',
    ],
  ],
  [
    'two acks at one seq',
    [...publish('a.1', 1), ...publish('b.1', 1)],
    ['two-messages-at-one-seq'],
  ],
  ['the same seq in two topics', [...publish('a.1', 1, 't'), ...publish('a.2', 1, 'u')], []],
])

table(fifo, [
  ['in order', abc, []],
  ['turned round', [...publish('a.1', 2), ...publish('a.2', 1)], ['sender-reordered']],
  ['two senders', [...publish('a.1', 2), ...publish('b.2', 1)], []],
  [
    'an unknown one shows behind',
    [...publish('a.1', 'info'), ...publish('a.2', 1), ...final(['a.2', 'a.1'])],
    ['sender-reordered'],
  ],
])

const slow = {
  process: 'x',
  f: 'publish',
  key: 't',
  value: { id: 'x.1', sender: 'x', n: 1 },
} as const
table(realTime, [
  ['one after another', abc, []],
  ['overtaken', [...publish('a.1', 2), ...publish('b.1', 1)], ['overtaken']],
  [
    'at the same time',
    [
      { ...slow, type: 'invoke' },
      ...publish('b.1', 2),
      { ...slow, type: 'ok', value: { ...slow.value, seq: 1 } },
    ],
    [],
  ],
  [
    'an unknown one may come late',
    [...publish('a.1', 'info'), ...publish('b.1', 1), ...final(['b.1', 'a.1'])],
    [],
  ],
  [
    'an unknown one cannot come early',
    [...publish('a.1', 2), ...publish('b.1', 'info'), ...final(['b.1', 'a.1'])],
    ['overtaken'],
  ],
])

const hurt = { seq: 1, id: 'a.1', damaged: true }
/** An operation and its answer; a delivery is but one line. */
function lines(f: string, value: unknown, process = `${f} of one`): OpDraft[] {
  const at = { process, f, key: 't', node: 'n1' }
  const told = { ...at, type: 'ok', value } as const
  return f === 'deliver' ? [told] : [{ ...at, type: 'invoke' }, told]
}

table(phantom, [
  ['sent and seen', [...publish('a.1', 1), ...deliver(1, 'a.1'), ...final(['a.1'])], []],
  ['unknown and seen', [...publish('a.1', 'info'), ...deliver(1, 'a.1')], []],
  ['never sent', deliver(1, 'z.9'), ['never-sent']],
  ['sent to another topic', [...publish('a.1', 1, 'u'), ...deliver(1, 'a.1')], ['never-sent']],
  ['refused and seen', [...publish('a.1', 'fail'), ...final(['a.1'])], ['refused-but-there']],
  [
    'refused once, then acknowledged',
    [...publish('a.1', 'fail'), ...publish('a.1', 1), ...final(['a.1'])],
    [],
  ],
  ['seen before it was sent', [...deliver(1, 'a.1'), ...publish('a.1', 1)], ['before-sending']],
  ['damaged', [...publish('a.1', 1), ...lines('deliver', hurt, 's')], ['damaged']],
  ['damaged where it is stored', [...publish('a.1', 1), ...lines('read-all', [hurt])], ['damaged']],
  [
    'damaged on a page',
    [...publish('a.1', 1), ...lines('history', { last: 1, messages: [hurt] })],
    ['damaged'],
  ],
])

table(ack, [
  ['true', [...abc, ...final(['a.1', 'a.2', 'a.3'])], []],
  ['another seq', [...publish('a.1', 7), ...final(['a.1'])], ['ack-seq-differs']],
  ['a retry told another seq', [...publish('a.1', 1), ...publish('a.1', 2)], ['two-acks-differ']],
  [
    'a retry told the same seq',
    [...publish('a.1', 1), ...publish('a.1', 1), ...final(['a.1'])],
    [],
  ],
  ['gone is not the matter of this checker', [...publish('a.1', 1), ...final([])], []],
])

table(subscriber, [
  ['contiguous from anywhere', [...attach(4), ...deliver(5, 'e'), ...deliver(6, 'f')], []],
  ['a skip', [...attach(0), ...deliver(1, 'a'), ...deliver(3, 'c')], ['skipped']],
  ['a step back', [...attach(0), ...deliver(2, 'b'), ...deliver(1, 'a')], ['stepped-back']],
  ['twice', [...attach(0), ...deliver(1, 'a'), ...deliver(1, 'a')], ['delivered-twice']],
  [
    'again after a new attach',
    [...attach(0), ...deliver(1, 'a'), ...attach(0), ...deliver(1, 'a')],
    [],
  ],
  [
    'two subscribers beside each other',
    [
      ...attach(0, 's'),
      ...attach(0, 'r'),
      ...deliver(1, 'a', 's'),
      ...deliver(1, 'a', 'r'),
      ...deliver(2, 'b', 's'),
    ],
    [],
  ],
  ['silent to the end', [...attach(0), ...abc, ...deliver(1, 'a.1')], ['went-silent']],
  ['never got anything', [...attach(0), ...abc], ['went-silent']],
  ['silent because detached', [...attach(0), ...abc, ...deliver(1, 'a.1'), ...detach()], []],
  ['an unknown message is not due', [...attach(0), ...publish('a.1', 'info')], []],
])

table(resume, [
  ['from the cursor', [...attach(4), ...deliver(5, 'e')], []],
  ['too late', [...attach(4), ...deliver(6, 'f')], ['resumed-too-late']],
  ['too early', [...attach(4), ...deliver(4, 'd')], ['resumed-too-early']],
  ['from now on', [...attach(undefined), ...deliver(9, 'i')], []],
  [
    'second attach counts by itself',
    [...attach(0), ...deliver(1, 'a'), ...attach(1), ...deliver(3, 'c')],
    ['resumed-too-late'],
  ],
  ['a delivery without an attach', deliver(1, 'a'), 'unknown'],
])

test('many anomalies are counted, few are shown', () => {
  const ids = Array.from({ length: 100 }, (_, i) => `a.${i}`)
  const verdict = judge(durable, [...ids.flatMap((id, i) => publish(id, i + 1)), ...final([])])
  expect(verdict).toMatchObject({ total: 100, counts: { 'lost-all': 100, acked: 100 } })
  expect(verdict.anomalies).toHaveLength(32)
})
