import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { everything } from '../../jepsen-lite/nemesis/everything.ts'
import { memberNemeses } from '../../jepsen-lite/nemesis/member-nemeses.ts'
import type { Fault, Nemesis } from '../../jepsen-lite/nemesis/nemesis.ts'
import { Prng } from '../../jepsen-lite/prng.ts'
import { LinkProxy } from '../../jepsen-lite/proxy/link-proxy.ts'
import { comeBack } from '../../jepsen-lite/world/come-back.ts'
import { LocalNode } from '../../jepsen-lite/world/local-node.ts'
import { ChangeRefused } from '../../jepsen-lite/world/world.ts'
import type { Administrator, ImpostorEnd } from '../../jepsen-lite/world/world.ts'
import { ToyWorld } from './toy-world.ts'

const folder = mkdtempSync(join(tmpdir(), 'jepsen-lite-'))
afterAll(() => rmSync(folder, { recursive: true }))

const reAdd = memberNemeses.find(({ name }) => name === 're-add') as Nemesis

async function carriedOut(change: Partial<Administrator>): Promise<Fault> {
  class Changed extends ToyWorld {
    override readonly administrator: Administrator = { ...this.toyAdministrator, ...change }
  }
  const fault = await reAdd.start({ world: new Changed(5), prng: new Prng(1), stepMs: 1 })
  if (!fault) throw new Error('nothing was hit')
  await fault.carryOut?.()
  return fault
}

test('a removed node is refused with its old disk and joins with an empty one', async () => {
  const joined: (string | undefined)[] = []
  const fault = await carriedOut({ join: async (as) => (joined.push(as), as ?? 'n6') })
  expect(joined).toEqual([undefined, expect.stringMatching(/^n\d$/)])
  expect(await fault.effect()).toMatch(
    /^a node joined; (n\d) removed; with its old disk \1 refused: removed; \1 joined with an empty/,
  )
  expect(await fault.complaint?.()).toBeUndefined()
})

test.for([
  ['served with its old disk', { comeBack: async () => end(false, true) }, /let in with the disk/],
  ['waited for its peers', { comeBack: async () => end(false, false) }, undefined],
  [
    'was not let in with an empty disk',
    {
      join: async (as?: string) => {
        if (as === undefined) return 'n6'
        throw new ChangeRefused('no')
      },
    },
    /not let in with an empty disk/,
  ],
] as const)('a node that %s', async ([, change, says]) => {
  const complaint = await (await carriedOut(change)).complaint?.()
  if (says === undefined) expect(complaint).toBeUndefined()
  else expect(complaint?.says).toMatch(says)
})

function end(refused: boolean, served: boolean): ImpostorEnd {
  return { refused, served, words: '' }
}

test('everything hears a complaint about the others only of a fault that is alone', async () => {
  const fussy: Nemesis = {
    name: 'fussy',
    says: 'complains',
    needs: [],
    start: async () => ({
      targets: ['n1'],
      scope: 'minority',
      needsTheRest: true,
      effect: async () => 'hit',
      complaint: async () => ({ node: 'n1', says: 'bad' }),
      stop: async () => undefined,
    }),
  }
  const other: Nemesis = { ...fussy, name: 'as-fussy' }
  const heard = new Set<string>()
  for (let seed = 0; seed < 40; seed++) {
    const context = { world: new ToyWorld(5), prng: new Prng(seed), stepMs: 1 }
    const fault = await everything([fussy, other]).start(context)
    if (fault?.optional === true) continue
    const kinds = Object.keys(fault?.how ?? {})
    const complaint = await fault?.complaint?.()
    heard.add(`${kinds.length} ${complaint === undefined ? 'silent' : 'complains'}`)
  }
  expect(heard).toEqual(new Set(['1 complains', '2 silent']))
})

async function nodeAt(script: string, admin: string, after?: LocalNode): Promise<LocalNode> {
  const program = join(folder, `${admin.replace(':', '-')}.mjs`)
  writeFileSync(program, script)
  mkdirSync(join(folder, 'data'), { recursive: true })
  return new LocalNode({
    addresses: { name: 'n1', peer: '127.0.0.1:1', client: '127.0.0.1:2', admin },
    command: [process.execPath, program],
    data: join(folder, 'data'),
    notes: join(folder, 'notes'),
    logFile: join(folder, 'n1.log'),
    clientProxy: await LinkProxy.listen({
      targetHost: '127.0.0.1',
      targetPort: 1,
      random: new Prng(1),
    }),
    diskShim: undefined,
    faketime: undefined,
    environment: {},
    ...(after && { after }),
  })
}

test('a server that comes back is refused when it ends by itself, and served when it is ready', async () => {
  const one = await nodeAt('console.log("n1 was removed"); process.exit(65)', '127.0.0.1:9')
  one.setRedirects({ '127.0.0.1:5': 6 })
  one.allowEnd(/removed/, false)
  expect(await comeBack(one)).toEqual({ refused: true, served: false, words: 'n1 was removed' })
  // The proxies of its links are gone: it asks its peers themselves.
  expect(readFileSync(join(folder, 'notes', 'redirects.json'), 'utf8')).toBe('{}')
  const ready = createServer((_, response) => response.end('{}')).listen(0, '127.0.0.1')
  await once(ready, 'listening')
  const admin = `127.0.0.1:${(ready.address() as AddressInfo).port}`
  const two = await nodeAt('setInterval(() => {}, 1000)', admin)
  expect(await comeBack(two)).toMatchObject({ refused: false, served: true })
  ready.close()
  await one.close()
  await two.close()
  rmSync(join(folder, 'n1.log'))
})

test('a node under removal may say so when it ends, and of damage meanwhile, too', async () => {
  const said = async (word: string, prepare: (node: LocalNode) => void): Promise<number> => {
    const script = `console.log('"fatal":true ${word}'); process.exit(1)`
    const node = await nodeAt(script, '127.0.0.1:9')
    prepare(node)
    await comeBack(node)
    const problems = node.logFacts().length
    await node.close()
    rmSync(join(folder, 'n1.log'))
    return problems
  }
  const damagedThenRemoved = (node: LocalNode): void => {
    node.allowEnd(/damaged/, true)
    node.allowFarewell(/removed/)
  }
  const removedThenFailed = (node: LocalNode): void => {
    node.allowFarewell(/removed/)
    node.allowEnd(/EIO/, false)
  }
  const healed = (node: LocalNode): void => {
    removedThenFailed(node)
    node.allowEnd(undefined, false)
  }
  for (const word of ['damaged', 'removed']) expect(await said(word, damagedThenRemoved)).toBe(0)
  for (const word of ['EIO', 'removed']) expect(await said(word, removedThenFailed)).toBe(0)
  expect(await said('removed', healed)).toBe(0)
  expect(await said('EIO', healed)).toBe(2)
  expect(await said('damaged', removedThenFailed)).toBe(2)
})

test('another node of the same name and log has another life, and answers only for its own words', async () => {
  const one = await nodeAt('console.log(\'"fatal":true of the first\')', '127.0.0.1:9')
  one.allowEnd(/first/, false)
  await comeBack(one)
  const two = await nodeAt('', '127.0.0.1:9', one)
  expect([one.dataLife, two.life, two.dataLife]).toEqual([undefined, 2, '2.1'])
  expect([...one.logFacts(), ...two.logFacts()]).toEqual([])
  writeFileSync(join(folder, 'n1.log'), '"fatal":true of the second\n', { flag: 'a' })
  expect(two.logFacts()).toHaveLength(1)
  await one.close()
  await two.close()
})
