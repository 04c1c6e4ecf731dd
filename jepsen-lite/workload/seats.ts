import { ChatClient, endOfTopic } from '../client/chat-client.ts'
import type { Account } from '../client/chat-client.ts'
import { CouldNotRun } from '../could-not-run.ts'
import { sleep } from '../sleep.ts'
import type { WorkloadContext } from './workload.ts'

/** An account of the run. Its token lets it in at any node without hashing a password. */
export interface Seat {
  readonly account: Account
  readonly user: string
  readonly token: string
}

const prepareDeadlineMs = 20_000

/** Makes `count` accounts. Rejects with CouldNotRun when the healthy cluster does not let us. */
export async function makeSeats({ world, prng }: WorkloadContext, count: number): Promise<Seat[]> {
  const seats: Seat[] = []
  for (let i = 0; i < count; i++) {
    const account = {
      login: `jepsen${i}x${prng.below(1_000_000)}`,
      password: `secret${prng.next()}`,
    }
    const { user, token } = await insist(`create the account ${account.login}`, async () => {
      const node = prng.pick(world.nodes)
      const client = await ChatClient.open(world.clientAddress(node), 5_000)
      const made = await client?.createAccount(account)
      // An unknown outcome may have taken the name; then the password opens it.
      const result = made?.outcome === 'ok' ? made : await client?.login(account)
      client?.close()
      const { user: id, token: given } = result?.outcome === 'ok' ? result.params : {}
      return typeof given === 'string' && typeof id === 'string'
        ? { user: id, token: given }
        : undefined
    })
    seats.push({ account, user, token })
  }
  return seats
}

/** Logged in and attached to `topics`, at `node`; undefined when that did not work out. */
export async function sitDown(
  { world, callDeadlineMs }: WorkloadContext,
  seat: Seat,
  options: { node: string; topics: readonly string[]; onClose?: () => void },
): Promise<ChatClient | undefined> {
  const { node, topics, onClose } = options
  const client = await ChatClient.open(world.clientAddress(node), callDeadlineMs, onClose)
  if (!client) return undefined
  const results = [await client.resume(seat.token)]
  for (const topic of topics) {
    if (results.at(-1)?.outcome !== 'ok') break
    results.push(await client.subscribeFrom(topic, endOfTopic))
  }
  if (results.every((result) => result.outcome === 'ok')) return client
  client.close()
  return undefined
}

/** Tries again and again until there is a result. */
export async function insist<T>(what: string, attempt: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + prepareDeadlineMs
  for (;;) {
    const result = await attempt()
    if (result !== undefined) return result
    if (performance.now() > deadline)
      throw new CouldNotRun(`could not ${what} on a healthy cluster`)
    await sleep(200)
  }
}

/** Groups that everybody may join and write to. */
export async function makeTopics(context: WorkloadContext, seat: Seat): Promise<string[]> {
  const topics: string[] = []
  const node = context.prng.pick(context.world.nodes)
  const client = await insist('log in', () => sitDown(context, seat, { node, topics: [] }))
  for (let i = 0; i < context.topics; i++)
    topics.push(
      await insist('create a group', async () => (await client.createGroup(`t${i}`)).topic),
    )
  client.close()
  return topics
}
