import { expect, test } from 'vitest'
import { CouldNotRun } from '../../jepsen-lite/could-not-run.ts'
import { HistoryWriter } from '../../jepsen-lite/history.ts'
import { History } from '../../jepsen-lite/operations.ts'
import { Prng } from '../../jepsen-lite/prng.ts'
import { admin } from '../../jepsen-lite/workload/admin.ts'
import { Load } from '../../jepsen-lite/workload/load.ts'
import type { WorkloadContext } from '../../jepsen-lite/workload/workload.ts'
import { ChangeRefused } from '../../jepsen-lite/world/world.ts'
import type { Administrator, ImpostorEnd } from '../../jepsen-lite/world/world.ts'
import { ToyWorld } from './toy-world.ts'

/** Notes what is asked; every third change is refused, and the first look finds things on their way. */
class ToyAdministrator implements Administrator {
  readonly asked: string[] = []
  readonly #world: ToyWorld
  #looks = 0

  constructor(world: ToyWorld) {
    this.#world = world
  }

  async join(): Promise<string> {
    this.#ask('join')
    const name = `n${this.asked.length + 100}`
    membersOf(this.#world).push(name)
    return name
  }

  async drain(node: string): Promise<void> {
    this.#ask(`drain ${node}`)
  }

  async activate(node: string): Promise<void> {
    this.#ask(`activate ${node}`)
  }

  async remove(node: string, { dead }: { dead: boolean }): Promise<void> {
    expect(this.#world.down.has(node)).toBe(dead)
    this.#ask(`remove ${node}`)
    const members = membersOf(this.#world)
    members.splice(members.indexOf(node), 1)
  }

  async comeBack(node: string): Promise<ImpostorEnd> {
    throw new Error(`${node} is left where it is`)
  }

  async settled(): Promise<boolean> {
    return ++this.#looks % 2 === 0
  }

  #ask(what: string): void {
    this.asked.push(what)
    if (this.asked.length % 3 === 0) throw new ChangeRefused('not now')
  }
}

function membersOf({ nodes }: ToyWorld): string[] {
  return nodes as string[]
}

class ChangingWorld extends ToyWorld {
  override readonly administrator = new ToyAdministrator(this)
}

function contextOf(world: ToyWorld): WorkloadContext {
  return {
    world,
    history: new HistoryWriter(),
    prng: new Prng(3),
    rate: 50,
    lanes: 2,
    load: new Load({ rate: 50, lanes: 2, mayBurst: false }),
    topics: 1,
    callDeadlineMs: 1_000,
  }
}

test('members change beside publishing, and everybody is active in the end', async () => {
  const world = new ChangingWorld(3)
  await world.start()
  const context = contextOf(world)
  const prepared = await admin.prepare(context)
  await prepared.run(performance.now() + 6_000)
  await prepared.finish(2_000)
  await world.stop()
  const history = new History(context.history.ops)
  expect(history.named('publish').length).toBeGreaterThan(10)
  expect(history.named('settle').at(-1)?.outcome).toBe('ok')
  const changes = ['join', 'drain', 'activate', 'remove'].flatMap((f) => history.named(f))
  expect(changes.length).toBe(world.administrator.asked.length)
  const refused = changes.filter((change) => change.outcome === 'info')
  expect(refused.length).toBe(Math.floor(changes.length / 3))
  const of = (word: string): number =>
    changes.filter(({ invoke, outcome }) => invoke.f === word && outcome === 'ok').length
  expect(world.nodes.length).toBe(3 + of('join') - of('remove'))
  expect(of('drain')).toBeLessThanOrEqual(of('activate') + of('remove'))
})

test('a world whose members cannot be changed: could not run', async () => {
  const world = new ToyWorld(3)
  Reflect.deleteProperty(world, 'administrator')
  await expect(admin.prepare(contextOf(world))).rejects.toBeInstanceOf(CouldNotRun)
})
