import { expect, test } from 'vitest'
import { orderOf, runRounds } from '../../bench/peers/rounds.ts'
import type { System } from '../../bench/peers/system.ts'

const system = (name: string): System => ({
  name,
  acknowledges: 'nothing',
  delivers: 'nothing',
  needs: [],
  start: () => Promise.reject(new Error('is not started here')),
})
const systems = ['a', 'b', 'c'].map(system)

test.for([
  [0, 'abc'],
  [1, 'bca'],
  [2, 'cab'],
  [3, 'abc'],
  [7, 'bca'],
] as const)('round %i has the order %s', ([round, order]) => {
  expect(orderOf(['a', 'b', 'c'], round).join('')).toBe(order)
})

test('each system has each place equally often', async () => {
  const asked: string[] = []
  const measure = async ({ name }: System) => {
    asked.push(name)
    return [{ setting: 1, figures: asked.length }]
  }
  const { samples, failures } = await runRounds(systems, 3, measure, () => {})
  expect(asked.join('')).toBe('abcbcacab')
  expect(failures).toEqual({})
  expect(samples).toHaveLength(9)
  expect(samples[3]).toEqual({ system: 'b', setting: 1, round: 1, figures: 4 })
})

test('a system that fails is left out from then on, with what it gave before', async () => {
  const asked: string[] = []
  const measure = async ({ name }: System) => {
    asked.push(name)
    if (name === 'b' && asked.length > 3) throw new Error('its disk is full')
    return [{ setting: 1, figures: 0 }]
  }
  const { samples, failures } = await runRounds(systems, 3, measure, () => {})
  expect(asked.join('')).toBe('abcbcaca')
  expect(failures).toEqual({ b: 'its disk is full' })
  expect(samples.map((sample) => sample.system).join('')).toBe('abccaca')
})
