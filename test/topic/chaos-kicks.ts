import type { Command, SetSub } from '../../src/chat/command.ts'
import type { TopicName } from '../../src/ids/topic-name.ts'
import type { UserId } from '../../src/ids/user-id.ts'
import type { ChaosClient } from './chaos-client.ts'
import type { ChaosRun } from './chaos-run.ts'
import type { Dice } from './chaos-time.ts'

/** The first user owns all groups: one of his sessions, one of them, and somebody else. */
function ownersTurn(
  run: ChaosRun,
  dice: Dice,
): readonly [owner: ChaosClient, topic: TopicName, user: UserId] | undefined {
  const owners = run.living.filter((c) => c.uid === run.uids[0])
  const topic = dice.pick(run.groups)
  const owner = owners.find((c) => c.stay(topic) !== undefined)
  const user = run.uids[1 + dice.below(run.uids.length - 1)]
  return owner === undefined || user === undefined ? undefined : [owner, topic, user]
}

function change(run: ChaosRun, owner: ChaosClient, topic: TopicName, command: Command): void {
  const user = subjectOf(command)
  run.truth.leavers.add(`${user} ${topic}`)
  const sent = owner.send(topic, command, (code) => {
    if (isKick(command) && code === 200) run.truth.expelled(user, topic, sent)
  })
}

function subjectOf(command: Command): UserId {
  const user = command.kind === 'set' ? command.sub?.user : (command as { user?: UserId }).user
  return user as UserId
}

function isKick(command: Command): boolean {
  return command.kind === 'del' || (command.kind === 'set' && command.sub?.mode === 'N')
}

/** He takes others out, bans them, lets them in again. */
export function manage(run: ChaosRun, dice: Dice): void {
  const turn = ownersTurn(run, dice)
  if (turn === undefined) return
  const [owner, topic, user] = turn
  const sub: SetSub[] = [{ user }, { user, mode: dice.pick(['JRWPS', 'JRP', 'JRWPS', 'N']) }]
  const command: Command =
    dice.below(3) === 0
      ? { kind: 'del', what: 'sub', user, hard: false }
      : { kind: 'set', sub: dice.pick(sub) }
  change(run, owner, topic, command)
}

/**
 * Takes somebody out who is just doing something there, all the time, so that some of it is
 * evaluated right behind that. What his node hears of it may then be the last it hears.
 */
export function kickInTheMiddle(run: ChaosRun, dice: Dice): void {
  const turn = ownersTurn(run, dice)
  if (turn === undefined) return
  const [owner, topic, user] = turn
  const his = run.living.filter((c) => c.uid === user && c.stay(topic) !== undefined)
  const something: Command[] = [
    { kind: 'get', query: { what: ['desc', 'sub'] } },
    { kind: 'set', desc: { private: 'x' } },
    { kind: 'get', query: { what: ['desc'] } },
  ]
  for (const client of his) {
    for (let i = 0; i < 6; i++) {
      const command = dice.pick(something)
      run.world.time.after(i, () => {
        if (client.lives) client.send(topic, command)
      })
    }
  }
  const ways: Command[] = [
    { kind: 'del', what: 'sub', user, hard: false },
    { kind: 'set', sub: { user, mode: 'N' } },
  ]
  change(run, owner, topic, dice.pick(ways))
  run.world.time.after(1_000 + dice.below(1_500), () => {
    if (owner.lives) change(run, owner, topic, { kind: 'set', sub: { user, mode: 'JRWPS' } })
  })
}
