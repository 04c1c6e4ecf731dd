import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { frameBinary, frameText } from '../../src/wire/client-frames.ts'

test.for([
  [0, '8100'],
  [1, '8101'],
  [125, '817d'],
  [126, '817e007e'],
  [65_535, '817effff'],
  [65_536, '817f0000000000010000'],
] as const)('a text of %i bytes starts with %s', ([length, header]) => {
  const frame = frameText('a'.repeat(length))
  expect(frame.subarray(0, header.length / 2).toString('hex')).toBe(header)
  expect(frame.length).toBe(header.length / 2 + length)
  const binary = frameBinary(Buffer.alloc(length, 'a'))
  expect(binary[0]).toBe(0x82)
  expect(binary.subarray(1)).toEqual(frame.subarray(1))
  expect(frameText(Buffer.alloc(length, 'a'))).toEqual(frame)
})

test('a text is measured in bytes of UTF-8', () => {
  expect(frameText('ü€😀').toString('hex')).toBe('8109c3bce282acf09f9880')
})

test('ws reads them, whole, merged and of every length class', async () => {
  const server = new WebSocketServer({ port: 0 })
  await once(server, 'listening')
  const lengths = [0, 1, 125, 126, 127, 65_535, 65_536, 200_000]
  server.on('connection', (_socket, request) => {
    const frames = lengths.flatMap((n) => [
      frameText('t'.repeat(n)),
      frameBinary(Buffer.alloc(n, 'b')),
    ])
    request.socket.write(Buffer.concat(frames))
  })
  const port = (server.address() as AddressInfo).port
  const client = new WebSocket(`ws://127.0.0.1:${port}`)
  const seen: string[] = []
  await new Promise<void>((resolve, reject) => {
    client.on('error', reject)
    client.on('message', (data: Buffer, isBinary: boolean) => {
      expect(data.every((byte) => byte === (isBinary ? 98 : 116))).toBe(true)
      seen.push(`${isBinary ? 'b' : 't'}${data.length}`)
      if (seen.length === lengths.length * 2) resolve()
    })
  })
  client.terminate()
  server.close()
  expect(seen).toEqual(lengths.flatMap((n) => [`t${n}`, `b${n}`]))
})
