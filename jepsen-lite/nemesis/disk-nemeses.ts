import type { Prng } from '../prng.ts'
import { sleep } from '../sleep.ts'
import type { DamageKind, DiskCounts, DiskOrders, World } from '../world/world.ts'
import { lasting, pickTarget, scopeOf, spare, usable } from './nemesis.ts'
import type { Complaint, Fault, Nemesis, NemesisContext } from './nemesis.ts'

/** What a node says when its disk failed it, or when it finds its data damaged. */
const diskWords =
  /EIO|ENOSPC|i\/o error|no space|disk|fsync|fdatasync|damaged|corrupt|checksum|truncated|LOG-|STORE-|LogBroken|LogDamaged|StoreBroken|MANIFEST|incomplete|segment|not of one node/i
/** After a failed call a node has so long to stop, ms. */
const stopDeadlineMs = 6_000
/** A damaged node either serves again by then or has said why not, ms. */
const startDeadlineMs = 20_000

/** Faults of the disks below running nodes, and of the data of stopped ones. */
export const diskNemeses: readonly Nemesis[] = [
  powerLoss('power-loss', 'D1: SIGKILL of one node; what it never synced is gone.', one, false),
  powerLoss(
    'power-loss-torn',
    'D2: SIGKILL of one node; of what it never synced a random part is left, with garbage at its end.',
    one,
    true,
  ),
  powerLoss(
    'power-loss-all',
    'X9: SIGKILL of all nodes at once; what they never synced is gone, or torn.',
    async ({ world }) => usable(world),
    'either',
  ),
  failing('fsync-error', 'D3: a sync of one node fails with EIO; it must stop.', (prng) => ({
    failSyncIn: 1 + prng.below(20),
  })),
  failing('write-error', 'D3: a write of one node fails with EIO; it must stop.', (prng) => ({
    failWriteIn: 1 + prng.below(20),
  })),
  failing('disk-full', 'D4: one node has no space left for a while; it must stop.', () => ({
    noSpace: true,
  })),
  {
    name: 'slow-fsync',
    says: 'D5: syncs of one node, often the busiest leader, take 50 to 1000 ms longer.',
    needs: ['disk'],
    async start(context) {
      const node = await pickTarget(context)
      const ms = 50 + context.prng.below(950)
      return lame(context.world, node, { syncDelayMs: ms }, 'slowedSyncs')
    },
  },
  {
    name: 'hung-fsync',
    says: 'D6: syncs of one node, often the busiest leader, do not return; others must lead.',
    needs: ['disk', 'processes'],
    start: hung,
  },
  damaging('flip-bit', 'D7: a bit of one stopped node’s data flips.', ['flip']),
  damaging('zero-sector', 'D7: a sector of one stopped node’s data is zeroed.', ['zero']),
  damaging('cut-file', 'D8: a file of one stopped node loses its end.', ['truncate']),
]

async function one(context: NemesisContext): Promise<readonly string[]> {
  return [await pickTarget(context)]
}

function powerLoss(
  name: string,
  says: string,
  pick: (context: NemesisContext) => Promise<readonly string[]>,
  torn: boolean | 'either',
): Nemesis {
  return {
    name,
    says,
    needs: ['disk', 'processes'],
    async start(context) {
      const { world, prng } = context
      const targets = await pick(context)
      await Promise.all(targets.map((node) => world.kill(node)))
      const lost: string[] = []
      for (const node of targets) {
        const isTorn = torn === 'either' ? prng.chance(0.5) : torn
        const { bytes, files } = (await world.disk(node)?.losePower(prng, isTorn)) ?? none
        lost.push(`${node} lost ${bytes} bytes of ${files} files${isTorn ? ', torn' : ''}`)
      }
      return {
        targets,
        scope: scopeOf(targets.length, world),
        how: { lost },
        effect: async () => lost.join('; '),
        stop: async () => {
          for (const node of targets) await world.restart(node)
        },
      }
    },
  }
}

const none = { bytes: 0, files: 0 }

