import { join } from 'node:path'
import { acceptLoss } from '../group/accept-loss.ts'
import type { AcceptedLoss } from '../group/accept-loss.ts'
import { dropUnproven } from '../group/lost-tail.ts'
import { finishInstalls } from '../group/staging.ts'
import type { GroupId } from '../ids/group-id.ts'
import { metaGroup } from '../ids/group-id.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import { liveMembers } from '../meta/meta-state.ts'
import type { MetaState } from '../meta/meta-state.ts'
import { readSaved } from '../meta/saved.ts'
import { PartitionRows } from '../partition/partition-rows.ts'
import type { Logger } from '../ports.ts'
import { noMetrics } from '../ports.ts'
import type { Index } from '../raft/entry.ts'
import { LevelStore } from '../store/level-store.ts'
import type { Log } from '../store/log.ts'
import { SegmentedLog } from '../store/segmented-log.ts'
import type { Store } from '../store/store.ts'
import type { NodeConfig } from './config.ts'

/**
 * Puts in order what a crash, or the loss of the log's end, has left of the groups' rows. Before
 * anything reads rows.
 */
export async function prepareGroups(
  config: NodeConfig,
  opened: { log: Log; store: Store; self: NodeIndex; logger: Logger },
): Promise<void> {
  const { log, store, self, logger } = opened
  await finishInstalls(log, store)
  const isAlone = isOnlyMember(config, (await readSaved(store)).state)
  const applied = (id: GroupId): Promise<Index> => appliedOf(id, store)
  await dropUnproven({ log, store, self, isAlone, applied, logger })
}

/**
 * The operator's word that what the only node of a cluster has lost is lost: see acceptLoss. The
 * node must not run. Resolves with the groups that go on from what is left; none: nothing was lost,
 * or other nodes have it.
 */
export async function acceptNodeLoss(config: NodeConfig, self: NodeIndex): Promise<AcceptedLoss[]> {
  const { data } = config.self
  // What fails rejects; there is nobody else to tell.
  const options = { onFatal: () => {}, metrics: noMetrics }
  const log = await SegmentedLog.open(join(data, 'log'), options)
  try {
    const store = await LevelStore.open(join(data, 'data'), options)
    try {
      return await acceptOn(config, self, log, store)
    } finally {
      await store.close()
    }
  } finally {
    await log.close()
  }
}

async function acceptOn(
  config: NodeConfig,
  self: NodeIndex,
  log: Log,
  store: Store,
): Promise<AcceptedLoss[]> {
  await finishInstalls(log, store)
  const { state } = await readSaved(store)
  const partitions = state?.partitions ?? config.cluster.partitions
  const groups = Array.from({ length: partitions + 1 }, (_, id) => id)
  const isAlone = isOnlyMember(config, state)
  const applied = (id: GroupId): Promise<Index> => appliedOf(id, store)
  return acceptLoss({ log, self, groups, isAlone, applied })
}

/** `state`: what meta's rows say; null: there are none. */
function isOnlyMember(config: NodeConfig, state: MetaState | null): boolean {
  const founders = config.joined === null ? config.nodes.length : 0
  return (state === null ? founders : liveMembers(state).length) === 1
}

async function appliedOf(id: GroupId, store: Store): Promise<Index> {
  if (id === metaGroup) return (await readSaved(store)).applied
  return PartitionRows.readApplied(id, store)
}
