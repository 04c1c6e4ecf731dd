import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { exitCodes } from '../src/cli/exit-codes.ts'
import { optionReference } from '../src/cli/option-reference.ts'
import { program } from '../src/cli/program.ts'
import { errors } from '../src/errors.ts'
import { clusterFileSchema } from '../src/node/cluster-file.ts'
import { loadCluster, noOverrides } from '../src/node/config.ts'
import { optionNames, optionRow, optionTable } from '../src/node/options.ts'
import { floors, root, sources } from './tidy-scan.ts'

/** Whatever a document lists is compared with the code, in both directions. */
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const readme = read('README.md')

/** The cells of a Markdown table under a heading row that begins with `first`. */
function tableRows(text: string, first: string): string[][] {
  const lines = text.split('\n')
  const head = lines.findIndex((line) => line.startsWith(`| ${first} |`))
  expect(head, `a table that begins with ${first}`).toBeGreaterThanOrEqual(0)
  const end = lines.findIndex((line, i) => i > head && !line.startsWith('|'))
  return lines.slice(head + 2, end).map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  )
}

describe('tables', () => {
  test('docs/errors.md has every error as it is', () => {
    const told = tableRows(read('docs/errors.md'), 'Error')
    const real = Object.entries(errors).map(([name, row]) => [
      `\`${name}\``,
      row.ctrl === 0 ? '–' : String(row.ctrl),
      row.definite ? 'yes' : 'no',
      row.retry,
      row.says,
    ])
    expect(told).toEqual(real)
  })

  test('docs/architecture.md has the floors as they are', () => {
    const told = tableRows(read('docs/architecture.md'), 'Room').map(([room, row]) => [
      room,
      row === '–'
        ? []
        : row!.split(', ').map((name) => name.replace(/^(\w+) \(types\)$/, 'types:$1')),
    ])
    expect(Object.fromEntries(told)).toEqual(floors)
  })

  test('docs/config.md has every option as it is (flotilla config reference)', () => {
    expect(read('docs/config.md')).toContain(optionReference())
    expect(optionReference().match(/^\| `/gm)).toHaveLength(optionNames.length)
  })

  test('docs/operating/exit-codes.md has every code as it is', () => {
    const real = Object.entries(exitCodes).map(([name, { code, says }]) => [
      String(code),
      name,
      says,
    ])
    expect(tableRows(read('docs/operating/exit-codes.md'), 'Code')).toEqual(real)
  })

  test('cluster-config/schema.json is what the option table says (flotilla config schema)', () => {
    expect(JSON.parse(read('cluster-config/schema.json'))).toEqual(
      JSON.parse(JSON.stringify(clusterFileSchema)),
    )
  })

  test.for(['one-node', 'three-nodes', 'five-nodes'])(
    'cluster-config/%s.json can be used',
    (name) => {
      const { nodes } = loadCluster(join(root, `cluster-config/${name}.json`), noOverrides)
      expect(nodes).toHaveLength({ 'one-node': 1, 'three-nodes': 3, 'five-nodes': 5 }[name]!)
    },
  )
})

describe('the option table', () => {
  test.for(optionNames.map((name) => [name] as const))('%s makes sense', ([name]) => {
    const row = optionRow(name)
    expect(name).toMatch(/^[a-z]+(2p)?(-[a-z0-9]+)*$/)
    expect(row.says).toMatch(/\.$/)
    if (row.type === 'choice') expect(row.choices).toContain(row.default)
    if (row.type !== 'number') return
    expect(row.default).toBeGreaterThanOrEqual(row.min)
    expect(row.default).toBeLessThanOrEqual(row.max)
    // Units stand last in names, so that no reader has to guess.
    if (row.unit === 'ms' || row.unit === 's') expect(name.endsWith(`-${row.unit}`)).toBe(true)
  })

  test('options that the server never reads do not exist', () => {
    const text = sources('src', ['.ts'])
      .filter(({ path }) => path !== 'src/node/options.ts')
      .map((source) => source.text)
      .join('\n')
    expect(Object.keys(optionTable).filter((name) => !text.includes(`'${name}'`))).toEqual([])
  })
})

describe('README', () => {
  const help = (...words: string[]) =>
    new Promise<string>((resolve) => {
      void program(words).parse([...words, '--help'], {}, (_error, _argv, text) => resolve(text))
    })
  const codeOf = (text: string) =>
    [...text.matchAll(/^ {4}(\S.*)$|`([^`\n]+)`/gm)].map(([, a, b]) => (a ?? b)!)

  test('its npm scripts exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const named = [...readme.matchAll(/npm (?:run )?([a-z:]+)/g)].map(([, name]) => name!)
    expect(named.filter((name) => !(name in scripts) && name !== 'ci')).toEqual([])
    expect(readme).toContain('npm ci && npm start')
    expect(readme).toContain('npm ci && npm test')
  })

  test('its commands and flags exist', async () => {
    const known = new Map<string, string>()
    for (const [, name] of (await help()).matchAll(/^ {2}flotilla (\w+)/gm)) {
      const text = await help(name!)
      known.set(name!, text)
      for (const [, sub] of text.matchAll(/^ {2}flotilla \w+ (\w+)/gm)) {
        known.set(`${name} ${sub}`, await help(name!, sub!))
      }
    }
    const wrong: string[] = []
    const pages = [
      'README.md',
      'bench/README.md',
      'cluster-config/README.md',
      'docs/operating/admin-endpoints.md',
      'docs/operating/changing-the-cluster.md',
    ]
    for (const line of pages.flatMap((page) => codeOf(read(page)))) {
      const words = /^(?:npx )?flotilla (.*?)(?:\s+#.*)?$/.exec(line)?.[1]?.split(/\s+/)
      if (words === undefined) continue
      const text = known.get(`${words[0]} ${words[1]}`) ?? known.get(words[0]!)
      const flags = words.filter((word) => word.startsWith('--')).map((word) => word.split('=')[0]!)
      if (text === undefined || flags.some((flag) => !text.includes(flag))) wrong.push(line)
    }
    expect(wrong).toEqual([])
    expect(known.size).toBeGreaterThan(15)
  })
})

describe('links', () => {
  const pages = [
    ...sources('docs', ['.md']),
    ...sources('cluster-config', ['.md']),
    ...sources('bench', ['.md']),
  ]
  const tops = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md'].map((path) => ({
    path,
    text: read(path),
  }))

  test.for([...pages, ...tops].map(({ path, text }) => [path, text] as const))(
    '%s',
    ([path, text]) => {
      const targets = [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, target]) => target!)
      const local = targets.filter((target) => !/^[a-z]+:/.test(target))
      expect(local.filter((target) => !existsSync(join(root, dirname(path), target)))).toEqual([])
    },
  )
})