/** A call fails, and the node has to stop by itself: going on with doubtful state breaks P11. */
function failing(name: string, says: string, order: (prng: Prng) => DiskOrders): Nemesis {
  return {
    name,
    says,
    needs: ['disk', 'processes'],
    async start(context) {
      const { world, prng } = context
      const node = await pickTarget(context)
      const disk = world.disk(node)
      if (!disk) return undefined
      const orders = order(prng)
      const before = failures(disk.counts)
      world.allowEnd(node, diskWords)
      disk.order(orders)
      const hits = (): number => failures(disk.counts) - before
      return {
        targets: [node],
        scope: scopeOf(1, world),
        how: { ...orders },
        async effect() {
          const end = world.endOf(node)
          return (
            end &&
            `${hits()} calls failed; ${node} stopped (${end.how}): ${end.words.slice(0, 300)}`
          )
        },
        complaint: () => wentOn(world, node, hits),
        async stop() {
          disk.order({})
          await world.kill(node)
          world.allowEnd(node, undefined)
          await world.restart(node)
        },
      }
    },
  }
}

async function wentOn(
  world: World,
  node: string,
  hits: () => number,
): Promise<Complaint | undefined> {
  if (hits() === 0) return undefined
  const deadline = performance.now() + stopDeadlineMs
  while (!world.endOf(node) && performance.now() < deadline) await sleep(100)
  if (world.endOf(node)) return undefined
  return { node, says: `${node} goes on after ${hits()} failed calls to its disk` }
}

function failures({ failedWrites, failedSyncs }: DiskCounts): number {
  return failedWrites + failedSyncs
}

/** The disk works, badly; nothing has to stop. */
function lame(
  world: World,
  node: string,
  orders: DiskOrders,
  counter: 'slowedSyncs' | 'hungSyncs',
): Fault | undefined {
  const disk = world.disk(node)
  if (!disk) return undefined
  const before = disk.counts[counter]
  disk.order(orders)
  return {
    targets: [node],
    scope: scopeOf(1, world),
    how: { ...orders },
    async effect() {
      const hits = disk.counts[counter] - before
      return hits > 0
        ? `${hits} syncs of ${node} ${counter === 'slowedSyncs' ? 'slow' : 'hung'}`
        : undefined
    },
    async stop() {
      disk.order({})
    },
  }
}

async function hung(context: NemesisContext): Promise<Fault | undefined> {
  const { world } = context
  const node = await pickTarget(context)
  const fault = lame(world, node, { hangSync: true }, 'hungSyncs')
  if (!fault) return undefined
  world.allowEnd(node, diskWords)
  return {
    ...fault,
    async complaint() {
      if ((await fault.effect()) === undefined) return undefined
      // A hung leader may need some time to give up.
      return lasting(async () => {
        const led = (await world.roles()).led.get(node) ?? 0
        if (led === 0) return undefined
        return { node, says: `${node} leads ${led} partitions though its disk does not answer` }
      }, stopDeadlineMs)
    },
    async stop() {
      await fault.stop()
      world.allowEnd(node, undefined)
      await world.restart(node)
    },
  }
}

/** A damaged node may stop, or repair itself; if it stops it is out, so there must be one to spare. */
function damaging(name: string, says: string, kinds: readonly DamageKind[]): Nemesis {
  return {
    name,
    says,
    needs: ['disk', 'processes'],
    costsNode: true,
    async start({ world, prng }) {
      if (spare(world) < 1) return undefined
      const node = prng.pick(usable(world))
      const disk = world.disk(node)
      if (!disk) return undefined
      return doubtfulReturn(world, node, diskWords, () => disk.damage(prng, prng.pick(kinds)))
    },
  }
}

/**
 * A node dies, `hurt` is done to what it remembers, and it is started again: it serves, or says with
 * one of `words` why not. `hurt` answers with what it did, if that is worth telling.
 */
export function doubtfulReturn(
  world: World,
  node: string,
  words: RegExp,
  hurt: () => Promise<string | undefined>,
): Fault {
  let effect: string | undefined
  return {
    targets: [node],
    scope: scopeOf(1, world),
    async carryOut() {
      await world.kill(node)
      const what = await hurt()
      const outcome = await restartDoubtful(world, node, words)
      effect = what === undefined ? outcome : `${what}; ${outcome}`
    },
    effect: async () => effect,
    stop: async () => undefined,
  }
}

/** For the rest of the run the node may stop with such words, and is out then: damage shows when it is read. */
export async function restartDoubtful(world: World, node: string, words: RegExp): Promise<string> {
  world.allowEnd(node, words, 'out')
  await world.restart(node)
  const deadline = performance.now() + startDeadlineMs
  while (performance.now() < deadline) {
    const end = world.endOf(node)
    if (end) return `${node} stopped (${end.how}): ${end.words.slice(0, 300)}`
    if (await world.isReady(node)) return `${node} serves`
    await sleep(100)
  }
  return `${node} neither serves nor stops`
}
