import { served } from '../../jepsen-lite/checker/served.ts'
import { table } from './checker-table.ts'
import type { Line } from './checker-table.ts'

const second = 1e9

function fault(serves: object): Line {
  const value = { targets: ['n1'], scope: 'majority', serves }
  return { process: 'nemesis', type: 'info', f: 'start', key: 'meta-cut', value, time: 0 }
}

const over = (at: number): Line => ({
  process: 'nemesis',
  type: 'info',
  f: 'stop',
  key: 'meta-cut',
  time: at * second,
})

/** A publish at `node` that begins and ends around second `at`. */
function asked(at: number, type: 'ok' | 'fail' | 'info', node = 'n1', key = 'grp1'): Line[] {
  const about = { process: `${node}.${at}`, f: 'publish', key, node, value: { id: `${at}` } }
  return [
    { ...about, type: 'invoke', time: at * second },
    { ...about, type, time: at * second + 1 },
  ]
}

const options = { minAvailability: 0.5 }
const begin = fault({ grp1: ['n1', 'n2'] })

table(served, [
  ['no fault', asked(1, 'fail'), [], options],
  [
    'served where the majority is heard',
    [begin, ...asked(6, 'ok'), ...asked(7, 'fail'), ...asked(8, 'ok', 'n2'), over(9)],
    [],
    options,
  ],
  [
    'not served there',
    [begin, ...asked(6, 'fail'), ...asked(7, 'info'), ...asked(8, 'ok', 'n2'), over(9)],
    ['not-served'],
    options,
  ],
  [
    'elsewhere nobody need be served, nor while there are elections, nor other topics',
    [
      begin,
      ...asked(1, 'fail'),
      ...asked(4, 'fail'),
      ...asked(6, 'fail', 'n3'),
      ...asked(7, 'fail', 'n3'),
      ...asked(8, 'fail', 'n3'),
      ...asked(8.5, 'fail', 'n1', 'grp2'),
      over(9),
    ],
    [],
    options,
  ],
  [
    'two slices say nothing',
    [begin, ...asked(6, 'fail'), ...asked(7, 'fail'), over(9)],
    [],
    options,
  ],
  [
    'a machine that was too slow before',
    [begin, ...asked(6, 'fail'), ...asked(7, 'fail'), ...asked(8, 'fail'), over(9)],
    'unknown',
    { ...options, minThroughput: 1_000 },
  ],
])
