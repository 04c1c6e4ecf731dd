import { isRefused, topicLogs } from '../checker/topic-log.ts'
import type { TopicLog } from '../checker/topic-log.ts'
import type { History } from '../operations.ts'
import { dots, drawChart, line, margin } from './chart.ts'
import type { TimeFrame } from './chart.ts'
import { linearScale } from './scale.ts'

/** Topics drawn; those with anomalies of loss first, then the busiest. */
const maxTopics = 4
const maxSubscribers = 4
const maxDots = 4_000

const fates = [
  { text: 'acknowledged and there', mark: 'ok' },
  { text: 'unknown, but there', mark: 'recovered' },
  { text: 'acknowledged, but lost', mark: 'lost' },
  { text: 'deliveries to subscribers', mark: 'delivered' },
] as const

type Fate = (typeof fates)[number]['mark']

interface Place {
  readonly at: number
  readonly seq: number
  readonly fate: Fate
}

/** Seq over time, one chart a topic. */
export function topicCharts(history: History, frame: TimeFrame): string {
  const drawn = [...history.derived(topicLogs).values()]
    .filter((log) => log.publishes.length > 0)
    .map((log) => ({ log, places: places(log) }))
    .map((topic) => ({
      ...topic,
      lost: topic.places.filter((place) => place.fate === 'lost').length,
    }))
    .toSorted((a, b) => b.lost - a.lost || b.places.length - a.places.length)
  const charts = drawn
    .slice(0, maxTopics)
    .map(({ log, places: all }) => topicChart(log, all, frame))
  const rest = drawn.length - charts.length
  if (rest > 0) charts.push(`<p class="more">${rest} more topics are not drawn.</p>`)
  return charts.join('')
}

function topicChart(log: TopicLog, all: readonly Place[], frame: TimeFrame): string {
  const height = 150
  const top = Math.max(1, ...all.map((place) => place.seq))
  const y = linearScale(0, top * 1.05, height - margin.bottom, margin.top, 4)
  const subscribers = [...new Set(log.deliveries.map((delivery) => delivery.subscriber))]
  const deliveries = subscribers.slice(0, maxSubscribers).map((subscriber) =>
    line(
      thinned(log.deliveries.filter((delivery) => delivery.subscriber === subscriber)).map(
        ({ op, seq }) => [frame.x(op.time / 1e9), y(seq)],
      ),
      'delivered',
    ),
  )
  const marks = (['ok', 'recovered', 'lost'] as const).map((fate) => {
    const of = all.filter((place) => place.fate === fate)
    return dots(
      (fate === 'ok' ? thinned(of) : of).map(({ at, seq }) => [frame.x(at), y(seq)]),
      fate,
    )
  })
  return drawChart(
    {
      title: `Topic ${log.topic}`,
      says: 'Seq of each message at its acknowledgement, and what became of it.',
      height,
      y,
      yText: String,
      legend: fates,
      body: deliveries.join('') + marks.join(''),
    },
    frame,
  )
}

function places(log: TopicLog): Place[] {
  const finalSeq = new Map<string, number>()
  for (const { messages } of log.finals) for (const { id, seq } of messages) finalSeq.set(id, seq)
  const known = log.finals.length > 0
  const found: Place[] = []
  for (const [id, attempts] of log.byId) {
    const acked = attempts.find((attempt) => attempt.operation.outcome === 'ok')
    const last = acked ?? attempts.at(-1)
    const seq = acked?.seq ?? finalSeq.get(id)
    if (!last || seq === undefined || isRefused(attempts)) continue
    const { complete, invoke } = last.operation
    const lost = acked !== undefined && known && !finalSeq.has(id)
    const fate = lost ? 'lost' : acked ? 'ok' : 'recovered'
    found.push({ at: (complete ?? invoke).time / 1e9, seq, fate })
  }
  return found
}

function thinned<T>(list: readonly T[]): T[] {
  const step = Math.max(1, Math.ceil(list.length / maxDots))
  return list.filter((_, i) => i % step === 0)
}
