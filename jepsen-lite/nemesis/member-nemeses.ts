import { sleep } from '../sleep.ts'
import { ChangeRefused, majorityOf } from '../world/world.ts'
import type { Administrator, World } from '../world/world.ts'
import { cut } from './lost-majority.ts'
import { healLinks, pickTarget, scopeOf, usable } from './nemesis.ts'
import type { Complaint, Fault, Nemesis, NemesisContext, Scope } from './nemesis.ts'

/** Partitions must be where the table wants them before the next step; above, it goes on and tells so. ms */
const settleDeadlineMs = 60_000
const pollMs = 500
/** Joins and moves with a few partitions and little data. */
const storyMs = 25_000

/** What is done, told step by step: a change that the cluster refuses is told like one that it makes. */
interface Story {
  readonly admin: Administrator
  readonly world: World
  /** Rejects only when the world fails; a refusal is part of the story. */
  step<T>(what: string, change: () => Promise<T>): Promise<T | undefined>
  settle(): Promise<void>
  /** What was seen and is no change. */
  tell(what: string): void
  complain(node: string, says: string): void
}

/** Who belongs to the cluster changes, by an administrator’s commands, while clients work. */
export const memberNemeses: readonly Nemesis[] = [
  change(
    'join-leave',
    'M1: a node joins, and later another one leaves.',
    async (context, story) => {
      await joined(story)
      await story.settle()
      await removed(story, await pickTarget(context), false)
    },
  ),
  change(
    'replace',
    'M1: a node dies for good, is removed, and a new one joins.',
    async (context, story) => {
      const node = await pickTarget(context)
      await context.world.kill(node)
      await removed(story, node, true)
      await joined(story)
    },
    1,
  ),
  change(
    'remove-leader',
    'M2: the meta leader leaves, and a new node joins first.',
    async (context, story) => {
      await joined(story)
      const { metaLeader } = await context.world.roles()
      await removed(story, metaLeader ?? (await pickTarget(context)), false)
    },
  ),
  change(
    'remove-cut-off',
    'M2: a node that is cut off is removed, and comes back.',
    async (context, story) => {
      const { world, stepMs } = context
      await joined(story)
      await story.settle()
      const node = await pickTarget(context)
      cut(
        world,
        [node],
        world.nodes.filter((other) => other !== node),
      )
      await sleep(stepMs)
      await removed(story, node, true, () => healLinks(world))
    },
    1,
  ),
  change(
    're-add',
    'M7: a removed node comes back, with its old disk and then with an empty one under a new token.',
    async (context, story) => {
      await joined(story)
      await story.settle()
      const node = await pickTarget(context)
      await removed(story, node, false)
      if (context.world.nodes.includes(node)) return
      const { refused, served, words } = await story.admin.comeBack(node)
      story.tell(`with its old disk ${node} ${refused ? 'refused' : 'did not refuse'}: ${words}`)
      if (served === true)
        story.complain(node, `${node} was let in with the disk of its earlier life`)
      const back = await story.step(`${node} joined with an empty disk`, () =>
        story.admin.join(node),
      )
      if (back === undefined) story.complain(node, `${node} was not let in with an empty disk`)
    },
  ),
  change(
    'two-administrators',
    'M3: changes that contradict each other are asked for at once.',
    async (context, story) => {
      const [a = '', b = ''] = context.prng.shuffled(usable(context.world))
      const { admin } = story
      await Promise.all([
        story.step(`drain ${a}`, () => admin.drain(a)),
        story.step(`activate ${a}`, () => admin.activate(a)),
        story.step(`drain ${b}`, () => admin.drain(b)),
      ])
      for (const node of [a, b]) await activated(story, node)
    },
  ),
  change(
    'kill-in-change',
    'M4: while a node joins, the leader that moves most dies, and then the new node.',
    async (context, story) => {
      const { world, stepMs } = context
      const node = await joined(story)
      await bounce(context, await pickTarget(context))
      await sleep(stepMs)
      if (node !== undefined) await bounce(context, node)
      await story.settle()
      if (node !== undefined) await removed(story, world.nodes.includes(node) ? node : '', false)
    },
    1,
  ),
  change(
    'rebalance',
    'M5: a node gives up its partitions, and takes them back half way.',
    async (context, story) => {
      const node = await pickTarget(context)
      await story.step(`drain ${node}`, () => story.admin.drain(node))
      await sleep(context.stepMs * context.prng.between(0.2, 1))
      await activated(story, node)
    },
  ),
  change(
    'grow-shrink',
    'M6: two nodes join, one after the other, and two leave.',
    async (context, story) => {
      for (let i = 0; i < 2; i++) {
        await joined(story)
        await story.settle()
      }
      for (let i = 0; i < 2; i++) {
        await removed(story, context.prng.pick(usable(context.world)), false)
        await story.settle()
      }
    },
  ),
  change(
    'flood',
    'M8: leadership is sent to and fro, to a node that has just died as well.',
    async (context, story) => {
      const { world, prng, stepMs } = context
      const { admin } = story
      for (let i = 0; i < 3; i++) {
        const [a = '', b = ''] = prng.shuffled(usable(world))
        await story.step(`drain ${a}`, () => admin.drain(a))
        if (i === 1) await bounce(context, b)
        await sleep(stepMs / 5)
        await story.step(`activate ${a}`, () => admin.activate(a))
      }
    },
    1,
  ),
  change(
    'remove-under-fire',
    'X4: a node is removed, the rest is parted, a majority is killed and started again.',
    async (context, story) => {
      const { world, prng, stepMs } = context
      await joined(story)
      await story.settle()
      const leaving = await pickTarget(context)
      const going = removed(story, leaving, false)
      const rest = prng.shuffled(world.nodes.filter((node) => node !== leaving))
      cut(world, rest.slice(0, 1), rest.slice(1))
      await sleep(stepMs)
      const killed = rest.slice(0, majorityOf(rest.length))
      for (const node of killed) await world.kill(node)
      healLinks(world)
      for (const node of killed) await world.restart(node)
      await going
    },
    'majority',
  ),
  change(
    'move-under-fire',
    'X8: while partitions move to a new node, the node that gives most and the new one die.',
    async (context, story) => {
      const { world, stepMs } = context
      const from = await pickTarget(context)
      const node = await joined(story)
      await story.step(`drain ${from}`, () => story.admin.drain(from))
      await sleep(stepMs / 5)
      await world.kill(from)
      if (node !== undefined) await world.kill(node)
      await sleep(stepMs)
      for (const name of [from, node]) if (name !== undefined) await world.restart(name)
      await activated(story, from)
      await story.settle()
      if (node !== undefined) await removed(story, node, false)
    },
    'majority',
  ),
]

