import { expect, test } from 'vitest'
import { defaultCheckOptions } from '../../jepsen-lite/checker/checker.ts'
import { checkers } from '../../jepsen-lite/checker/registry.ts'
import { runCheckers } from '../../jepsen-lite/checker/run-checkers.ts'
import { History } from '../../jepsen-lite/operations.ts'
import { reportPage } from '../../jepsen-lite/report/page.ts'
import { linearScale, logScale } from '../../jepsen-lite/report/scale.ts'
import { perSecond, quantiles } from '../../jepsen-lite/report/series.ts'
import { story, publish } from './story.ts'
import { syntheticRun } from './synthetic-run.ts'

function page(history: History, name = 'publish <kill>'): string {
  const judgement = runCheckers(checkers, history, defaultCheckOptions)
  const about = { versions: { server: '0.1.0', commit: 'abc' }, config: { nodes: 5 } }
  return reportPage(
    { name, seed: '7', startedAt: '2026-01-01T00:00:00Z', judgement, ...about },
    history,
  )
}

test('a bad run: the page is self-contained and names what was lost', () => {
  const html = page(new History(syntheticRun(7, true, 200)))
  expect(html).toContain('publish &#60;kill&#62;: invalid')
  expect(html).toContain('lost-')
  expect(html).toContain('In force at the time: partition on n2')
  expect(html).toMatch(/<path class="dots lost" d="M/)
  for (const foreign of [/\bsrc=/, /https?:\/\//, /@import/, /url\(/])
    expect(html).not.toMatch(foreign)
  expect(html).not.toMatch(/NaN|undefined|Infinity/)
})

test('an empty history and a single operation are drawn as well', () => {
  expect(page(new History([]))).not.toMatch(/NaN|undefined|Infinity/)
  expect(page(new History(story(publish('a.1', 1))))).not.toMatch(/NaN|undefined|Infinity/)
})

test('seconds count every operation once, by its end', () => {
  const history = new History(syntheticRun(3, false, 100))
  const seconds = perSecond(history)
  const sum = seconds.reduce((all, { ok, fail, info }) => all + ok + fail + info, 0)
  expect(sum).toBe(history.named('publish').length)
  expect(seconds.map((second) => second.at)).toEqual(seconds.map((_, i) => i))
})

test.for([
  [[], undefined],
  [[5], { p50: 5, p95: 5, p99: 5, max: 5 }],
  [Array.from({ length: 100 }, (_, i) => 100 - i), { p50: 51, p95: 96, p99: 100, max: 100 }],
] as const)('quantiles of %j', ([values, expected]) => {
  expect(quantiles(values)).toEqual(expected)
})

test('scales', () => {
  const linear = linearScale(0, 10, 100, 0, 5)
  expect([linear(0), linear(5), linear(10)]).toEqual([100, 50, 0])
  expect(linear.ticks).toEqual([0, 2, 4, 6, 8, 10])
  const log = logScale(0.5, 200, 0, 4)
  expect([log(0.01), log(0.1), log(1), log(1000)]).toEqual([0, 0, 1, 4])
  expect(log.ticks).toEqual([0.1, 1, 10, 100, 1000])
})
