import { sleep } from '../sleep.ts'
import { messageRow } from './message-row.ts'
import { sitDown } from './seats.ts'
import type { Seat } from './seats.ts'
import type { WorkloadContext } from './workload.ts'

const retryMs = 300

/**
 * Reads every topic from every node to its end. Each attempt is an operation; a place that never
 * answers leaves only failures behind, which the coverage rules find. Returns the topics' ends.
 */
export async function finalReads(
  context: WorkloadContext,
  options: { seat: Seat; topics: readonly string[]; deadlineMs: number },
): Promise<ReadonlyMap<string, number>> {
  const { seat, topics, deadlineMs } = options
  const until = performance.now() + deadlineMs
  const ends = new Map<string, number>()
  await Promise.all(
    nodesLeft(context).map(async (node) => {
      for (const topic of topics)
        for (let attempt = 0; ; attempt++) {
          const end = await readAll(context, seat, { node, topic, attempt })
          if (end !== undefined) ends.set(topic, Math.max(end, ends.get(topic) ?? 0))
          if (end !== undefined || performance.now() > until) break
          await sleep(retryMs)
        }
    }),
  )
  return ends
}

async function readAll(
  context: WorkloadContext,
  seat: Seat,
  place: { node: string; topic: string; attempt: number },
): Promise<number | undefined> {
  const { node, topic, attempt } = place
  const { history } = context
  const process = `final-${node}-${topic}/${attempt}`
  const at = { process, f: 'read-all', key: topic, node } as const
  history.record({ ...at, type: 'invoke' })
  const client = await sitDown(context, seat, { node, topics: [topic] })
  const result = await client?.history(topic)
  client?.close()
  if (result?.outcome !== 'ok') {
    history.record({ ...at, type: 'fail', error: result?.error ?? 'not connected' })
    return undefined
  }
  const value = result.messages.map(messageRow)
  history.record({ ...at, type: 'ok', value })
  return value.at(-1)?.seq ?? 0
}

/** Without those that are gone for good. */
export function nodesLeft({ world }: WorkloadContext): readonly string[] {
  return world.nodes.filter((node) => !world.out.has(node))
}
