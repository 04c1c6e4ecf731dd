import type { GetCommand } from '../chat/command.ts'
import type { HistoryPart } from '../chat/outcome.ts'
import { limits } from '../limits.ts'
import type { Attachment } from './attachment.ts'
import type { Calls } from './calls.ts'
import { topicKinds } from './messages.ts'
import { expandData } from './page-message.ts'
import type { ProxyTopic } from './proxy-topic.ts'
import type { PulledPage } from './pulls.ts'

/** There is nothing, and nothing was deleted. */
const nothing: PulledPage = { messages: [], hidden: [] }

/**
 * Asks the topic's owner for the messages of [low, high) as a session that is attached there: its
 * rights and deletions count, and the owner confirms that it is the owner. `took` is called once;
 * `denied`: it may not read there now; null: no answer in time, or none that could be read.
 */
export function askPage(
  calls: Calls,
  topic: ProxyTopic,
  { subscriber, asChan }: Attachment,
  low: number,
  high: number,
  took: (page: PulledPage | 'denied' | null) => void,
): void {
  const { uid, level, sid } = subscriber
  const data = { since: low, before: high, limit: high - low }
  const command: GetCommand = { kind: 'get', query: { what: ['data'], data } }
  let part: HistoryPart | undefined
  calls.call(
    topic.partition,
    (call) => [topicKinds.request, call, topic.name, [uid, level, sid, asChan, true], command],
    limits.requestDeadlineMs,
    (m) => {
      if (m[0] === topicKinds.page) {
        if (part === undefined) return 'more' // its answer was lost with a link, and comes again
        took({ messages: m[2].map(expandData), hidden: part.hidden })
        return 'done'
      }
      if (m[0] !== topicKinds.answer) return 'more'
      part = m[3].find((found) => found.kind === 'history')
      if (part !== undefined) return 'more'
      const first = m[3][0]
      took(first?.kind === 'ctrl' && first.code >= 400 ? 'denied' : nothing)
      return 'done'
    },
    () => took(null),
  )
}
