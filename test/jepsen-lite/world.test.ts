import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { factsOf } from '../../jepsen-lite/world/admin-view.ts'
import { freePorts } from '../../jepsen-lite/world/free-ports.ts'
import { logProblems } from '../../jepsen-lite/world/log-problems.ts'
import { NodeProcess } from '../../jepsen-lite/world/node-process.ts'

const folder = mkdtempSync(join(tmpdir(), 'jepsen-lite-'))
afterAll(() => rmSync(folder, { recursive: true }))

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${condition.toString()}`)
    await new Promise((done) => setTimeout(done, 5))
  }
}

async function greeter(word: string): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => socket.end(word))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

test('a redirected process reaches the proxy where it asks for the peer, and everybody else as before', async () => {
  const [peer, proxy, other] = [
    await greeter('peer'),
    await greeter('proxy'),
    await greeter('other'),
  ]
  const file = join(folder, 'redirects.json')
  writeFileSync(file, JSON.stringify({ [`127.0.0.1:${peer.port}`]: proxy.port }))
  process.env['JEPSEN_LITE_REDIRECT'] = file
  await import('../../jepsen-lite/world/redirect.ts')
  const hear = async (socket: ReturnType<typeof connect>): Promise<string> =>
    String((await once(socket, 'data'))[0])
  expect(await hear(connect({ host: '127.0.0.1', port: peer.port }))).toBe('proxy')
  expect(await hear(connect(peer.port, '127.0.0.1'))).toBe('proxy')
  expect(await hear(connect({ host: '127.0.0.1', port: other.port }))).toBe('other')
  for (const { server } of [peer, proxy, other]) server.close()
})

function nodeProcess(script: string, name: string): NodeProcess {
  return new NodeProcess({
    command: [process.execPath, '-e', script],
    environment: { WORD: 'hello' },
    logFile: join(folder, `${name}.log`),
  })
}

const log = (name: string): string => readFileSync(join(folder, `${name}.log`), 'utf8')

test('a process is started, paused, resumed, killed and started again', async () => {
  const node = nodeProcess('console.log(process.env.WORD);setInterval(()=>{},1000)', 'kill')
  node.start()
  node.start()
  await until(() => log('kill') === 'hello\n')
  node.pause()
  node.resume()
  await node.kill()
  await node.kill()
  expect([node.isRunning, node.surprises]).toEqual([false, []])
  node.start()
  await until(() => log('kill') === 'hello\nhello\n')
  await node.terminate()
  expect(node.surprises).toEqual([])
})

test('a process that was closed is not started any more', async () => {
  const node = nodeProcess('console.log(process.env.WORD);setInterval(()=>{},1000)', 'closed')
  node.start()
  await until(() => log('closed') === 'hello\n')
  node.pause()
  await node.close()
  node.start()
  expect([node.isRunning, node.surprises]).toEqual([false, []])
})

test('a process goes with the harness, whatever that was doing', async () => {
  const module = new URL('../../dist/jepsen-lite/world/node-process.js', import.meta.url).href
  const options = {
    command: [process.execPath, '-e', 'console.log(process.pid);setInterval(()=>{},1000)'],
    environment: {},
    logFile: join(folder, 'left.log'),
  }
  const script = `
    import { NodeProcess } from '${module}'
    import { readFileSync } from 'node:fs'
    const node = new NodeProcess(${JSON.stringify(options)})
    node.start()
    while (readFileSync('${options.logFile}', 'utf8') === '') await new Promise((done) => setTimeout(done, 5))
    process.exit(3)`
  const harness = spawn(process.execPath, ['--input-type=module', '-e', script])
  expect(await once(harness, 'exit')).toEqual([3, null])
  const pid = Number(log('left'))
  const isThere = (): boolean => {
    try {
      return process.kill(pid, 0)
    } catch {
      return false
    }
  }
  await until(() => !isThere())
})

test.for([
  ['process.exit(70)', 'exit code 70'],
  ['process.abort()', 'signal SIGABRT'],
] as const)('an end that nobody asked for is a surprise: %s', async ([script, how]) => {
  const node = nodeProcess(script, 'surprise')
  node.start()
  await until(() => !node.isRunning)
  expect(node.surprises).toEqual([how])
})

test.for([
  ['{"level":30,"msg":"all well"}', []],
  ['Uncaught Exception: boom', ['uncaught exception']],
  ['[UnhandledPromiseRejection: boom]', ['unhandled rejection']],
  ['BrokenInvariant: invariant RAFT-3 is broken: {}', ['broken invariant']],
  ['{"level":60,"msg":"log is corrupt"}', ['fatal']],
] as const)('log line %s', ([line, patterns]) => {
  const path = join(folder, 'node.log')
  writeFileSync(path, `{"level":30}\n${line}\n`)
  const found = logProblems('n1', path, []).map(
    (fact) => (fact.value as { pattern: string }).pattern,
  )
  expect(found).toEqual(patterns)
})

test('a missing log and surprises are facts, too', () => {
  expect(logProblems('n1', join(folder, 'none'), [])).toMatchObject([
    { f: 'log-missing', node: 'n1' },
  ])
  const path = join(folder, 'quiet.log')
  writeFileSync(path, '')
  expect(logProblems('n1', path, ['exit code 1'])).toMatchObject([
    { f: 'log', value: { pattern: 'unexpected end', line: 'exit code 1' } },
  ])
})

test('free ports are free, and given once, to this process and to others', async () => {
  const asked = `
    const { freePorts } = await import(process.argv[1])
    console.log(JSON.stringify(await freePorts(40)))
    process.stdin.resume()`
  const file = new URL('../../dist/jepsen-lite/world/free-ports.js', import.meta.url).href
  // Each of them holds what it got until its input ends.
  const others = Array.from({ length: 3 }, () =>
    spawn(process.execPath, ['--input-type=module', '-e', asked, file]),
  )
  const given = others.map(async ({ stdout }) => String((await once(stdout, 'data'))[0]))
  const ports = [...(await freePorts(100)), ...(await freePorts(20))]
  for (const line of await Promise.all(given)) ports.push(...(JSON.parse(line) as number[]))
  for (const { stdin } of others) stdin.end()
  expect(ports).toHaveLength(240)
  expect(new Set(ports).size).toBe(240)
})

test('answers of a node become facts', () => {
  const status = {
    node: { index: 1, name: 'n1', bootId: 'b', version: '1' },
    members: [{ index: 1, name: 'n1' }],
    groups: [
      {
        group: 0,
        role: 'leader',
        term: 3,
        commit: 9,
        applied: 9,
        voters: [1],
        learners: [7],
        joint: true,
        opened: 12,
      },
    ],
  }
  const ring = { version: 4, hash: 'x', partitions: [{ partition: 0, replicas: ['n1'] }] }
  const facts = factsOf('n1', status, ring, { final: true, replicas: 1, data: 2 })
  expect(facts.map((fact) => fact.f)).toEqual(['cluster-state', 'ring'])
  expect(facts[0]?.value).toMatchObject({
    final: true,
    data: 2,
    groups: [{ group: 'meta', term: 3, voters: ['n1'], learners: ['7'], joint: true, opened: 12 }],
  })
  expect(facts[1]?.value).toMatchObject({ applied: 4, partitions: { 0: ['n1'] }, replicas: 1 })
  expect(factsOf('n1', undefined, undefined, { final: false, replicas: 1 })).toEqual([])
})
