import { expect, test } from 'vitest'
import { table } from '../../src/cli/output.ts'

test.for([
  {
    name: 'columns are as wide as their widest cell; numbers stand right',
    head: ['node', 'sessions'],
    rows: [
      ['n1', 5],
      ['node-12', 12_345],
    ],
    text: 'node     sessions\nn1              5\nnode-12    12,345',
  },
  {
    name: 'nothing is a dash, truth is yes or no',
    head: ['a', 'b'],
    rows: [
      [null, true],
      [undefined, false],
    ],
    text: 'a  b\n–  yes\n–  no',
  },
  { name: 'no rows', head: ['a', 'b'], rows: [], text: 'a  b' },
  {
    name: 'four digits stay together',
    head: ['n'],
    rows: [[9_999], [10_000]],
    text: '     n\n  9999\n10,000',
  },
])('$name', ({ head, rows, text }) => {
  expect(table(head, rows)).toBe(text)
})
