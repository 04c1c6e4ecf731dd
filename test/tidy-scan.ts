import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What the tidy test reads of a source file. Formatted code is assumed: indentation tells where things end. */
export interface Source {
  /** From the root of the repository, with slashes. */
  readonly path: string
  readonly text: string
  readonly lines: readonly string[]
}

export interface Import {
  readonly from: string
  readonly typesOnly: boolean
}

/** Rooms, lowest first, and what each may import besides the ground. `types:` marks imports of types only. */
export const floors: Readonly<Record<string, readonly string[]>> = {
  ids: [],
  raft: [],
  ring: ['ids'],
  chat: ['ids'],
  wire: ['ids', 'types:raft', 'types:chat'],
  store: ['ids', 'raft', 'wire'],
  peer: ['ids', 'wire'],
  client: ['ids', 'wire'],
  group: ['ids', 'raft', 'wire', 'store', 'peer'],
  partition: ['ids', 'types:raft', 'types:ring', 'chat', 'store', 'group'],
  meta: ['ids', 'ring', 'group'],
  topic: ['ids', 'types:raft', 'types:ring', 'chat', 'wire', 'peer', 'partition'],
  session: ['ids', 'chat', 'wire', 'topic'],
  node: [
    'ids',
    'raft',
    'ring',
    'chat',
    'wire',
    'store',
    'peer',
    'group',
    'partition',
    'meta',
    'topic',
    'session',
  ],
  cli: ['node', 'client'],
}

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')

/** All files below `folder` whose names end with one of `endings`. */
export function sources(folder: string, endings: readonly string[]): Source[] {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && endings.some((ending) => entry.name.endsWith(ending)))
    .map((entry) => {
      const path = join(entry.parentPath, entry.name)
      const text = readFileSync(path, 'utf8')
      return {
        path: relative(root, path).replaceAll('\\', '/'),
        text,
        lines: text.trimEnd().split('\n'),
      }
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** Static and dynamic imports, and what is exported from elsewhere. */
export function importsOf(text: string): Import[] {
  const found: Import[] = []
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
  const statements = /^\s*(import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm
  for (const [, , type, from] of code.matchAll(statements)) {
    found.push({ from: from!, typesOnly: type !== undefined })
  }
  for (const [, from] of code.matchAll(/\bimport\(\s*'([^']+)'\s*\)/g))
    found.push({ from: from!, typesOnly: false })
  return found
}

/** The code with comments and the insides of strings blanked, line by line. */
export function bareCode(text: string): string {
  const token =
    /\/\*[\s\S]*?\*\/|\/\/.*$|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|\$\{[^}]*\}|[^`\\])*`/gm
  return text.replaceAll(token, (match) => match.replaceAll(/[^\n]/g, ' '))
}

/** Functions and methods by their first line, with the lines of their bodies. */
export function functionsOf(lines: readonly string[]): { line: number; length: number }[] {
  const found: { line: number; length: number }[] = []
  for (const [i, line] of lines.entries()) {
    if (!startsBody(line)) continue
    const indent = /^\s*/.exec(line)![0]
    const end = lines.findIndex((other, j) => j > i && other.startsWith(`${indent}}`))
    if (end > 0) found.push({ line: i + 1, length: end - i + 1 })
  }
  return found
}

/** A line that opens a body: of a function, a method, an arrow, or the end of a long list of parameters. */
function startsBody(line: string): boolean {
  const code = line.trim()
  if (!code.endsWith('{')) return false
  if (
    /^(if|for|while|switch|catch|do|try|else|class|interface|with|\}|return \{|case)\b/.test(code)
  )
    return false
  if (code.startsWith('}')) return false
  if (/^(describe|test|it)\b/.test(code)) return false // a list of tests is as long as it must be
  if (/\bfunction\b/.test(code) || code.endsWith('=> {')) return true
  if (/^\)(: .+)? \{$/.test(code)) return true
  return /^((async|static|get|set|override|private|public) )*\*?#?[\w$]+(<.*>)?\(.*\)(: .+)? \{$/.test(
    code,
  )
}

/** Circles of files through imports of values, each once, as paths joined by arrows. */
export function circles(files: ReadonlyMap<string, readonly string[]>): string[] {
  const found = new Set<string>()
  const state = new Map<string, 'open' | 'done'>()
  const way: string[] = []
  const visit = (file: string): void => {
    state.set(file, 'open')
    way.push(file)
    for (const next of files.get(file) ?? []) {
      if (state.get(next) === 'open') found.add([...way.slice(way.indexOf(next)), next].join(' → '))
      else if (!state.has(next)) visit(next)
    }
    way.pop()
    state.set(file, 'done')
  }
  for (const file of files.keys()) if (!state.has(file)) visit(file)
  return [...found]
}
