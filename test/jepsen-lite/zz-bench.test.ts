import { test } from 'vitest'
import { register } from '../../jepsen-lite/checker/register.ts'
import { linearizable } from '../../jepsen-lite/checker/linearizable.ts'
import { judge } from './story.ts'
import { registerRun } from './simulated-register.ts'
test('bench', () => {
  const c = linearizable(register, 'r', '')
  for (const cfg of [
    { clients: 50, operations: 100000, keys: 1, values: 0, unknown: 0, seed: 1 },
    { clients: 50, operations: 100000, keys: 1, values: 0, unknown: 0.01, seed: 1 },
    { clients: 50, operations: 100000, keys: 500, values: 0, unknown: 0.01, seed: 1 },
    { clients: 50, operations: 100000, keys: 500, values: 5, unknown: 0.01, seed: 1 },
    { clients: 50, operations: 100000, keys: 1, values: 5, unknown: 0, seed: 1 },
    { clients: 50, operations: 100000, keys: 1, values: 5, unknown: 0.001, seed: 1 },
    { clients: 10, operations: 20000, keys: 1, values: 5, unknown: 0.01, seed: 1 },
    { clients: 50, operations: 100000, keys: 1, values: 200, unknown: 0, seed: 1 },
  ]) {
    const lines = registerRun(cfg)
    const t = performance.now()
    const v = judge(c, lines, { searchMs: 15000 })
    console.log(JSON.stringify(cfg), v.result, v.doubts.slice(0,2), JSON.stringify(v.counts), (performance.now() - t).toFixed(0) + 'ms', (process.memoryUsage().rss / 1e6).toFixed(0) + 'MB')
    // bad: flip one read
    let done = false
    const bad = lines.map((l, i) => { if (!done && i > lines.length * 0.6 && l.f === 'read' && l.type === 'ok' && typeof l.value === 'number') { done = true; return { ...l, value: cfg.values ? (Number(l.value) % cfg.values) + 1 : 1 } } return l })
    const t2 = performance.now()
    const v2 = judge(c, bad, { searchMs: 15000 })
    console.log('   bad', v2.result, v2.doubts.slice(0, 2), (performance.now() - t2).toFixed(0) + 'ms', (process.memoryUsage().rss / 1e6).toFixed(0) + 'MB')
  }
}, 400000)
