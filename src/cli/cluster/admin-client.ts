import { request } from 'node:http'
import type { LocateReport, NodeStatus, Readiness, RingReport } from '../../node/facts.ts'
import { splitAddress } from '../../node/address.ts'

/** Asks one node for facts at its admin address. Rejects when it does not answer in time or refuses. */
export class AdminClient {
  readonly address: string
  readonly #timeoutMs: number

  constructor(address: string, timeoutMs = 2_000) {
    this.address = address
    this.#timeoutMs = timeoutMs
  }

  async ready(): Promise<Readiness> {
    const { body } = await this.#get('/readyz', [200, 503])
    return body as Readiness
  }

  async status(): Promise<NodeStatus> {
    return (await this.#get('/v1/status', [200])).body as NodeStatus
  }

  async ring(): Promise<RingReport> {
    return (await this.#get('/v1/ring', [200])).body as RingReport
  }

  async locate(topic: string): Promise<LocateReport> {
    const path = `/v1/locate?topic=${encodeURIComponent(topic)}`
    return (await this.#get(path, [200])).body as LocateReport
  }

  #get(path: string, expected: readonly number[]): Promise<{ code: number; body: unknown }> {
    const { host, port } = splitAddress(this.address)
    return new Promise((resolve, reject) => {
      const call = request(
        { host, port, path, agent: false, timeout: this.#timeoutMs },
        (answer) => {
          const parts: Buffer[] = []
          answer.on('data', (part: Buffer) => parts.push(part))
          answer.on('error', reject)
          answer.on('end', () => {
            const code = answer.statusCode ?? 0
            const body = parsed(Buffer.concat(parts).toString())
            if (expected.includes(code)) resolve({ code, body })
            else reject(new Error(`${this.address} answered ${code} ${errorOf(body)}`))
          })
        },
      )
      call.on('timeout', () =>
        call.destroy(new Error(`${this.address} did not answer in ${this.#timeoutMs} ms`)),
      )
      call.on('error', reject)
      call.end()
    })
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function errorOf(body: unknown): string {
  const error = (body as { error?: unknown } | null)?.error
  return typeof error === 'string' ? error : ''
}
