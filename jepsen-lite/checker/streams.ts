import type { Attach, Delivery, TopicLog } from './topic-log.ts'

/** What one subscriber of one topic got over one attach. */
export interface Stream {
  readonly subscriber: string
  /** Missing when deliveries came before any attach, or behind a detach. */
  readonly attach: Attach | undefined
  /** Behind a detach: what was on its way then may still come, and has no place in any run. */
  readonly late: boolean
  readonly deliveries: readonly Delivery[]
  /** Still attached when the history ends. */
  readonly open: boolean
}

/** The streams of a topic: for each subscriber, cut at his attaches. */
export function streams(log: TopicLog): Stream[] {
  const done: Stream[] = []
  const current = new Map<
    string,
    Omit<Stream, 'open' | 'subscriber'> & { deliveries: Delivery[] }
  >()
  const gone = new Set<string>()
  const close = (subscriber: string, open: boolean): void => {
    const stream = current.get(subscriber)
    if (stream) done.push({ subscriber, ...stream, open })
    current.delete(subscriber)
  }
  for (const event of inOrder(log)) {
    if (event.kind === 'deliver') {
      const { delivery } = event
      const stream = current.get(delivery.subscriber)
      if (stream) stream.deliveries.push(delivery)
      else {
        const late = gone.has(delivery.subscriber)
        current.set(delivery.subscriber, { attach: undefined, late, deliveries: [delivery] })
      }
    } else {
      close(event.subscriber, false)
      if (event.kind === 'detach') gone.add(event.subscriber)
      else current.set(event.subscriber, { attach: event.attach, late: false, deliveries: [] })
    }
  }
  for (const subscriber of current.keys()) close(subscriber, true)
  return done
}

type StreamEvent =
  | { readonly kind: 'deliver'; readonly at: number; readonly delivery: Delivery }
  | {
      readonly kind: 'attach'
      readonly at: number
      readonly subscriber: string
      readonly attach: Attach
    }
  | { readonly kind: 'detach'; readonly at: number; readonly subscriber: string }

function inOrder(log: TopicLog): StreamEvent[] {
  const events: StreamEvent[] = [
    ...log.deliveries.map((delivery) => ({
      kind: 'deliver' as const,
      at: delivery.op.index,
      delivery,
    })),
    ...log.attaches.map((attach) => ({
      kind: 'attach' as const,
      at: attach.operation.invoke.index,
      subscriber: attach.subscriber,
      attach,
    })),
    ...log.detaches.map(({ op, subscriber }) => ({
      kind: 'detach' as const,
      at: op.index,
      subscriber,
    })),
  ]
  return events.sort((a, b) => a.at - b.at)
}
