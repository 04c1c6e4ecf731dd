import type { ConfState, Entry, RaftId } from '../../../src/raft/entry.ts'
import type { Message } from '../../../src/raft/message.ts'
import { message, messageKinds } from '../../../src/raft/message.ts'
import { confOf, text } from './group.ts'

/** `voters 1 2 outgoing 1 learners 3 next 4 auto-leave` */
export function parseConf(words: readonly string[]): ConfState {
  const lists: Record<string, RaftId[]> = { voters: [], outgoing: [], learners: [], next: [] }
  let list: RaftId[] = []
  for (const word of words) {
    const named = lists[word]
    if (named !== undefined) list = named
    else if (word !== 'auto-leave') list.push(Number(word))
  }
  const { voters = [], outgoing = [], learners = [], next = [] } = lists
  return confOf(voters, {
    outgoing,
    learners,
    learnersNext: next,
    autoLeave: words.includes('auto-leave'),
  })
}

/** Fields as `from=2 term=3 at=5/2 commit=4 entries=6/3:x,7/3 reject hint=4/2 context=1 snapshot=9/3`. */
export function parseMessage(
  to: RaftId,
  kind: string | undefined,
  words: readonly string[],
): Message {
  const known = messageKinds.find((one) => one === kind)
  if (known === undefined) throw new Error(`no such kind of message: ${kind}`)
  const fields = new Map<string, string>()
  for (const word of words) {
    const [name = '', value = ''] = word.split('=')
    fields.set(name, value)
  }
  const number = (name: string): number => Number(fields.get(name) ?? 0)
  const [index, logTerm] = position(fields.get('at'))
  const [rejectHint, hintTerm] = position(fields.get('hint'))
  const [base, baseTerm] = position(fields.get('snapshot'))
  const voters = (fields.get('voters') ?? '1,2,3').split(',').map(Number)
  const meta = { index: base, term: baseTerm, conf: confOf(voters) }
  return message(known, {
    from: number('from'),
    to,
    term: number('term'),
    index,
    logTerm: fields.has('hint') ? hintTerm : logTerm,
    commit: number('commit'),
    entries: (fields.get('entries') ?? '').split(',').filter(Boolean).map(parseEntry),
    reject: fields.has('reject'),
    rejectHint,
    context: number('context'),
    snapshot: fields.has('snapshot') ? { meta, data: new Uint8Array(0) } : null,
  })
}

function position(word: string | undefined): [number, number] {
  const [index = '0', term = '0'] = (word ?? '').split('/')
  return [Number(index), Number(term)]
}

function parseEntry(word: string): Entry {
  const [where = '', data = ''] = word.split(':')
  const [index, term] = position(where)
  return { index, term, kind: 'normal', data: text(data) }
}
