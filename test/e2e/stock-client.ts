import { createRequire } from 'node:module'
import WebSocket from 'ws'

/**
 * The stock SDK of the protocol, unmodified, with `ws` as its socket. It is written for browsers:
 * the few globals it looks for are given here, before it is loaded (tinode-wire.md 12.8).
 */
const require = createRequire(import.meta.url)

class NoRequests {
  open(): void {
    throw new Error('the SDK was told to use websockets only')
  }
}

/** An IndexedDB that is not there; the SDK asks it to delete once. */
const noDatabase = {
  deleteDatabase() {
    const request: { onsuccess?: (event: object) => void } = {}
    queueMicrotask(() => request.onsuccess?.({}))
    return request
  },
}

const sdk = require('tinode-sdk') as any
const Tinode = sdk.Tinode ?? sdk.default?.Tinode ?? sdk
Tinode.setNetworkProviders(WebSocket, NoRequests)
Tinode.setDatabaseProvider(noDatabase)

/** The stock web app's key: the default of a development cluster. */
export const stockApiKey = 'AQEAAAABAAD_rAp4DJh05a1HAwFT3A6K'

export interface StockClient {
  /** The SDK's own object. */
  readonly tinode: any
  readonly name: string
  close(): void
}

/** Connects to `host:port`; the SDK reconnects by itself only when told. */
export async function connectStock(name: string, address: string): Promise<StockClient> {
  const tinode = new Tinode({
    appName: `e2e-${name}/1.0`,
    host: address,
    apiKey: stockApiKey,
    transport: 'ws',
    secure: false,
    persist: false,
  })
  await tinode.connect()
  return {
    tinode,
    name,
    close() {
      // It marks messages as received from a timer, 100 ms later, whether its socket is still open or not.
      tinode.note = () => undefined
      tinode.disconnect()
    },
  }
}

export const Drafty = sdk.Drafty
