import { access } from './access.ts'
import { ack } from './ack.ts'
import { availability } from './availability.ts'
import { chain } from './chain.ts'
import type { Checker } from './checker.ts'
import { coverage } from './coverage.ts'
import { digest } from './digest.ts'
import { durable } from './durable.ts'
import { fifo } from './fifo.ts'
import { gapless } from './gapless.ts'
import { idsUnique } from './ids-unique.ts'
import { kv } from './kv.ts'
import { leaders } from './leaders.ts'
import { linearizable } from './linearizable.ts'
import { liveness } from './liveness.ts'
import { logLines } from './log-lines.ts'
import { marks } from './marks.ts'
import { monotonicReads } from './monotonic-reads.ts'
import { nameHolders } from './name-holders.ts'
import { nameModel } from './name-model.ts'
import { noRepeat } from './no-repeat.ts'
import { order } from './order.ts'
import { pages } from './pages.ts'
import { phantom } from './phantom.ts'
import { realTime } from './real-time.ts'
import { register } from './register.ts'
import { resume } from './resume.ts'
import { ring } from './ring.ts'
import { served } from './served.ts'
import { subscriber } from './subscriber.ts'

const topicCheckers: readonly Checker[] = [
  durable,
  gapless,
  noRepeat,
  order,
  fifo,
  realTime,
  phantom,
  ack,
  subscriber,
  resume,
  monotonicReads,
  pages,
  chain,
  access,
  marks,
]

const registers = linearizable(
  register,
  'linearizable-register',
  'I10: reads, writes and compare-and-sets of a register are linearizable.',
)
const texts = linearizable(
  kv,
  'linearizable-kv',
  'I10: gets, puts and appends of a key are linearizable.',
)
const names = linearizable(
  nameModel,
  'names',
  'I11: at most one live holder of a name at any time; one created ok between deletes.',
)
const clusterCheckers: readonly Checker[] = [digest, ring, leaders, logLines]

/** Every checker there is, as `list` shows them. */
export const checkers: readonly Checker[] = [
  ...topicCheckers,
  registers,
  texts,
  names,
  nameHolders,
  idsUnique,
  ...clusterCheckers,
  liveness,
  availability,
  served,
  coverage,
]

/** What `check --model` offers: checkers of the data alone, for histories from anywhere. */
export const models = {
  topic: topicCheckers,
  register: [registers],
  kv: [texts],
  names: [names, nameHolders],
  ids: [idsUnique],
} as const satisfies Record<string, readonly Checker[]>

export type ModelName = keyof typeof models
