import { adminCall } from '../../node/admin-call.ts'
import type { AdminReply } from '../../node/admin-call.ts'
import { isAdminRefusal } from '../../node/admin-refusals.ts'
import type { AdminRefusal } from '../../node/admin-refusals.ts'
import type { KnownToken, NewToken } from '../../node/administration.ts'
import type {
  LocateReport,
  NodesReport,
  NodeStatus,
  Readiness,
  RingReport,
} from '../../node/facts.ts'

/** The admin token, when it can be had; `realm`: the cluster's name, as the node told it. */
export type Credentials = (realm: string) => string | undefined

/** A node answered, and carries out nothing: the message has the cure. */
export class AdminRefused extends Error {
  override readonly name = 'AdminRefused'
  readonly code: AdminRefusal

  constructor(code: AdminRefusal, says: string) {
    super(says)
    this.code = code
  }
}

/** A change waits for the meta leader, and perhaps for another node in between, ms. */
const changeTimeoutMs = 9_000

/** Asks one node at its admin address. Rejects when it does not answer in time or refuses. */
export class AdminClient {
  readonly address: string
  readonly #timeoutMs: number
  readonly #credentials: Credentials

  constructor(address: string, timeoutMs = 2_000, credentials: Credentials = () => undefined) {
    this.address = address
    this.#timeoutMs = timeoutMs
    this.#credentials = credentials
  }

  async ready(): Promise<Readiness> {
    return (await this.#get('/readyz', [200, 503])) as Readiness
  }

  async status(): Promise<NodeStatus> {
    return (await this.#get('/v1/status', [200])) as NodeStatus
  }

  async ring(): Promise<RingReport> {
    return (await this.#get('/v1/ring', [200])) as RingReport
  }

  async nodes(): Promise<NodesReport> {
    return (await this.#get('/v1/nodes', [200])) as NodesReport
  }

  async locate(topic: string): Promise<LocateReport> {
    const path = `/v1/locate?topic=${encodeURIComponent(topic)}`
    return (await this.#get(path, [200])) as LocateReport
  }

  async tokens(): Promise<readonly KnownToken[]> {
    return ((await this.#get('/v1/tokens', [200])) as { tokens: KnownToken[] }).tokens
  }

  async newToken(validForMs: number): Promise<NewToken> {
    return (await this.#change('POST', '/v1/tokens', { validForMs })) as NewToken
  }

  async revokeToken(id: string): Promise<void> {
    await this.#change('DELETE', `/v1/tokens/${encodeURIComponent(id)}`)
  }

  async setState(node: string, state: 'active' | 'draining'): Promise<void> {
    const verb = state === 'active' ? 'activate' : 'drain'
    await this.#change('POST', `/v1/nodes/${encodeURIComponent(node)}/${verb}`)
  }

  async remove(node: string, force: boolean): Promise<void> {
    await this.#change('POST', `/v1/nodes/${encodeURIComponent(node)}/remove`, { force })
  }

  async #get(path: string, expected: readonly number[]): Promise<unknown> {
    const reply = await this.#call('GET', path, undefined, this.#timeoutMs)
    if (expected.includes(reply.code)) return reply.body
    throw this.#refusal(reply)
  }

  async #change(method: 'POST' | 'DELETE', path: string, body?: unknown): Promise<unknown> {
    const reply = await this.#call(method, path, body, changeTimeoutMs)
    if (reply.code === 200) return reply.body
    throw this.#refusal(reply)
  }

  /** Without the admin token first; a node that wants it says of which cluster. */
  async #call(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body: unknown,
    timeoutMs: number,
  ): Promise<AdminReply> {
    const call = { method, path, body, timeoutMs }
    const reply = await adminCall(this.address, call)
    if (reply.code !== 401 || reply.realm === null) return reply
    const adminToken = this.#credentials(reply.realm)
    return adminToken === undefined ? reply : adminCall(this.address, { ...call, adminToken })
  }

  #refusal({ code, body }: AdminReply): Error {
    const { error, says } = (body ?? {}) as { error?: unknown; says?: unknown }
    if (isAdminRefusal(error)) return new AdminRefused(error, String(says))
    const text = typeof error === 'string' ? error : ''
    return new Error(`${this.address} answered ${code} ${text}`)
  }
}
