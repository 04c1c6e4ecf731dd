import type { CommandModule } from 'yargs'
import { blows } from '../bench/blow.ts'
import type { BlowKind } from '../bench/blow.ts'
import { benchChange, changes } from '../bench/change.ts'
import type { ChangeKind } from '../bench/change.ts'
import { benchFailover } from '../bench/failover.ts'
import { benchFanout } from '../bench/fanout.ts'
import { benchIdle } from '../bench/idle.ts'
import {
  check,
  measurement,
  number,
  showMap,
  showRow,
  timing,
  timingOf,
  value,
} from '../bench/measurement.ts'
import type { Arguments } from '../bench/measurement.ts'
import { benchPublish } from '../bench/publish.ts'
import { benchRetain } from '../bench/retain.ts'
import type { RetainSettings } from '../bench/retain.ts'
import { printTable, say } from '../output.ts'

const publishCommand = measurement(
  'publish',
  'durable publishes a second, and how long an acknowledgement takes',
  (y) =>
    y
      .option('inflight', {
        type: 'string',
        default: '1,64,512',
        describe: 'publishes outstanding, several by comma',
      })
      .option('topics', number(1, 'topics to spread them over'))
      .options(timing),
  async (target, argv) => {
    const inflight = String(argv['inflight']).split(',').map(Number)
    for (const n of inflight) check('inflight', n)
    const settings = { inflight, topics: value(argv, 'topics'), ...timingOf(argv) }
    const result = await benchPublish(target, settings, say)
    return {
      result,
      clean: result.clean,
      show: () => {
        printTable(
          [
            'in flight',
            'acks/s',
            'p50 ms',
            'p99 ms',
            'max ms',
            'server µs/publish',
            'client cpu %',
            'errors',
            'spurious elections',
            'by lost link',
            'by transfer',
            'loop p99 ms',
            'loop max ms',
          ],
          result.rows.map((r) => [
            r.inflight,
            r.acksPerS,
            r.p50Ms,
            r.p99Ms,
            r.maxMs,
            r.serverCpuUs,
            r.clientCpuPercent,
            r.errors,
            r.spuriousElections,
            r.lostLinkElections,
            r.transferElections,
            r.loopP99Ms,
            r.loopMaxMs,
          ]),
        )
        showMap('history', result.history)
        showMap('errors', result.codes)
      },
    }
  },
)

const fanoutCommand = measurement(
  'fanout',
  'deliveries a second of one room to many subscribers on all nodes',
  (y) =>
    y
      .option('subs', number(1_000, 'subscribers'))
      .option('users', number(1_000, 'different users among them'))
      .option('window', number(8, 'messages not yet seen by all, at any time'))
      .options(timing),
  async (target, argv) => {
    const settings = {
      subscribers: value(argv, 'subs'),
      users: value(argv, 'users'),
      window: value(argv, 'window'),
      ...timingOf(argv),
    }
    const result = await benchFanout(target, settings, say)
    return { result, clean: result.clean, show: () => showRow(result) }
  },
)

const failoverCommand = measurement(
  'failover',
  'time from the loss of the owner to the next acknowledgement and the next live message; on a cluster of its own',
  (y) =>
    y
      .option('how', {
        choices: blows,
        default: 'kill' as BlowKind,
        requiresArg: true,
        describe: 'kill -9; SIGSTOP; or a partition that nobody is told of',
      })
      .option('trials', number(50, 'times'))
      .option('size', number(200, 'bytes of a body'))
      .option('settle', number(1_000, 'ms of calm before each')),
  async (target, argv) => {
    const settings = {
      how: argv['how'] as BlowKind,
      trials: value(argv, 'trials'),
      size: value(argv, 'size'),
      settleMs: value(argv, 'settle'),
    }
    const result = await benchFailover(target, settings, say)
    return {
      result,
      clean: result.clean,
      show: () => {
        const { history, codes, ack, live, ...row } = result
        printTable(
          ['', 'p50 ms', 'p99 ms', 'max ms'],
          [
            ['next ack', ack.p50Ms, ack.p99Ms, ack.maxMs],
            ['next live message', live.p50Ms, live.p99Ms, live.maxMs],
          ],
        )
        showRow(row)
        showMap('history', history)
        showMap('errors', codes)
      },
    }
  },
  (argv) => ({ withCuts: argv['how'] === 'cut' }),
)

