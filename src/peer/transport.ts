import { connect, createServer, type Server, type Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'

/** How connections between nodes are made. The handshake and all frames are the same over each. */
export interface Transport {
  dial(address: { readonly host: string; readonly port: number }): Socket
  /** A server that is not listening yet; `accept` gets each connection that may begin its handshake. */
  serve(accept: (socket: Socket) => void): Server
}

export const plainTransport: Transport = {
  dial: ({ host, port }) => connect({ host, port }),
  serve: (accept) => createServer(accept),
}

export interface PeerTls {
  /** PEM. The certificate serves both as server and as client. */
  readonly key: string | Buffer
  readonly cert: string | Buffer
  /** PEM of the authority of the cluster: only certificates that it signed are let in. */
  readonly ca: string | Buffer
}

/**
 * Encrypted and mutually authenticated (TLS 1.3). Names in certificates are not compared with
 * addresses, which may change: being signed by the cluster's own authority is what counts, and
 * which node it is, the handshake over the cluster secret proves.
 */
export function tlsTransport(tls: PeerTls, handshakeMs: number): Transport {
  const common = { ...tls, minVersion: 'TLSv1.3', rejectUnauthorized: true } as const
  return {
    dial: ({ host, port }) =>
      connectTls({ ...common, host, port, checkServerIdentity: () => undefined }),
    serve: (accept) => {
      const options = { ...common, requestCert: true, handshakeTimeout: handshakeMs }
      return createTlsServer(options, accept)
    },
  }
}
