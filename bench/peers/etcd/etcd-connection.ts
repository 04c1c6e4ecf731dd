import { randomBytes } from 'node:crypto'
import { connect as dial } from 'node:http2'
import type { ClientHttp2Session } from 'node:http2'
import type { Connection } from '../system.ts'
import { GrpcReader, putRequest, readWatchResponse, watchRequest } from './etcd-messages.ts'

/** Where all keys are. */
const room = 'bench/'

/** gRPC over one HTTP/2 connection, by hand: the packages for it would be what is measured. */
export class EtcdConnection implements Connection {
  readonly #session: ClientHttp2Session
  /** Each publish has a key of its own: `room`, the connection, a number. */
  readonly #keys = room + randomBytes(4).toString('hex')
  #next = 0

  static open(port: number): Promise<EtcdConnection> {
    const session = dial(`http://127.0.0.1:${port}`, { settings: { enablePush: false } })
    return new Promise((resolve, reject) => {
      session.on('error', reject) // after it is open this does nothing: each request is told by itself
      session.once('connect', () => resolve(new EtcdConnection(session)))
    })
  }

  private constructor(session: ClientHttp2Session) {
    this.#session = session
  }

  /** A put. gRPC says how it went in the trailers, or in the head when there is no body. */
  publish(body: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const call = this.#session.request(headOf('/etcdserverpb.KV/Put'))
      let status: string | undefined
      call.on('response', (head) => (status ??= head['grpc-status'] as string | undefined))
      call.on('trailers', (trailers) => (status = trailers['grpc-status'] as string | undefined))
      call.on('error', reject)
      call.on('close', () => {
        if (status === '0') resolve()
        else reject(new Error(`etcd: status ${status ?? 'missing'}`))
      })
      call.resume()
      call.end(putRequest(`${this.#keys}/${this.#next++}`, body))
    })
  }

  /** A watch of all keys of the load. */
  subscribe(onBody: (bytes: Buffer) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const call = this.#session.request(headOf('/etcdserverpb.Watch/Watch'))
      const reader = new GrpcReader()
      call.on('data', (chunk: Buffer) => {
        reader.take(chunk, (message) => {
          if (readWatchResponse(message, onBody)) resolve()
        })
      })
      call.on('error', reject)
      call.on('close', () => reject(new Error('etcd: the watch ended')))
      call.write(watchRequest(room))
    })
  }

  close(): void {
    this.#session.destroy()
  }
}

function headOf(path: string): Record<string, string> {
  return { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' }
}
