import type { AuthLevel, Json } from '../chat/command.ts'
import { ctrlText } from '../chat/ctrl-text.ts'
import type { DataEvent, InfoEvent, PresEvent } from '../chat/event.ts'
import type { TopicName } from '../ids/topic-name.ts'
import { clientTopicName } from '../ids/topic-name.ts'
import type { UserId } from '../ids/user-id.ts'
import { Frame } from './frame.ts'
import { timeText, withTimes } from './times.ts'

/**
 * Server messages as JSON text. Built by hand where one goes out per message, because content and
 * head are JSON text already; order of keys is for people who read traces.
 */

/** Who reads it: names are written as this receiver knows them. */
export interface Reader {
  readonly uid: UserId
  readonly level: AuthLevel
  readonly asChan: boolean
}

/** `topic` as the client knows it; undefined: a ctrl about no topic. */
export interface Addressee {
  readonly id: string | undefined
  readonly topic: string | undefined
}

export function ctrlFrame(
  to: Addressee,
  code: number,
  ts: number,
  params?: { readonly [key: string]: Json },
  text?: string,
): Frame {
  const body = {
    ...(to.id === undefined ? {} : { id: to.id }),
    ...(to.topic === undefined ? {} : { topic: to.topic }),
    code,
    text: text ?? ctrlText(code),
    ...(params === undefined ? {} : { params: withTimes(params as Json) }),
    ts: timeText(ts),
  }
  return new Frame(`{"ctrl":${JSON.stringify(body)}}`)
}

/** The one answer that goes out tens of thousands of times a second. */
export function acceptedFrame(to: Addressee, seq: number, ts: number): Frame {
  const id = to.id === undefined ? '' : `"id":${JSON.stringify(to.id)},`
  return new Frame(
    `{"ctrl":{${id}"topic":${JSON.stringify(to.topic)},"code":202,"text":"accepted","params":{"seq":${seq}},"ts":"${timeText(ts)}"}}`,
  )
}

export function metaFrame(to: Addressee, part: string, value: Json, ts: number): Frame {
  const body = {
    ...(to.id === undefined ? {} : { id: to.id }),
    topic: to.topic,
    ts: timeText(ts),
    [part]: withTimes(value),
  }
  return new Frame(`{"meta":${JSON.stringify(body)}}`)
}

/** `topic`: as the reader knows it. `anonymous`: channel readers are not shown who wrote. */
export function dataFrame(topic: string, data: DataLike, anonymous: boolean): Frame {
  const from = data.from === '' || anonymous ? '' : `"from":"${data.from}",`
  const head = data.head === null ? '' : `"head":${data.head},`
  return new Frame(
    `{"data":{"topic":"${topic}",${from}"ts":"${timeText(data.ts)}","seq":${data.seq},${head}"content":${data.content}}}`,
  )
}
export type DataLike = Pick<DataEvent, 'seq' | 'from' | 'ts' | 'head' | 'content'>

/** An extension: how the topic's messages come from now on; the client has had all up to `seq`. */
export function modeFrame(topic: string, what: 'push' | 'pull', seq: number): Frame {
  return new Frame(JSON.stringify({ pres: { topic, what, seq } }))
}

/** Numbers that a client that resumes will not see, because they are deleted; half-open. */
export function deletedFrame(
  topic: string,
  spans: readonly (readonly [number, number])[],
  ts: number,
): Frame {
  const delseq = spans.map(([low, hi]) => (hi === low + 1 ? { low } : { low, hi }))
  return new Frame(JSON.stringify({ meta: { topic, ts: timeText(ts), del: { delseq } } }))
}

/** `onMe`: told by the reader's `me`, with the topic as src. */
export function infoFrame(topic: TopicName, info: InfoEvent, reader: Reader, onMe: boolean): Frame {
  const name = clientTopicName(topic, reader.uid, reader.asChan)
  const body = {
    topic: onMe ? 'me' : name,
    ...(onMe ? { src: name } : {}),
    from: info.from,
    what: info.what,
    ...(info.seq > 0 ? { seq: info.seq } : {}),
    ...(info.event === undefined ? {} : { event: info.event }),
    ...(info.payload === undefined ? {} : { payload: info.payload }),
  }
  return new Frame(`{"info":${JSON.stringify(body)}}`)
}

/** `onMe`: told by the reader's `me`. `src` of a user's own topic may be any topic of his. */
export function presFrame(topic: TopicName, pres: PresEvent, reader: Reader, onMe: boolean): Frame {
  const src = srcOf(topic, pres, reader, onMe)
  // On `me` the SDK reads a missing act as "I did it", so there it stays, equal to src or not (12.4).
  const act = pres.act === reader.uid || (!onMe && pres.act === src) ? undefined : pres.act
  const tgt = pres.tgt === reader.uid || pres.tgt === src ? undefined : pres.tgt
  const body = {
    topic: onMe ? 'me' : clientTopicName(topic, reader.uid, reader.asChan),
    ...(src === undefined ? {} : { src }),
    what: pres.what,
    ...(pres.ua === undefined || pres.ua === '' ? {} : { ua: pres.ua, val: pres.ua }),
    ...(pres.seq === undefined ? {} : { seq: pres.seq }),
    ...(pres.clear === undefined ? {} : { clear: pres.clear }),
    ...(pres.delseq === undefined ? {} : { delseq: pres.delseq }),
    ...(tgt === undefined ? {} : { tgt }),
    ...(act === undefined ? {} : { act }),
    ...(pres.dacs === undefined ? {} : { dacs: pres.dacs }),
  }
  return new Frame(`{"pres":${JSON.stringify(body)}}`)
}

function srcOf(
  topic: TopicName,
  pres: PresEvent,
  reader: Reader,
  onMe: boolean,
): string | undefined {
  if (pres.src === undefined) {
    return onMe && pres.to === 'watchers'
      ? clientTopicName(topic, reader.uid, reader.asChan)
      : undefined
  }
  if (pres.src === 'me') return 'me'
  const named = pres.src as TopicName
  // A user is his own `me` topic by name; as a src he is meant as a person.
  return named.startsWith('usr') ? named : clientTopicName(named, reader.uid, pres.srcChan)
}
