import fc from 'fast-check'
import { expect, test } from 'vitest'
import { O } from '../../src/chat/access-mode.ts'
import { decodeMember } from '../../src/chat/member.ts'
import { numberFromKey } from '../../src/chat/row-bytes.ts'
import { tables } from '../../src/chat/tables.ts'
import { decodeHead } from '../../src/chat/topic-rows.ts'
import type { Outcome } from '../../src/chat/outcome.ts'
import { step } from './commands.ts'
import type { Step } from './commands.ts'
import { anna, ben, carl, chat, people, pub, team } from './world.ts'
import type { World } from './world.ts'

function start(channel: boolean): World {
  const w = people()
  const sid = 's1'
  w.run(anna, team, { kind: 'sub', create: channel ? 'chn' : 'grp' }, { sid })
  w.run(ben, team, { kind: 'sub' }, { asChan: channel, sid })
  w.run(carl, team, { kind: 'sub' }, { sid })
  w.run(anna, chat, { kind: 'sub' }, { sid })
  w.run(ben, chat, { kind: 'sub' }, { sid })
  for (let i = 0; i < 3; i++) {
    w.run(anna, team, pub('hello', { producer: 'z' + i }), { sid })
    w.run(ben, chat, pub('hello', { producer: 'z' + i }), { sid })
  }
  return w
}

function perform(w: World, { uid, name, sid, asChan, command, pause }: Step): Outcome {
  w.now += pause
  return w.run(uid, name, command, { sid, asChan: asChan && name === team })
}

function refused(outcome: Outcome): boolean {
  return (
    outcome.parts.length > 0 &&
    outcome.parts.every((part) => part.kind === 'ctrl' && part.code >= 400)
  )
}

/** What must hold of a topic's rows whatever happened (CHAT-1, CHAT-2, CHAT-3). */
function check(w: World, name: string): void {
  const rows = [...(w.rows.get(name)?.values() ?? [])]
  const head = rows.find((row) => row.table === tables.self && row.key.length === 0)
  if (head === undefined) return
  const { seq, clear, deletions } = decodeHead(head.value)
  expect(clear).toBeLessThanOrEqual(deletions)
  let owners = 0
  for (const row of rows) {
    if (row.table === tables.messages) expect(numberFromKey(row.key)).toBeLessThanOrEqual(seq)
    if (row.table !== tables.member || row.key.length !== 8) continue
    const member = decodeMember(row.key, row.value)
    expect(member.read).toBeLessThanOrEqual(member.recv)
    expect(member.recv).toBeLessThanOrEqual(seq)
    if ((member.mode & O) !== 0) owners++
  }
  expect(owners).toBeLessThanOrEqual(1)
}

const conversations = [team, chat, 'slf' + anna.slice(3), 'sys']

test.each([false, true])('random commands, channel: %s', (channel) => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 30 }), (steps) => {
      const w = start(channel)
      const seqs = new Map<string, number>()
      const firsts = new Map(conversations.map((name) => [name, lastSeq(w, name)]))
      for (const one of steps) {
        const outcome = perform(w, one)
        const quiet = refused(outcome) && (one.command.kind !== 'set' || outcome.parts.length === 1)
        if (quiet || one.command.kind === 'get') {
          expect(w.written).toEqual([])
          expect(outcome.events).toEqual([])
          expect(outcome.outbox).toEqual([])
        }
        if (refused(outcome) && one.command.kind === 'set') expect(w.written).toEqual([])
        for (const event of outcome.events) {
          if (event.kind !== 'data') continue
          expect(event.seq).toBe((seqs.get(one.name) ?? firsts.get(one.name) ?? 0) + 1)
          seqs.set(one.name, event.seq)
        }
        for (const name of conversations) check(w, name)
      }
    }),
    { numRuns: 60 },
  )
})

function lastSeq(w: World, name: string): number {
  const head = [...(w.rows.get(name)?.values() ?? [])].find(
    (row) => row.table === tables.self && row.key.length === 0,
  )
  return head === undefined ? 0 : decodeHead(head.value).seq
}