function change(
  name: string,
  says: string,
  tell: (context: NemesisContext, story: Story) => Promise<void>,
  /** Nodes that are down at times. */
  lost: number | Scope = 0,
): Nemesis {
  return {
    name,
    says,
    needs: ['members', ...(lost === 0 ? [] : (['processes', 'links'] as const))],
    costsNode: true,
    lastsMs: storyMs,
    async start(context): Promise<Fault | undefined> {
      const { world } = context
      const admin = world.administrator
      // A dead member would make every change wait for it.
      if (!admin || world.out.size > 0 || usable(world).length < 3) return undefined
      const steps: Steps = { told: [], changes: 0, complaint: undefined }
      const story = storyOf(world, admin, steps)
      return {
        targets: usable(world),
        scope: typeof lost === 'number' ? scopeOf(lost, world) : lost,
        async carryOut() {
          await tell(context, story)
          await story.settle()
        },
        effect: async () => (steps.changes === 0 ? undefined : steps.told.join('; ')),
        needsTheRest: true,
        complaint: async () => steps.complaint,
        async stop() {
          healLinks(world)
          for (const node of usable(world)) await world.restart(node)
        },
      }
    },
  }
}

interface Steps {
  readonly told: string[]
  /** That the cluster made. If it refuses all, the fault has had no effect. */
  changes: number
  complaint: Complaint | undefined
}

function storyOf(world: World, admin: Administrator, steps: Steps): Story {
  return {
    admin,
    world,
    tell: (what) => void steps.told.push(what),
    complain: (node, says) => void (steps.complaint = { node, says }),
    async step(what, doing) {
      try {
        const result = await doing()
        steps.told.push(what)
        steps.changes++
        return result
      } catch (error) {
        if (!(error instanceof ChangeRefused)) throw error
        steps.told.push(`${what} was refused (${error.message})`)
        return undefined
      }
    },
    async settle() {
      const deadline = performance.now() + settleDeadlineMs
      while (performance.now() < deadline) {
        if (await isSettled(admin)) return
        await sleep(pollMs)
      }
      steps.told.push(`not settled within ${settleDeadlineMs / 1000} s`)
    },
  }
}

async function isSettled(admin: Administrator): Promise<boolean> {
  try {
    return await admin.settled()
  } catch (error) {
    if (error instanceof ChangeRefused) return false
    throw error
  }
}

async function joined(story: Story): Promise<string | undefined> {
  return story.step('a node joined', () => story.admin.join())
}

/** `between`: once it is no member, and before its process is ended. */
async function removed(
  story: Story,
  node: string,
  dead: boolean,
  between?: () => void,
): Promise<void> {
  if (node === '') return
  await story.step(`${node} removed${dead ? ' as dead' : ''}`, () =>
    story.admin.remove(node, { dead }),
  )
  between?.()
}

/** Insists for a while: a node that drains for ever would change what the rest of the run is about. */
async function activated(story: Story, node: string): Promise<void> {
  const deadline = performance.now() + settleDeadlineMs / 2
  const attempt = async (): Promise<void> => {
    for (;;)
      try {
        return await story.admin.activate(node)
      } catch (error) {
        if (!(error instanceof ChangeRefused) || performance.now() > deadline) throw error
        await sleep(pollMs)
      }
  }
  await story.step(`activate ${node}`, attempt)
}

async function bounce({ world, stepMs }: NemesisContext, node: string): Promise<void> {
  await world.kill(node)
  await sleep(stepMs / 2)
  await world.restart(node)
}
