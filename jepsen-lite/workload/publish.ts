import { sleep } from '../sleep.ts'
import { finalReads } from './final-reads.ts'
import { Listener } from './listener.ts'
import { paceOf } from './pace.ts'
import { Publisher } from './publisher.ts'
import { makeSeats, makeTopics } from './seats.ts'
import type { Prepared, Workload, WorkloadContext } from './workload.ts'

/** W1: publishers and subscribers on a few topics. Finds loss, holes, phantoms, reordering, deaf subscribers. */
export const publish: Workload = {
  name: 'publish',
  says: 'W1: publish and subscribe; subscribers leave and come back from their cursors.',
  mustSucceed: ['publish', 'attach', 'read-all'],
  prepare: (context) => preparePublish(context, false),
}

/** W2: the same, but every message is sent again under its key until it is stored. Finds duplicates. */
export const retry: Workload = {
  name: 'retry',
  says: 'W2: publish under an idempotency key, again through any node until acknowledged.',
  mustSucceed: ['publish', 'attach', 'read-all'],
  prepare: (context) => preparePublish(context, true),
}

const accounts = 5
const listenersPerTopic = 3
const stayMs = 15_000

/** Also what others run beside something else. */
export async function preparePublish(
  context: WorkloadContext,
  retries: boolean,
): Promise<Prepared> {
  const { prng, load } = context
  const seats = await makeSeats(context, accounts)
  const [owner] = seats
  if (!owner) throw new Error('there are no accounts')
  const topics = await makeTopics(context, owner)
  const publishers = Array.from({ length: load.lanes }, (_, i) => {
    const own = prng.split(`publisher ${i}`)
    const generator = paceOf(context, { prng: own, lane: i, mix: { publish: 1 } })
    const seat = own.pick(seats)
    return new Publisher({ context, name: `p${i}`, seat, topics, generator, prng: own, retries })
  })
  const listeners = topics.flatMap((topic, t) =>
    Array.from({ length: listenersPerTopic }, (_, i) => {
      const own = prng.split(`listener ${t} ${i}`)
      return new Listener({
        context,
        name: `s${t}.${i}`,
        seat: own.pick(seats),
        topic,
        prng: own,
        via: i === 0 ? 'pages' : 'cursor',
        stayMs,
      })
    }),
  )
  let over = false
  let listening: Promise<unknown> = Promise.resolve()
  return {
    async run(until) {
      listening = Promise.all(listeners.map((listener) => listener.run(() => over)))
      await Promise.all(publishers.map((publisher) => publisher.run(until)))
    },
    async finish(deadlineMs) {
      const until = performance.now() + deadlineMs
      const ends = await finalReads(context, { seat: owner, topics, deadlineMs: deadlineMs / 2 })
      const behind = (): boolean =>
        listeners.some((listener) => listener.cursor < (ends.get(listener.topic) ?? 0))
      while (behind() && performance.now() < until) await sleep(100)
      over = true
      await listening
      for (const listener of listeners) listener.close()
    },
  }
}
