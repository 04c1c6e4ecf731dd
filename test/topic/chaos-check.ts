import { J, P, R } from '../../src/chat/access-mode.ts'
import type { Answer, Ask, MeRow } from '../../src/chat/ask.ts'
import { clientTopicName, kindOf, meTopic } from '../../src/ids/topic-name.ts'
import type { TopicName } from '../../src/ids/topic-name.ts'
import { groupPrefix } from '../../src/ids/group-id.ts'
import { limits } from '../../src/limits.ts'
import { entityKey } from '../../src/partition/rows.ts'
import type { ChaosClient, Stay } from './chaos-client.ts'
import type { ChaosRun } from './chaos-run.ts'

/** A sweep of the calls comes this often, and the answer may be on its way for a while. */
const tolerance = 100

/** The promises that can only be judged at the end. */
export async function check(run: ChaosRun): Promise<void> {
  await checkRows(run)
  await checkHistory(run)
  checkAttempts(run)
  for (const client of run.clients) {
    checkAnswers(run, client)
    checkOrder(run, client)
    for (const topic of run.topics) checkStream(run, client, topic)
  }
  await checkLists(run)
  checkNews(run)
  for (const what of run.world.complaints) run.truth.wrong(what)
}

/** I17: all nodes have applied the same, and hold what the log says. */
async function checkRows({ world, truth }: ChaosRun): Promise<void> {
  for (const group of world.groups) {
    const prefix = Buffer.from(groupPrefix(group.id))
    const wanted = new Map<string, string>()
    for (const [place, value] of truth.rows) {
      const [id, key] = place.split('/')
      if (id === `${group.id}`) wanted.set(key as string, value)
    }
    for (const node of world.living) {
      const { applied } = node.partition(group.id).rows
      if (applied !== group.committed) {
        truth.wrong(`node ${node.index} applied ${applied} of ${group.committed} in ${group.id}`)
      }
      const end = Buffer.concat([prefix, Buffer.from([0xff])])
      const found = await node.store.rows.range({ gte: prefix, lt: end })
      let same = 0
      for (const [key, value] of found) {
        const rest = Buffer.from(key).subarray(prefix.length)
        if (rest[0] === 1) continue // the applied index itself
        if (wanted.get(rest.toString('hex')) === Buffer.from(value).toString('hex')) same++
        else truth.wrong(`node ${node.index}: row ${rest.toString('hex')} of ${group.id} differs`)
      }
      if (same !== wanted.size) {
        truth.wrong(`node ${node.index} has ${same} of ${wanted.size} rows of ${group.id}`)
      }
    }
  }
}

/** What the nodes give as history is what has committed. */
async function checkHistory({ world, truth, topics }: ChaosRun): Promise<void> {
  for (const topic of topics) {
    const messages = truth.messages(topic)
    const deleted = truth.deleted.get(topic)
    for (const node of world.living) {
      const { rows } = node.partition(world.groupOf(topic).id)
      const found = await rows.ascending(entityKey(topic), 1, messages.size + 2, 100_000)
      const seqs = new Set(found.map(({ seq }) => seq))
      for (const seq of messages.keys()) {
        if (!seqs.has(seq) && deleted?.has(seq) !== true) {
          truth.wrong(`node ${node.index} has no ${seq} of ${topic}`)
        }
      }
    }
  }
}

/** P3, I2: what was refused for certain is not there. Twice stored is found at commit. */
function checkAttempts({ truth, topics }: ChaosRun): void {
  for (const topic of topics) {
    for (const [seq, { content }] of truth.messages(topic)) {
      const attempt = truth.attempts.get(JSON.parse(content))
      if (attempt === undefined || attempt.topic !== topic) truth.wrong(`${content} is in ${topic}`)
      else if (attempt.refused >= attempt.tries) {
        truth.wrong(`${content} was refused ${attempt.tries} times and is ${seq} of ${topic}`)
      }
    }
  }
}

/** Every request had one answer, in time. */
function checkAnswers({ truth }: ChaosRun, client: ChaosClient): void {
  if (!client.node.up) return
  for (const { id, command, code, at, done, doneAt } of client.sent) {
    if (done === 0) truth.wrong(`${id} ${command.kind} never ended`)
    else if (doneAt - at > limits.requestDeadlineMs + tolerance) {
      truth.wrong(`${id} ${command.kind} took ${doneAt - at} ms`)
    }
    if (code === 0 && command.kind !== 'note' && !client.gone) {
      truth.wrong(`${id} ${command.kind} had no answer`)
    }
  }
}

/** P2: what one session sent first stands first, and a retry has the number of the first try. */
function checkOrder({ truth, topics }: ChaosRun, client: ChaosClient): void {
  for (const topic of topics) {
    let last = 0
    for (const { id, topic: to, command, code, seq } of client.sent) {
      if (to !== topic || command.kind !== 'pub' || command.producer !== '' || code !== 202)
        continue
      if (seq <= last) truth.wrong(`${id} is ${seq} of ${topic}, sent after what became ${last}`)
      last = seq
    }
  }
}

