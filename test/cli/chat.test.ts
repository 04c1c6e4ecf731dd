import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { harmless, StreamTerminal } from '../../src/cli/chat/terminal.ts'
import { chat, type ChatArguments } from '../../src/cli/commands/chat.ts'
import { CommandFailed } from '../../src/cli/exit-codes.ts'
import { FakeCluster, type FakeNode } from '../client/fake-server.ts'

let cluster: FakeCluster
let nodes: FakeNode[]
const dir = mkdtempSync(join(tmpdir(), 'flotilla-chat-'))

beforeEach(async () => {
  cluster = new FakeCluster()
  nodes = [await cluster.start(), await cluster.start()]
})
afterEach(() => {
  cluster.stop()
  rmSync(dir, { recursive: true, force: true })
})

/** One person at a terminal that is no TTY. */
class Person {
  readonly input = new PassThrough()
  readonly #output = new PassThrough()
  readonly ended: Promise<unknown>
  text = ''

  constructor(user: string | undefined, more: Partial<ChatArguments> = {}) {
    this.#output.on('data', (chunk: Buffer) => (this.text += chunk.toString()))
    const argv: ChatArguments = {
      node: nodes.map((node) => node.address),
      dir: undefined,
      user,
      'password-file': undefined,
      topic: undefined,
      'api-key': 'key',
      ...more,
    }
    this.ended = chat(argv, new StreamTerminal(this.input, this.#output)).catch((e: unknown) => e)
  }

  types(...lines: string[]): void {
    for (const line of lines) this.input.write(`${line}\n`)
  }

  async sees(part: string | RegExp): Promise<RegExpMatchArray> {
    const deadline = performance.now() + 5_000
    for (;;) {
      const found = this.text.match(typeof part === 'string' ? literal(part) : part)
      if (found !== null) return found
      if (performance.now() > deadline) throw new Error(`no ${String(part)} in:\n${this.text}`)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }
}

test('two people sign up, make a group, talk, look back and leave', async () => {
  const anna = new Person(undefined)
  anna.types('anna', 'secret-a', 'too early', '/new The Group')
  await anna.sees('welcome, anna: your account is new')
  await anna.sees('open a topic first')
  const topic = (await anna.sees(/\* The Group \((grp\w+)\)/))[1] as string

  const ben = new Person('ben', { topic })
  ben.types('secret-b')
  await ben.sees('The Group')
  anna.types('hello there')
  await anna.sees('[1] me: hello there')
  await ben.sees(/\[1\] .*: hello there/)
  ben.types('and back', '/who', '/me', '/what')
  await anna.sees(/\[2\] .*: and back/)
  await ben.sees('(online)')
  await ben.sees('you are usrben')
  await ben.sees('/quit          end')
  anna.types('/history 1', '/join grpnowhere0000')
  await anna.sees(/\[2\][^]*\[2\]/)
  await anna.sees('cannot open grpnowhere0000: topic not found')
  ben.types('/leave', 'nobody hears this')
  await ben.sees('* left The Group')
  await ben.sees('open a topic first')
  ben.types('/quit')
  anna.input.end()
  expect(await Promise.all([anna.ended, ben.ended])).toEqual([undefined, undefined])
  expect(cluster.topic(topic).messages.map(({ content }) => content)).toEqual([
    'hello there',
    'and back',
  ])
})

test('lines sent while the nodes fail are stored once, in order, and shown once', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'flotilla-chat-')), 'password')
  writeFileSync(file, 'secret\nmore\n')
  const anna = new Person('anna', { 'password-file': file })
  anna.types('/new g')
  const topic = (await anna.sees(/\((grp\w+)\)/))[1] as string
  for (let n = 1; n <= 30; n++) {
    anna.types(`line ${n}`)
    if (n % 7 === 0) {
      await anna.sees(`line ${n - 3}`)
      for (const node of nodes) node.cut()
    }
  }
  await anna.sees('[30] me: line 30')
  anna.types('/quit')
  await anna.ended
  expect(cluster.topic(topic).messages.map(({ content }) => content)).toEqual(
    Array.from({ length: 30 }, (_, n) => `line ${n + 1}`),
  )
  expect(anna.text.match(/^\[\d+\] me: .*$/gm)).toEqual(
    Array.from({ length: 30 }, (_, n) => `[${n + 1}] me: line ${n + 1}`),
  )
  expect(anna.text).toContain('connection lost')
  rmSync(join(file, '..'), { recursive: true })
})

test.for([
  ['a wrong password', { user: 'anna' }, ['wrong'], 'failed', 'wrong password for anna'],
  ['no password', { user: 'anna' }, [], 'usage', 'no password was given'],
  ['no name', { user: undefined }, [], 'usage', 'say --user NAME'],
  [
    'no folder',
    { user: 'anna', node: undefined, dir: 'nowhere' },
    ['x'],
    'unreachable',
    'flotilla up',
  ],
  [
    'an unreadable file',
    { user: 'anna', 'password-file': '/nowhere/at/all' },
    [],
    'usage',
    'cannot read the password',
  ],
] as const)('%s ends it with a reason', async ([, argv, lines, exit, says]) => {
  cluster.users.set('anna', { user: 'usranna', password: 'right' })
  const person = new Person(argv.user, argv)
  person.types(...lines)
  person.input.end()
  const error = (await person.ended) as CommandFailed
  expect(error).toBeInstanceOf(CommandFailed)
  expect(error).toMatchObject({ exit })
  expect(error.message).toContain(says)
})

test('on a terminal the password is not shown', async () => {
  const raw: boolean[] = []
  const input = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (on: boolean) => void raw.push(on),
  })
  let text = ''
  const output = new PassThrough().on('data', (chunk: Buffer) => (text += chunk.toString()))
  const terminal = new StreamTerminal(input, output)
  const asked = terminal.ask('password: ', true)
  input.write('secx\u007fret\r')
  expect(await asked).toBe('secret')
  expect(raw).toEqual([true, false])
  expect(text).toBe('password: \n')
  const lines = terminal.lines()
  const next = lines[Symbol.asyncIterator]().next()
  input.write('first line\r')
  expect((await next).value).toBe('first line')
  terminal.say('something happened')
  expect(text).toContain('\r\u001b[2Ksomething happened\n> ')
  terminal.close()
})

test('what others write cannot steer the terminal', () => {
  expect(harmless('a\u001b[2Jb\rc\u202ed\u{1f600}é')).toBe('a·[2Jb·c·d😀é')
})

function literal(text: string): RegExp {
  return new RegExp(text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&'))
}
