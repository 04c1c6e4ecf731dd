import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { expect, test } from 'vitest'
import { reset } from '../../jepsen-lite/proxy/reset.ts'

/** So much is not taken by any machine at once. */
const tooMuch = Buffer.alloc(64 << 20)

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${condition.toString()}`)
    await new Promise((done) => setTimeout(done, 2))
  }
}

const tcpHandles = (): number =>
  process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length

/** Two ends of a connection. */
async function pair(): Promise<{ near: Socket; far: Socket; told: string[]; close: () => void }> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const far = connect({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    allowHalfOpen: true,
  })
  const [near] = (await once(server, 'connection')) as [Socket]
  const told: string[] = []
  far.on('error', (error: NodeJS.ErrnoException) => told.push(String(error.code)))
  near.on('error', () => near.destroy())
  return { near, far, told, close: () => server.close() }
}

test('the other side sees a reset', async () => {
  const { near, far, told, close } = await pair()
  far.resume()
  reset(near)
  await until(() => far.destroyed)
  expect(told).toEqual(['ECONNRESET'])
  close()
})

test.for([
  ['with nothing to write', () => undefined],
  ['with much still to be written', (near: Socket) => near.write(tooMuch)],
  ['with an end behind what is still to be written', (near: Socket) => near.end(tooMuch)],
  ['after an end', (near: Socket) => near.end()],
] as const)(
  'no handle is left of a connection that is reset %s, though the other side resets it, too',
  async ([, before]) => {
    const handles = tcpHandles()
    const { near, far, close } = await pair()
    before(near)
    reset(near)
    reset(far)
    await until(() => near.closed && far.closed && tcpHandles() === handles)
    close()
  },
)