const idleCommand = measurement(
  'idle',
  'memory of the servers per logged-in connection that does nothing',
  (y) =>
    y
      .option('conns', number(5_000, 'connections'))
      .option('users', number(300, 'different users among them'))
      .option('me', { type: 'boolean', default: false, describe: 'attach each to its me topic' })
      .option('settle', number(5_000, 'ms of calm before memory is read')),
  async (target, argv) => {
    const settings = {
      connections: value(argv, 'conns'),
      users: value(argv, 'users'),
      me: argv['me'] === true,
      settleMs: value(argv, 'settle'),
    }
    const result = await benchIdle(target, settings, say)
    return { result, clean: result.clean, show: () => showRow(result) }
  },
)

const changeCommand = measurement(
  'change',
  'what clients see of a rolling restart, a join and a drain; on a cluster of its own',
  (y) =>
    y
      .option('what', {
        choices: changes,
        array: true,
        default: [...changes] as ChangeKind[],
        requiresArg: true,
        describe: 'which, in this order',
      })
      .option('topics', number(32, 'topics to spread the load over'))
      .option('rate', number(500, 'publishes a second, whatever the answers do'))
      .option('quiet', number(20, 'seconds of calm before and after'))
      .option('size', number(200, 'bytes of a body')),
  async (target, argv) => {
    const settings = {
      what: argv['what'] as ChangeKind[],
      topics: value(argv, 'topics'),
      rate: value(argv, 'rate'),
      size: value(argv, 'size'),
      quietS: value(argv, 'quiet'),
    }
    const result = await benchChange(target, settings, say)
    return {
      result,
      clean: result.clean,
      show: () => {
        printTable(
          [
            '',
            's',
            'acks',
            'p50 ms',
            'p99 ms',
            'max ms',
            'live p99 ms',
            'retried',
            'failed',
            'spurious elections',
            'by lost link',
            'by transfer',
          ],
          result.rows.map((r) => [
            r.part,
            r.seconds,
            r.acks,
            r.p50Ms,
            r.p99Ms,
            r.maxMs,
            r.liveP99Ms,
            r.retried,
            r.failed,
            r.elections.byTimeout,
            r.elections.byLostLink,
            r.elections.byTransfer,
          ]),
        )
        showMap('live gaps', { seen: result.liveGaps })
        showMap('history', result.history)
        showMap('answers to first attempts', result.codes)
      },
    }
  },
)

const retainCommand = measurement(
  'retain',
  'what the disks hold of very many messages when topics keep few; on a cluster of its own',
  (y) =>
    y
      .option('messages', number(2_000_000, 'messages published'))
      .option('per-topic', number(10_000, 'messages that a topic keeps'))
      .option('topics', number(5, 'topics to spread them over'))
      .option('inflight', number(256, 'publishes outstanding'))
      .option('every', number(100_000, 'messages between two looks at the disks'))
      .option('rest', number(60, 'seconds of calm at the end'))
      .option('size', number(200, 'bytes of a body')),
  async (target, argv) => {
    const result = await benchRetain(target, retainSettings(argv), say)
    return {
      result,
      clean: result.clean,
      show: () => {
        const { rows, ...sums } = result
        const names = (what: string) => target.names.map((name) => `${name} ${what} MiB`)
        printTable(
          ['messages', 'acks/s', 'p99 ms', ...names('log'), ...names('data')],
          rows.map((r) => [r.messages, r.acksPerS, r.p99Ms, ...r.log, ...r.data]),
        )
        showRow(sums)
      },
    }
  },
  (argv) => ({ options: { 'keep-messages-per-topic': value(argv, 'per-topic') } }),
)

function retainSettings(argv: Arguments): RetainSettings {
  return {
    messages: value(argv, 'messages'),
    keep: value(argv, 'per-topic'),
    topics: value(argv, 'topics'),
    inflight: value(argv, 'inflight'),
    every: value(argv, 'every'),
    restS: value(argv, 'rest'),
    size: value(argv, 'size'),
  }
}

export const benchCommand: CommandModule = {
  command: 'bench <command>',
  describe: 'measure a cluster: a temporary one, or one that runs already',
  builder: (y) =>
    y
      .command(publishCommand)
      .command(fanoutCommand)
      .command(failoverCommand)
      .command(idleCommand)
      .command(changeCommand)
      .command(retainCommand)
      .demandCommand(1, 'Say what to measure: publish, fanout, failover, idle, change or retain.'),
  handler: () => {},
}
