import type { ChaosRun } from './chaos-run.ts'
import type { Dice } from './chaos-time.ts'

export type Fault = (run: ChaosRun, dice: Dice) => void

function kill({ world, note }: ChaosRun, dice: Dice): void {
  if (world.living.length < 2) return
  const { index } = dice.pick(world.living)
  note(`kill ${index}`)
  world.kill(index)
  world.time.after(50 + dice.below(2_500), () => {
    note(`boot ${index}`)
    if (world.nodes.get(index)?.up === false) void world.boot(index)
  })
}

function cut({ world, note }: ChaosRun, dice: Dice): void {
  const [a, b] = [1 + dice.below(world.count), 1 + dice.below(world.count)]
  if (a === b) return
  const both = dice.chance(50)
  note(`cut ${a} ${b} ${both}`)
  world.links.sever(a, b)
  if (both) world.links.sever(b, a)
  world.time.after(dice.below(2_500), () => {
    world.links.cut.delete(`${a} ${b}`)
    world.links.cut.delete(`${b} ${a}`)
  })
}

/** A connection breaks and is dialled anew at once. */
function reset({ world, note }: ChaosRun, dice: Dice): void {
  const [a, b] = [1 + dice.below(world.count), 1 + dice.below(world.count)]
  if (a === b) return
  note(`reset ${a} ${b}`)
  world.links.break(a, b)
}

function elect({ world, note }: ChaosRun, dice: Dice): void {
  const group = dice.pick(world.groups)
  const { index } = dice.pick(world.living)
  note(`elect ${index} for ${group.id}`)
  group.elect(index)
}

function stall({ world, note }: ChaosRun, dice: Dice): void {
  const group = dice.pick(world.groups)
  note(`stall ${group.id}`)
  group.stalled = true
  world.time.after(dice.below(1_200), () => {
    group.stalled = false
    group.commit()
  })
}

/** A handover begins, and comes to nothing. */
function transfer({ world, note }: ChaosRun, dice: Dice): void {
  const group = dice.pick(world.groups)
  const { leader } = group
  if (leader === undefined) return
  note(`transfer ${group.id}`)
  leader.transferring = true
  world.time.after(dice.below(500), () => {
    leader.transferring = false
  })
}

function lag({ world, note }: ChaosRun, dice: Dice): void {
  const node = dice.pick(world.living)
  note(`lag ${node.index}`)
  node.store.lag = 5 + dice.below(150)
  world.time.after(dice.below(2_000), () => {
    node.store.lag = 0
  })
}

/** What somebody led once is said again. */
function repeatLeads({ world, said }: ChaosRun, dice: Dice): void {
  const { index, hub } = dice.pick(world.living)
  said.push([index, hub.desk.leads])
  const [from, leads] = dice.pick(said)
  const to = dice.pick(world.living)
  if (to.index !== from)
    world.time.after(dice.below(30), () => to.up && to.receive(from, [37, leads]))
}

function slow({ world }: ChaosRun, dice: Dice): void {
  world.links.slow = dice.below(400)
  world.time.after(dice.below(2_000), () => {
    world.links.slow = 0
  })
}

export const faults: Readonly<Record<string, Fault>> = {
  kill,
  cut,
  reset,
  elect,
  stall,
  transfer,
  lag,
  repeatLeads,
  slow,
}
