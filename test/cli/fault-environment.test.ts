import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { armFromEnvironment } from '../../src/cli/fault-environment.ts'
import {
  armFaults,
  armedFaults,
  faultPoint,
  faultPoints,
  parseFaults,
  planted,
  plantedBugs,
} from '../../src/fault-points.ts'
import { ConfigRefused } from '../../src/node/cluster-file.ts'
import { root } from '../tidy-scan.ts'

const nothing = { plants: new Set<never>(), traps: [] }
const noDoor = { kill: () => undefined, stall: () => undefined }
afterEach(() => armFaults(nothing, noDoor))

describe('the text of FLOTILLA_FAULTS', () => {
  test.for([
    ['plant:K17', 1, 0],
    ['plant:K17,plant:K2', 2, 0],
    ['crash:after-append:3', 0, 1],
    ['crash:after-append', 0, 1],
    ['stall:turn:500ms, plant:K10', 1, 1],
    ['stall:turn:500ms:20', 0, 1],
  ] as const)('%s is understood', ([text, plants, traps]) => {
    const plan = parseFaults(text)
    expect([plan.plants.size, plan.traps.length]).toEqual([plants, traps])
  })

  test.for([
    ['plant:K99', /K99.*K2, K10/],
    ['plant:toString', /unknown/],
    ['plant:K17:3', /none of/],
    ['crash:lunch', /lunch.*before-append/],
    ['crash:turn:0', /crash:POINT:N/],
    ['crash:turn:x', /crash:POINT:N/],
    ['crash:turn:1:2', /crash:POINT:N/],
    ['stall:turn', /500ms/],
    ['stall:turn:5s', /500ms/],
    ['explode', /none of/],
  ] as const)('%s is refused, and what exists is said', ([text, says]) => {
    expect(() => parseFaults(text)).toThrow(says)
  })
})

test('docs/testing.md tells of every point and every bug as they are', () => {
  const page = readFileSync(join(root, 'docs/testing.md'), 'utf8')
  const rows = [
    ...Object.entries(faultPoints).map(([name, says]) => `| \`${name}\` | ${says} |`),
    ...Object.entries(plantedBugs).map(([name, says]) => `| ${name} | ${says} | `),
  ]
  expect(rows.filter((row) => !page.includes(`\n${row}`))).toEqual([])
})

describe('an armed process', () => {
  test('has the bugs that were planted and no others', () => {
    const before = planted('K17')
    armFaults(parseFaults('plant:K17'), noDoor)
    expect([before, planted('K17'), planted('K18')]).toEqual([false, true, false])
    expect(armedFaults()).toEqual([`K17: ${plantedBugs.K17}`])
  })

  test('dies at the passage that was named, once, and at no other point', () => {
    let deaths = 0
    armFaults(parseFaults('crash:before-ack:3'), { ...noDoor, kill: () => deaths++ })
    const seen = Array.from({ length: 5 }, () => {
      faultPoint('before-ack')
      faultPoint('after-ack')
      return deaths
    })
    expect(seen).toEqual([0, 0, 1, 1, 1])
  })

  test('stalls again and again', () => {
    const stalls: number[] = []
    armFaults(parseFaults('stall:turn:70ms:2'), { ...noDoor, stall: (ms) => stalls.push(ms) })
    for (let i = 0; i < 5; i++) faultPoint('turn')
    expect(stalls).toEqual([70, 70])
  })

  test('unarmed, no point does anything', () => {
    for (const point of Object.keys(faultPoints)) faultPoint(point as keyof typeof faultPoints)
    expect(armedFaults()).toEqual([])
  })
})

describe('the environment', () => {
  test('a production cluster refuses, whatever is planted', () => {
    const arm = (): void => armFromEnvironment({ FLOTILLA_FAULTS: 'plant:K17' }, 'production')
    expect(arm).toThrow(ConfigRefused)
    expect(arm).toThrow(/FLOTILLA_FAULTS.*production/s)
    expect(planted('K17')).toBe(false)
  })

  test('unknown names refuse the start with the list', () => {
    expect(() => armFromEnvironment({ FLOTILLA_FAULTS: 'plant:K3' }, 'development')).toThrow(
      /FLOTILLA_FAULTS.*K3.*K2, K10/s,
    )
  })

  test.for([[{}], [{ FLOTILLA_FAULTS: '' }]])('without it nothing is armed', ([environment]) => {
    armFromEnvironment(environment!, 'production')
    expect(armedFaults()).toEqual([])
  })

  test('the server of a production cluster ends with the code for configuration', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'flotilla-faults-'))
    const file = join(folder, 'cluster.json')
    const at = (port: number): string => `127.0.0.1:${port}`
    writeFileSync(join(folder, 'secret'), Buffer.alloc(32, 7).toString('base64url'), {
      mode: 0o600,
    })
    writeFileSync(
      file,
      JSON.stringify({
        cluster: { name: 'c', partitions: 1, replicationFactor: 1, profile: 'production' },
        nodes: [{ name: 'n1', peer: at(1), client: at(2), admin: at(3), data: 'n1' }],
      }),
    )
    const server = spawn(
      process.execPath,
      [join(root, 'dist/src/cli/main.js'), 'serve', '--config', file],
      {
        env: { ...process.env, FLOTILLA_FAULTS: 'plant:K17' },
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    )
    let said = ''
    server.stderr.on('data', (bytes: Buffer) => (said += String(bytes)))
    const code = await new Promise((resolve) => server.once('close', resolve))
    rmSync(folder, { recursive: true })
    expect(said).toMatch(/FLOTILLA_FAULTS: faults are never planted/)
    expect(code).toBe(3)
  })
})
