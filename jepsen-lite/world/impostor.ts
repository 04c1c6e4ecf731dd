import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { sleep } from '../sleep.ts'
import { writeJson } from '../store.ts'
import type { RunFolder } from '../store.ts'
import type { LocalNode } from './local-node.ts'
import { NodeProcess } from './node-process.ts'
import type { Impostor, ImpostorEnd } from './world.ts'

/** A server that has not refused by then is taken to have let itself in, ms. */
const refusalDeadlineMs = 15_000
const pollMs = 100

interface ClusterFile {
  cluster: Record<string, unknown>
  nodes: { name: string; data: string }[]
}

/** Starts the server of `self`, which is down, with something that belongs to another, and waits for its end. */
export async function tryImpostor(options: {
  readonly self: LocalNode
  readonly other: LocalNode
  readonly kind: Impostor
  readonly config: string
  readonly program: string
  readonly folder: RunFolder
}): Promise<ImpostorEnd> {
  const { self, other, kind, config, program, folder } = options
  const place = join(folder.path, 'notes', `impostor-${self.name}`)
  mkdirSync(place, { recursive: true })
  const file = JSON.parse(readFileSync(config, 'utf8')) as ClusterFile
  // Whatever this server does, it does it to copies.
  for (const node of file.nodes) {
    if (node.name !== self.name) continue
    node.data = join(place, 'data')
    cpSync(kind === 'data' ? other.data : self.data, node.data, { recursive: true })
  }
  if (kind === 'secret') {
    file.cluster['secretFile'] = join(place, 'secret')
    writeFileSync(join(place, 'secret'), randomBytes(32), { mode: 0o600 })
  }
  const path = join(place, 'cluster.json')
  writeJson(path, file)
  const name = kind === 'name' ? 'nobody' : self.name
  const logFile = join(place, 'log')
  const impostor = new NodeProcess({
    command: [process.execPath, program, 'serve', '--config', path, '--node', name],
    environment: {},
    logFile,
  })
  impostor.start()
  const deadline = performance.now() + refusalDeadlineMs
  let served = false
  while (impostor.isRunning && !served && performance.now() < deadline) {
    await sleep(pollMs)
    served = await self.view.isReady()
  }
  const refused = !impostor.isRunning && !served
  await impostor.kill()
  const words = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-4).join(' ')
  rmSync(place, { recursive: true, force: true })
  return { refused, words: words.slice(0, 300) }
}
