import { afterEach, expect, test, vi } from 'vitest'
import { bar, ProgressLine, table } from '../../src/cli/output.ts'

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

const streams = [process.stdout, process.stderr]
const were = streams.map((stream) => stream.isTTY)
afterEach(() => {
  vi.restoreAllMocks()
  streams.forEach((stream, i) => (stream.isTTY = were[i]!))
})

/** What goes to stderr, as on a terminal or not. */
function written(isTerminal: boolean, write: () => void): string {
  let text = ''
  for (const stream of streams) stream.isTTY = isTerminal
  vi.spyOn(process.stderr, 'write').mockImplementation((part) => ((text += String(part)), true))
  write()
  return text
}

test.for([
  [0, 4, '░░░░'],
  [1, 4, '█░░░'],
  [4, 4, '████'],
  [9, 4, '████'],
  [0, 0, '████'],
] as const)('%i of %i is drawn on a terminal, and nowhere else', ([part, whole, drawn]) => {
  let bars: string[] = []
  written(true, () => (bars = [bar(part, whole, 4)]))
  expect(bars).toEqual([drawn])
  written(false, () => (bars = [bar(part, whole, 4)]))
  expect(bars).toEqual([''])
})

test('progress is written over on a terminal, and each other line once elsewhere', () => {
  const write = (): void => {
    const line = new ProgressLine()
    line.progress('2 left', 0, 2)
    line.progress('2 left', 0, 2)
    line.progress('1 left', 1, 2)
    line.end()
    line.end()
  }
  expect(written(false, write)).toBe('2 left\n1 left\n')
  vi.restoreAllMocks()
  const drawn = written(true, write)
  expect(drawn).toBe(
    `\r\x1b[K${'░'.repeat(20)}  2 left\r\x1b[K${'█'.repeat(10)}${'░'.repeat(10)}  1 left\n`,
  )
})