/** P4. */
function checkStream(run: ChaosRun, client: ChaosClient, topic: TopicName): void {
  if (client.historic) return
  const { truth } = run
  for (const stay of client.stays.get(topic) ?? []) {
    const last =
      stay.over || stay.doubtful || !client.lives
        ? (stay.seqs.at(-1) ?? 0)
        : truth.messages(topic).size
    const missed = missing(run, client, topic, stay, last)
    if (missed.length > 0) {
      truth.wrong(
        `${client.sid} on node ${client.node.index} (${stay.opener}) missed ${missed.join(' ')} of ${topic}: from ${stay.from}, ${stay.over ? 'over' : 'live'}, got ${stay.seqs.join(' ')}`,
      )
    }
  }
  const stay = client.stay(topic)
  if (!client.lives || stay?.doubtful === true) return
  const there = client.node.hub.isAttached(client.sid, topic)
  if (there !== (stay !== undefined)) {
    truth.wrong(`${client.sid} at ${topic}: its node says ${there}, it was told ${!there}`)
  }
}

function missing(
  { truth }: ChaosRun,
  client: ChaosClient,
  topic: TopicName,
  stay: Stay,
  last: number,
): number[] {
  const got = new Set(stay.seqs)
  const deleted = truth.deleted.get(topic)
  const hidden = truth.hidden.get(`${client.uid} ${topic}`)
  const missed: number[] = []
  if (stay.from === null && got.size === 0) return []
  for (let seq = (stay.from ?? (stay.seqs[0] as number) - 1) + 1; seq <= last; seq++) {
    const message = truth.messages(topic).get(seq)
    const own = message?.noecho === true && message.producer === client.sid
    if (own && got.has(seq)) truth.wrong(`${client.sid} got its own ${seq} of ${topic}`)
    const isGone = deleted?.has(seq) === true || hidden?.has(seq) === true
    if (!own && !got.has(seq) && !isGone) missed.push(seq)
  }
  return missed
}

/** Facts of two partitions agree: who is a member has the topic in his list, and nobody else. */
async function checkLists(run: ChaosRun): Promise<void> {
  const { truth, topics, uids } = run
  for (const uid of uids) {
    const list = (await ask(run, uid, { kind: 'list' })) as readonly TopicName[] | undefined
    for (const topic of topics) {
      if (kindOf(topic) === 'p2p' && !run.topicsOf(uid).includes(topic)) continue
      const row = (await ask(run, topic, { kind: 'row', uid })) as MeRow | null | undefined
      if (row === undefined || list === undefined) truth.wrong(`${uid} in ${topic}: no answer`)
      else if (list.includes(topic) !== (row !== null)) {
        truth.wrong(
          `${uid} in ${topic}: member ${row !== null}, in his list ${list.includes(topic)}`,
        )
      }
      const mode = row == null ? 0 : row.acs.want & row.acs.given
      if ((mode & J) === 0) checkOut(run, uid, topic)
      if ((mode & (J | R | P)) === (J | R | P)) run.readers.add(`${uid} ${topic}`)
      if (row != null) checkMarks(run, uid, topic, row)
    }
  }
}

/** No mark that was told is above what is stored. */
function checkMarks(run: ChaosRun, uid: string, topic: TopicName, row: MeRow): void {
  const { clients, truth } = run
  if (truth.leavers.has(`${uid} ${topic}`)) return
  for (const client of clients) {
    if (!run.topicsOf(client.uid).includes(topic)) continue
    const name = clientTopicName(topic, client.uid)
    for (const [place, what] of [
      [name, 'read'],
      [name, 'recv'],
    ] as const) {
      const told = client.marks.get(`${place}  ${uid} ${what}`) ?? 0
      if (told > row[what])
        truth.wrong(`${what} of ${uid} in ${topic} is ${row[what]}, was ${told}`)
    }
  }
}

function checkOut({ clients, truth }: ChaosRun, uid: string, topic: TopicName): void {
  for (const client of clients) {
    if (client.uid === uid && client.lives && client.node.hub.isAttached(client.sid, topic)) {
      truth.wrong(`${client.sid} is attached to ${topic} without the right to join`)
    }
  }
}

/** Whoever is on `me` and not at a topic of his was told of the last message. */
function checkNews(run: ChaosRun): void {
  const { truth } = run
  for (const client of run.living) {
    if (client.stay(meTopic(client.uid)) === undefined) continue
    for (const topic of run.topicsOf(client.uid)) {
      if (!run.readers.has(`${client.uid} ${topic}`) || client.stay(topic) !== undefined) continue
      if (client.node.hub.isAttached(client.sid, topic)) continue
      const name = clientTopicName(topic, client.uid)
      const told = client.news.get(name) ?? 0
      const last = truth.messages(topic).size
      if (told !== last) truth.wrong(`${client.sid} was told of ${told} in ${topic}, not ${last}`)
    }
  }
}

async function ask(
  { world }: ChaosRun,
  entity: string,
  question: Ask,
): Promise<Answer | undefined> {
  let answer: Answer | undefined
  void world.living[0]!.hub.ask(entity, question).then((a) => (answer = a))
  await world.time.run(100)
  return answer
}
