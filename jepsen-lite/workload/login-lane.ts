import { ChatClient } from '../client/chat-client.ts'
import type { Account } from '../client/chat-client.ts'
import type { Prng } from '../prng.ts'
import { sleep } from '../sleep.ts'
import type { Answer } from './lane.ts'
import type { WorkloadContext } from './workload.ts'

const loginNames = 3
const restMs = [50, 400] as const

/**
 * Makes accounts under a few login names, logs in with them and deletes them, over and over. The
 * owner of a name is the attempt that made the account. A lane looks up only what it holds itself:
 * a password that fits proves the owner, one that does not fit proves nothing about others.
 */
export class LoginLane {
  readonly #context: WorkloadContext
  readonly #name: string
  readonly #prng: Prng
  #life = 0
  #attempts = 0

  constructor(context: WorkloadContext, name: string, prng: Prng) {
    this.#context = context
    this.#name = name
    this.#prng = prng
  }

  async run(until: number): Promise<void> {
    while (performance.now() < until) {
      await this.#oneLife(`jlogin${this.#prng.below(loginNames)}`)
      await sleep(this.#prng.between(...restMs), until)
    }
  }

  /** Tries each name until the cluster decides about it; whoever was left behind may hold it for ever. */
  async everyName(until: number): Promise<void> {
    for (let i = 0; i < loginNames; i++)
      while (!(await this.#oneLife(`jlogin${i}`)) && performance.now() < until)
        await sleep(this.#prng.between(...restMs), until)
  }

  /** Whether the name was taken, or is somebody else's. */
  async #oneLife(login: string): Promise<boolean> {
    const owner = `${this.#name}.${++this.#attempts}`
    const account = { login, password: `secret-${owner}-${this.#prng.below(1_000_000)}` }
    const node = this.#prng.pick(this.#context.world.nodes)
    const client = await this.#open(node)
    if (!client) return false
    const key = `login:${login}`
    const of = { key, node, value: { owner } }
    let taken = false
    const made = await this.#record('create', of, async () => {
      const result = await client.createAccount(account)
      taken = result.code === 409
      return result
    })
    if (made === 'ok') {
      await this.#record('lookup', { key, node }, () => this.#logIn(account, owner))
      await this.#record('release', of, () => client.deleteAccount())
    }
    client.close()
    return made === 'ok' || taken
  }

  /** Anybody who knows the password gets in, at any node, as long as the account is there. */
  async #logIn(account: Account, owner: string): Promise<Answer> {
    const client = await this.#open(this.#prng.pick(this.#context.world.nodes))
    if (!client) return { outcome: 'fail', error: 'not connected' }
    const { outcome, code, error } = await client.login(account)
    client.close()
    if (outcome === 'ok') return { outcome, told: owner }
    return code === 401 ? { outcome: 'ok', told: null } : { outcome, error }
  }

  #open(node: string): Promise<ChatClient | undefined> {
    const { world, callDeadlineMs } = this.#context
    return ChatClient.open(world.clientAddress(node), callDeadlineMs)
  }

  async #record(
    f: string,
    of: { readonly key: string; readonly node: string; readonly value?: object },
    act: () => Promise<Answer>,
  ): Promise<string> {
    const { history } = this.#context
    const at = { process: `${this.#name}/${this.#life}`, f, ...of }
    history.record({ ...at, type: 'invoke' })
    const { outcome, error, told } = await act()
    const end = {
      ...(told !== undefined && { value: told }),
      ...(error !== undefined && { error }),
    }
    history.record({ ...at, type: outcome, ...end })
    if (outcome === 'info') this.#life++
    return outcome
  }
}
