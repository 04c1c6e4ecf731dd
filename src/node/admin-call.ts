import { request } from 'node:http'
import { splitAddress } from './address.ts'

/** One request to the admin address of a node. */
export interface AdminCall {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  /** Sent as JSON. */
  readonly body?: unknown
  readonly adminToken?: string | undefined
  readonly timeoutMs: number
}

export interface AdminReply {
  readonly code: number
  /** Parsed JSON, or the text when it is none. */
  readonly body: unknown
  /** The cluster's name, told with 401: who has the secret can then derive the admin token. */
  readonly realm: string | null
}

/** An answer is read to this size; a longer one is not from a node. */
const maxReplyBytes = 16 * 1024 * 1024

/** Rejects when nobody answers in time; any status is an answer. */
export function adminCall(address: string, call: AdminCall): Promise<AdminReply> {
  const { host, port } = splitAddress(address)
  const { method, path, timeoutMs, adminToken } = call
  const body = call.body === undefined ? undefined : JSON.stringify(call.body)
  const headers = {
    ...(adminToken === undefined ? {} : { authorization: `Bearer ${adminToken}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  }
  return new Promise((resolve, reject) => {
    const sent = request({ host, port, path, method, headers, agent: false }, (answer) => {
      const parts: Buffer[] = []
      let bytes = 0
      answer.on('data', (part: Buffer) => {
        bytes += part.length
        if (bytes > maxReplyBytes) sent.destroy(new Error(`${address} answers without end`))
        else parts.push(part)
      })
      answer.on('error', reject)
      answer.on('end', () =>
        resolve({
          code: answer.statusCode ?? 0,
          body: parsed(Buffer.concat(parts).toString()),
          realm: /realm="([^"]*)"/.exec(answer.headers['www-authenticate'] ?? '')?.[1] ?? null,
        }),
      )
    })
    const late = setTimeout(
      () => sent.destroy(new Error(`${address} did not answer in ${timeoutMs} ms`)),
      timeoutMs,
    )
    sent.on('close', () => clearTimeout(late))
    sent.on('error', reject)
    sent.end(body)
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
