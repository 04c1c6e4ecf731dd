import type { ChatClient } from '../client/chat-client.ts'
import { Lane } from './lane.ts'
import type { Answer } from './lane.ts'
import { paceOf } from './pace.ts'
import { makeSeats } from './seats.ts'
import type { Seat } from './seats.ts'
import type { Prepared, Workload, WorkloadContext } from './workload.ts'

/**
 * W9: new ids from every node. Finds ids that come twice: over restarts, from two nodes, after a
 * clock stepped back. Ids of sessions are never told to clients.
 */
export const ids: Workload = {
  name: 'ids',
  says: 'W9: new topics and accounts at all nodes; no id may ever come twice.',
  mustSucceed: ['mint'],
  withoutLoad: {
    'hot-topic': 'whatever is made is new',
    'large-messages': 'nobody sends messages',
  },
  prepare,
}

const accounts = 5
/** A password costs the server some 40 ms of a core, so accounts are few. */
const mix = { topic: 200, user: 1 }

type Kind = keyof typeof mix

async function prepare(context: WorkloadContext): Promise<Prepared> {
  const { prng, lanes, load } = context
  const seats = await makeSeats(context, accounts)
  let fresh = 0
  const salt = prng.below(1_000_000)
  const nextLogin = (): string => `minted${salt}x${++fresh}`
  const minters = Array.from({ length: load.lanes }, (_, i) => {
    const own = prng.split(`minter ${i}`)
    const lane = new Lane({ context, name: `i${i}`, seat: seats[i % accounts] as Seat, prng: own })
    return { lane, pace: paceOf<Kind>(context, { prng: own, lane: i, mix }) }
  })
  const mint = (lane: Lane, kind: Kind): Promise<Answer> =>
    lane.operate({ f: 'mint', key: kind }, (client) =>
      kind === 'topic' ? newTopic(client) : newUser(client, nextLogin()),
    )
  return {
    async run(until) {
      await Promise.all(
        minters.map(({ lane, pace }) => lane.run(pace, until, (kind) => mint(lane, kind))),
      )
    },
    async finish(deadlineMs) {
      const until = performance.now() + deadlineMs
      // A node that is the last to come back gives out ids as well.
      await Promise.all(
        minters.map(async ({ lane }, i) => {
          lane.leave()
          if (i >= lanes) return
          for (const kind of Object.keys(mix) as Kind[])
            while ((await mint(lane, kind)).outcome !== 'ok' && performance.now() < until);
          lane.close()
        }),
      )
    },
  }
}

async function newTopic(client: ChatClient): Promise<Answer> {
  const { outcome, error, topic } = await client.createGroup('minted')
  return outcome === 'ok' ? { outcome, told: topic } : { outcome, error }
}

async function newUser(client: ChatClient, login: string): Promise<Answer> {
  const account = { login, password: `secret-${login}` }
  const { outcome, error, params } = await client.createOther(account)
  return outcome === 'ok' ? { outcome, told: params['user'] } : { outcome, error }
}
