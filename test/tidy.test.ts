import { readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { bareCode, circles, floors, functionsOf, importsOf, root, sources } from './tidy-scan.ts'

/**
 * The rules of the house, held against its files: floors, sizes, names, banned calls, numbered
 * invariants. Each rule is data; docs/architecture.md explains them.
 */
const ground = ['assert', 'errors', 'fault-points', 'limits', 'ports']

/** Packages that decide from values alone, and the pure rooms that may use them. */
const purePackages: Readonly<Record<string, readonly string[]>> = {
  ring: ['@noble/hashes'],
  wire: ['msgpackr'],
}
const pureRooms = ['ids', 'raft', 'ring', 'chat', 'wire']
/** What a pure room must not touch: time, chance, the machine, waiting. */
const impure =
  /\b(Date|performance|setTimeout|setInterval|setImmediate|queueMicrotask|process|Promise|async|await|console)\b|Math\.random/
const maxFileLines = 400
const maxFunctionLines = 70
const bannedNames =
  /(^|[-.])(utils?|helpers?|common|misc|base|managers?|temp|tmp|service|processor)([-.]|$)/
const reminders = /\b(TODO|FIXME|XXX|HACK)\b|Error\(.*not implemented/
/** Packages that only `npm run` needs; the server must start without them. */
const { dependencies } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as {
  dependencies: Record<string, string>
}

const src = sources('src', ['.ts', '.cts'])
const tests = [
  ...sources('test', ['.ts']),
  ...sources('jepsen-lite', ['.ts']),
  ...sources('bench', ['.ts']),
]
const all = [...src, ...tests]
/** Measures from outside, so it stands above the rooms: what it may import of them, and of the harness. */
const peers = sources('bench/peers', ['.ts'])
const belowPeers = ['src/cli/', 'src/node/', 'src/client/', 'jepsen-lite/world/', 'bench/peers/']
const roomOf = (path: string) => (path.split('/').length > 2 ? path.split('/')[1]! : 'ground')

describe('floors', () => {
  test('every folder of src is a room of the table', () => {
    const rooms = new Set(src.map(({ path }) => roomOf(path)).filter((room) => room !== 'ground'))
    expect([...rooms].filter((room) => !(room in floors))).toEqual([])
    const files = src
      .filter(({ path }) => roomOf(path) === 'ground')
      .map(({ path }) => posix.basename(path, '.ts'))
    expect(files).toEqual(ground)
  })

  test('rooms import only what their row allows', () => {
    const wrong = src.flatMap(({ path, text }) =>
      importsOf(text)
        .filter(({ from }) => from.startsWith('.'))
        .map(({ from, typesOnly }) => ({ to: posix.join(posix.dirname(path), from), typesOnly }))
        .filter(
          ({ to, typesOnly }) =>
            !mayImport(roomOf(path), roomOf(to), typesOnly) || !to.startsWith('src/'),
        )
        .map(({ to }) => `${path} imports ${to}`),
    )
    expect(wrong).toEqual([])
  })

  test('the comparison with peers imports only what is below it', () => {
    const wrong = peers.flatMap(({ path, text }) =>
      importsOf(text)
        .filter(({ from }) => from.startsWith('.'))
        .map(({ from }) => posix.join(posix.dirname(path), from))
        .filter((to) => !belowPeers.some((folder) => to.startsWith(folder)))
        .map((to) => `${path} imports ${to}`),
    )
    expect(wrong).toEqual([])
  })

  test('no circle of files through values', () => {
    const graph = new Map(
      [...src, ...peers].map(({ path, text }) => [
        path,
        importsOf(text)
          .filter(({ from, typesOnly }) => from.startsWith('.') && !typesOnly)
          .map(({ from }) => posix.join(posix.dirname(path), from)),
      ]),
    )
    expect(circles(graph)).toEqual([])
  })

  test('pure rooms import nothing of the machine; packages are dependencies', () => {
    const wrong = src.flatMap(({ path, text }) =>
      importsOf(text)
        .filter(({ from }) => !from.startsWith('.'))
        .filter(({ from }) => !mayUse(roomOf(path), from))
        .map(({ from }) => `${path} imports ${from}`),
    )
    expect(wrong).toEqual([])
  })
})

function mayImport(room: string, to: string, typesOnly: boolean): boolean {
  if (to === 'ground' || (room === to && room !== 'ground')) return true
  const row = floors[room] ?? []
  return row.includes(to) || (typesOnly && row.includes(`types:${to}`))
}

function mayUse(room: string, specifier: string): boolean {
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
  if (specifier.startsWith('node:')) return !pureRooms.includes(room) && room !== 'ground'
  if (purePackages[room]?.includes(name)) return true
  return name in dependencies && !pureRooms.includes(room) && room !== 'ground'
}

describe('sizes', () => {
  test(`files have at most ${maxFileLines} lines`, () => {
    const long = all.filter(({ lines }) => lines.length > maxFileLines)
    expect(long.map(({ path, lines }) => `${path}: ${lines.length}`)).toEqual([])
  })

  test(`functions have at most ${maxFunctionLines} lines`, () => {
    const long = [...src, ...peers].flatMap(({ path, lines }) =>
      functionsOf(lines)
        .filter(({ length }) => length > maxFunctionLines)
        .map(({ line, length }) => `${path}:${line}: ${length}`),
    )
    expect(long).toEqual([])
  })
})

describe('names', () => {
  test('files and folders are kebab-case nouns that mean something', () => {
    const wrong = all.filter(({ path }) =>
      path
        .split('/')
        .some((part) => !/^[a-z0-9]+([-.][a-z0-9]+)*$/.test(part) || bannedNames.test(part)),
    )
    expect(wrong.map(({ path }) => path)).toEqual([])
  })

  test('no barrel, no default export', () => {
    const wrong = [...src, ...peers].filter(
      ({ path, text }) =>
        /\/index\.c?ts$/.test(path) || /^export (default|\* from)\b/m.test(bareCode(text)),
    )
    expect(wrong.map(({ path }) => path)).toEqual([])
  })
})

describe('habits', () => {
  test('pure rooms have no time, chance, machine or waiting', () => {
    const wrong = src
      .filter(({ path }) => pureRooms.includes(roomOf(path)))
      .flatMap(({ path, text }) =>
        bareCode(text)
          .split('\n')
          .flatMap((line, i) => {
            const word =
              impure.exec(line)?.[0] ??
              (roomOf(path) === 'wire' ? undefined : /\bBuffer\b/.exec(line)?.[0])
            return word === undefined ? [] : [`${path}:${i + 1}: ${word}`]
          }),
      )
    expect(wrong).toEqual([])
  })

  test('nothing is left over', () => {
    const wrong = all
      .filter(({ path }) => path !== 'test/tidy.test.ts')
      .flatMap(({ path, lines }) =>
        lines.flatMap((line, i) => (reminders.test(line) ? [`${path}:${i + 1}`] : [])),
      )
    expect(wrong).toEqual([])
  })

  test('no test is skipped or singled out', () => {
    const wrong = tests.filter(({ text }) =>
      /\b(test|it|describe)\.(only|skip|todo|fails)\b/.test(bareCode(text)),
    )
    expect(wrong.map(({ path }) => path)).toEqual([])
  })

  test('no catch is empty, and no console outside the command line', () => {
    const wrong = [...src, ...peers].filter(({ path, text }) => {
      const code = bareCode(text)
      return (
        /catch(\s*\(\w+\))?\s*\{\s*\}/.test(text) ||
        (/\bconsole\./.test(code) && roomOf(path) !== 'cli')
      )
    })
    expect(wrong.map(({ path }) => path)).toEqual([])
  })
})

describe('invariants', () => {
  const pages = sources('docs/internals', ['.md'])
  const numbered = /'([A-Z]+-\d+)'/g
  const asserted = new Map<string, string>()
  for (const { path, text } of src) {
    if (path === 'src/assert.ts') continue
    for (const [, id] of text.matchAll(numbered)) asserted.set(id!, path)
  }

  test('each assertion has a number of its room', () => {
    const wrong = [...asserted].filter(
      ([id, path]) => !id.startsWith(`${roomOf(path).toUpperCase()}-`),
    )
    expect(wrong).toEqual([])
  })

  test.for(pages.map(({ path, text }) => [path, text] as const))(
    '%s lists what its room asserts',
    ([path, text]) => {
      const prefix = `${posix.basename(path, '.md').toUpperCase()}-`
      const listed = new Set(
        [...text.matchAll(/\b([A-Z]+-\d+)\b/g)]
          .map(([id]) => id)
          .filter((id) => id.startsWith(prefix)),
      )
      const held = [...asserted.keys()].filter((id) => id.startsWith(prefix))
      expect({ page: [...listed].toSorted() }).toEqual({ page: held.toSorted() })
    },
  )

  test('each is in a test', () => {
    const texts = tests.map(({ text }) => text).join('\n')
    const untested = [...asserted.keys()].filter((id) => !new RegExp(`\\b${id}\\b`).test(texts))
    expect(untested).toEqual([])
  })

  test('each room has a page', () => {
    const rooms = new Set(src.map(({ path }) => roomOf(path)).filter((room) => room !== 'ground'))
    const paged = new Set(pages.map(({ path }) => posix.basename(path, '.md')))
    expect([...rooms].filter((room) => !paged.has(room))).toEqual([])
  })
})

describe('the scan itself', () => {
  test('finds imports of every form', () => {
    const text = [
      "import { a } from './a.ts'",
      "import type { b } from '../b.ts'",
      'import {',
      '  c,',
      "} from 'c'",
      "export { d } from './d.ts'",
      "import './e.ts'",
      "// import { no } from './no.ts'",
      "const f = await import('./f.ts')",
    ].join('\n')
    expect(
      importsOf(text).map(({ from, typesOnly }) => `${from}${typesOnly ? ' types' : ''}`),
    ).toEqual(['./a.ts', '../b.ts types', 'c', './d.ts', './e.ts', './f.ts'])
  })

  test('blanks comments and strings', () => {
    expect(bareCode("a // Date\n/* async */ b 'Date' `x`")).toBe(
      'a        \n            b           ',
    )
  })

  test('measures functions', () => {
    const lines = [
      'function a() {',
      '  if (b) {',
      '  }',
      '}',
      'class C {',
      '  #m(x: number): void {',
      '    x',
      '  }',
      '}',
    ]
    expect(functionsOf(lines)).toEqual([
      { line: 1, length: 4 },
      { line: 6, length: 3 },
    ])
  })

  test('finds circles', () => {
    const graph = new Map([
      ['a', ['b']],
      ['b', ['c']],
      ['c', ['b']],
    ])
    expect(circles(graph)).toEqual(['b → c → b'])
  })

  test.for([
    ['cli', 'node', false, true],
    ['node', 'cli', false, false],
    ['wire', 'raft', false, false],
    ['wire', 'raft', true, true],
    ['raft', 'ids', true, false],
    ['ground', 'ids', true, false],
  ] as const)('%s imports %s (types only: %s): %s', ([room, to, typesOnly, may]) => {
    expect(mayImport(room, to, typesOnly)).toBe(may)
  })
})
