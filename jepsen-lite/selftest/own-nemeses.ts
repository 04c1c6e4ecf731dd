import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { doubtfulReturn, restartDoubtful } from '../nemesis/disk-nemeses.ts'
import { cut } from '../nemesis/lost-majority.ts'
import { healLinks, pickTarget, scopeOf, spare, usable } from '../nemesis/nemesis.ts'
import type { Fault, Nemesis, NemesisContext } from '../nemesis/nemesis.ts'
import type { Prng } from '../prng.ts'
import { sleep } from '../sleep.ts'
import { filesBelow } from '../world/power-loss.ts'
import { leftBehind } from './left-behind.ts'

/** What a node says when it finds its log damaged. */
const damageWords = /damaged|corrupt|gap|GroupDamaged|LogDamaged/i
const wipedWords = /wiped|emptied/i
const anyWords = /(?:)/

/** Faults that are aimed better than those of the registry. `nodes`: folder of the nodes' data folders. */
export function ownNemeses(nodes: string): readonly Nemesis[] {
  return [
    {
      name: 'crash-in-apply',
      says: 'one node dies where committed rows are about to be written.',
      needs: ['processes'],
      start: crashInApply,
    },
    {
      name: 'flip-in-log',
      says: 'one node loses power, and a bit in the middle of its log flips: it has to read all of that again.',
      needs: ['disk', 'processes'],
      costsNode: true,
      start: (context) => flipInLog(context, nodes),
    },
    {
      name: 'forgotten-owner',
      says: 'a leader is cut off and stands still until others lead, then goes on, still cut off: it takes a while to notice.',
      needs: ['links', 'pauses'],
      start: forgottenOwner,
    },
    leftBehind,
    {
      name: 'wiped-voter',
      says: 'one node is cut off; of the two that go on one is emptied, and joins the first to be a majority.',
      needs: ['disk', 'processes', 'links'],
      costsNode: true,
      start: wipedVoter,
    },
  ]
}

async function crashInApply(context: NemesisContext): Promise<Fault> {
  const { world, prng } = context
  const node = await pickTarget(context)
  const passage = 60 + prng.below(60)
  return {
    targets: [node],
    scope: scopeOf(1, world),
    how: { passage },
    async carryOut() {
      await world.kill(node)
      world.allowEnd(node, anyWords)
      await world.restart(node, `crash:before-apply:${passage}`)
    },
    effect: async () => world.endOf(node) && `${node} died at passage ${passage} of before-apply`,
    async stop() {
      await world.kill(node)
      world.allowEnd(node, undefined)
      await world.restart(node)
    },
  }
}

async function forgottenOwner(context: NemesisContext): Promise<Fault | undefined> {
  const { world, stepMs } = context
  const node = await pickTarget(context)
  const before = (await world.roles()).led.get(node) ?? 0
  return {
    targets: [node],
    scope: scopeOf(1, world),
    async carryOut() {
      // Not a cut: the node must not be told by its sockets.
      for (const other of usable(world))
        for (const link of [world.link(node, other), world.link(other, node)])
          link?.setFault({ kind: 'blackhole' })
      await world.pause(node)
      await sleep(stepMs)
      await world.resume(node)
    },
    effect: async () => `${node} led ${before} partitions when it was stopped`,
    stop: async () => healLinks(world),
  }
}

/** What the two others acknowledged meanwhile, the new majority has never heard of, if it is one. */
async function wipedVoter({ world, prng, stepMs }: NemesisContext): Promise<Fault | undefined> {
  const [behind, emptied, rest] = prng.shuffled(usable(world))
  if (behind === undefined || emptied === undefined || rest === undefined) return undefined
  let effect: string | undefined
  return {
    targets: [emptied, rest],
    scope: 'majority',
    how: { behind, emptied, cutOff: rest },
    async carryOut() {
      cut(world, [behind], [emptied, rest])
      await sleep(stepMs)
      await world.kill(emptied)
      await world.disk(emptied)?.wipe()
      healLinks(world)
      cut(world, [rest], [behind, emptied])
      effect = await restartDoubtful(world, emptied, wipedWords)
    },
    effect: async () => effect,
    stop: async () => healLinks(world),
  }
}

async function flipInLog(
  { world, prng }: NemesisContext,
  nodes: string,
): Promise<Fault | undefined> {
  if (spare(world) < 1) return undefined
  const node = prng.pick(usable(world))
  return doubtfulReturn(world, node, damageWords, async () => {
    await world.disk(node)?.losePower(prng, false)
    return flipBit(join(nodes, node, 'log'), prng)
  })
}

/** A bit of the middle half of what was written to a segment: never its head, seldom its torn end. */
function flipBit(folder: string, prng: Prng): string {
  const segments = filesBelow(folder)
    .filter((path) => path.endsWith('.seg'))
    .map((path) => ({ path, bytes: readFileSync(path) }))
  const longest = segments.toSorted((a, b) => written(b.bytes) - written(a.bytes))[0]
  if (!longest) return 'there was no segment'
  const { path, bytes } = longest
  const end = written(bytes)
  const at = Math.floor(end / 4) + prng.below(Math.max(1, Math.floor(end / 2)))
  bytes[at] = (bytes[at] ?? 0) ^ (1 << prng.below(8))
  writeFileSync(path, bytes)
  return `a bit of byte ${at} of ${end} of ${path.slice(folder.length + 1)} flipped`
}

function written(bytes: Buffer): number {
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === 0) end--
  return end
}
