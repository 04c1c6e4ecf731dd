import type { TopicName } from '../ids/topic-name.ts'
import type { SearchQuery, Term } from './search-query.ts'

/** What an alias that matches counts, against one for any other tag (8.8). */
const aliasWeight = 20

/** A user or group that a search found, with the tags by which. */
export interface Hit {
  readonly topic: TopicName
  readonly matched: readonly string[]
}

/**
 * Who carries what the query asks for, in no order. `carriers`: for each tag of the query, who
 * carries it; a tag that is missing is carried by nobody.
 */
export function findHits(
  query: SearchQuery,
  carriers: ReadonlyMap<string, readonly TopicName[]>,
): Hit[] {
  const matched = new Map<TopicName, string[]>()
  const required = new Map<TopicName, number>()
  const collect = (term: Term, counts: boolean): void => {
    const found = new Set<TopicName>()
    for (const tag of term) {
      for (const topic of carriers.get(tag) ?? []) {
        const tags = matched.get(topic)
        if (tags === undefined) matched.set(topic, [tag])
        else if (!tags.includes(tag)) tags.push(tag)
        found.add(topic)
      }
    }
    if (counts) for (const topic of found) required.set(topic, (required.get(topic) ?? 0) + 1)
  }
  for (const term of query.and) collect(term, true)
  for (const term of query.or) collect(term, false)
  const hits: Hit[] = []
  for (const [topic, tags] of matched) {
    if ((required.get(topic) ?? 0) === query.and.length) hits.push({ topic, matched: tags })
  }
  return hits
}

/** Best first: by what matched, then by how many are there, then by name. */
export function rankHits<T extends Hit & { readonly subcnt?: number | undefined }>(
  hits: readonly T[],
): T[] {
  return [...hits].sort(
    (a, b) =>
      weight(b) - weight(a) ||
      (b.subcnt ?? 0) - (a.subcnt ?? 0) ||
      (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : 0),
  )
}

function weight({ matched }: Hit): number {
  let sum = 0
  for (const tag of matched) sum += tag.startsWith('alias:') ? aliasWeight : 1
  return sum
}
