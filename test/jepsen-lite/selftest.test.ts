import { describe, expect, test } from 'vitest'
import { checkers } from '../../jepsen-lite/checker/registry.ts'
import { CouldNotRun } from '../../jepsen-lite/could-not-run.ts'
import { nemeses } from '../../jepsen-lite/nemesis/registry.ts'
import { recommendedRuns } from '../../jepsen-lite/recommended-runs.ts'
import { hunt, isGood, rowOf, tableHead } from '../../jepsen-lite/selftest/campaign.ts'
import { cases } from '../../jepsen-lite/selftest/cases.ts'
import type { Case } from '../../jepsen-lite/selftest/cases.ts'
import type { Found } from '../../jepsen-lite/selftest/hunt.ts'
import { ownNemeses } from '../../jepsen-lite/selftest/own-nemeses.ts'
import { workloads } from '../../jepsen-lite/workload/registry.ts'
import { plantedBugs } from '../../src/fault-points.ts'

describe('the cases', () => {
  test('there is one for each planted bug', () => {
    expect(cases.map(({ bug }) => bug)).toEqual(Object.keys(plantedBugs))
  })

  test('what they name exists', () => {
    const exists = (list: readonly { readonly name: string }[], names: readonly string[]) =>
      names.filter((name) => !list.some((item) => item.name === name))
    const faults = [...nemeses, ...ownNemeses('nodes')]
    expect(
      cases.flatMap((one) => [
        ...exists(workloads, [one.workload]),
        ...exists(faults, one.nemeses),
        ...exists(checkers, one.catchers),
      ]),
    ).toEqual([])
  })
})

test('recommended runs name what exists, and each once', () => {
  const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name)
  for (const { workload, nemeses: faults } of recommendedRuns) {
    expect(names(workloads)).toContain(workload)
    expect(names(nemeses)).toEqual(expect.arrayContaining([...faults]))
  }
  const chosen = recommendedRuns.map(({ workload }) => workload)
  expect(new Set(chosen).size).toBe(chosen.length)
})

describe('a hunt', () => {
  const one = cases.find(({ bug }) => bug === 'K17') as Case
  const bounds = { seed: 7, maxRuns: 4, maxSeconds: 60 }
  const found = (...invalid: string[]): Found => ({ invalid, anomaly: undefined, folder: 'f' })
  const go = async (planted: readonly Found[], control: Found) => {
    const runs: string[] = []
    const hunted = await hunt(one, bounds, async (_one, { seed, isPlanted }) => {
      runs.push(`${seed} ${isPlanted ? 'planted' : 'control'}`)
      return isPlanted ? (planted[runs.length - 1] ?? found()) : control
    })
    return { hunted, runs }
  }

  test.for([
    ['caught at once', [found('durable')], found(), true, ['7 planted', '7 control']],
    [
      'caught by the third seed, whose control is clean',
      [found(), found(), found('order', 'log-lines')],
      found(),
      true,
      ['7 planted', '8 planted', '9 planted', '9 control'],
    ],
    [
      'seen only by a checker that was not to see it: it survived',
      [found('log-lines'), found('log-lines'), found('log-lines'), found('log-lines')],
      found(),
      false,
      ['7 planted', '8 planted', '9 planted', '10 planted', '10 control'],
    ],
    [
      'caught, but the same run without the bug is accused as well',
      [found('durable')],
      found('durable'),
      false,
      ['7 planted', '7 control'],
    ],
  ] as const)('%s', async ([, planted, control, good, runs]) => {
    const result = await go(planted, control)
    expect({ good: isGood(result.hunted), runs: result.runs }).toEqual({ good, runs: [...runs] })
  })

  test('ends with the time', async () => {
    const hunted = await hunt(one, { ...bounds, maxSeconds: 0 }, async () => found('durable'))
    expect([hunted.runs, isGood(hunted)]).toEqual([0, false])
  })

  test('a run that did not even begin is begun again, a few times', async () => {
    let left = 2
    const hunted = await hunt(one, bounds, async (_one, { isPlanted }) => {
      if (left-- > 0) throw new CouldNotRun('the port is taken')
      return isPlanted ? found('durable') : found()
    })
    expect(hunted.runs).toBe(1)
    const never = hunt(one, bounds, async () => {
      throw new CouldNotRun('there is no server')
    })
    await expect(never).rejects.toThrow('there is no server')
  })

  test('the table says who survived and who was accused', async () => {
    const survivor = (await go([], found())).hunted
    const accused = (await go([found('durable')], found('order'))).hunted
    expect(rowOf(survivor)).toContain('| SURVIVED | 4 |')
    expect(rowOf(accused)).toContain('ACCUSED by order')
    const cells = (line: string): number => line.split('|').length
    expect(tableHead.split('\n').map(cells)).toEqual([
      cells(rowOf(accused)),
      cells(rowOf(survivor)),
    ])
  })
})
