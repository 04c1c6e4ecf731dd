import { execFile } from 'node:child_process'
import { sleep } from '../sleep.ts'
import { ChangeRefused } from './world.ts'
import type { Administrator, ImpostorEnd } from './world.ts'

/** What the administrator needs of the world whose members it changes. */
export interface Membership {
  /** A node that is not there yet: started with these arguments of `serve`, and led through proxies. */
  add(name: string, how: (addresses: JoinAddresses) => readonly string[]): Promise<JoiningNode>
  /** From now on the node may end by itself: the cluster tells it to. */
  letGo(name: string): void
  /** The process is gone, and the node no longer in `World.nodes`. */
  forget(name: string): Promise<void>
  /** The server of one that was forgotten, once more. */
  comeBack(name: string): Promise<ImpostorEnd>
  /** Admin addresses of members, those that serve first, and `last` last. */
  admins(last?: string): Promise<string[]>
}

export interface JoinAddresses {
  readonly peer: string
  readonly client: string
  readonly admin: string
  readonly data: string
}

export interface JoiningNode {
  isReady(): Promise<boolean>
  /** Undefined while it runs. */
  end(): string | undefined
}

/** Of `nodes --json`, what is read here. */
interface NodesReport {
  readonly nodes: readonly { readonly name: string }[]
  readonly moving: number
}

const commandDeadlineMs = 90_000
const joinDeadlineMs = 90_000
/** A removal is asked for again for so long. */
const insistMs = 45_000
const pollMs = 200

/** Does what a person would do with the command line of the server. */
export class LocalAdministrator implements Administrator {
  readonly #program: string
  readonly #secretFile: string
  readonly #members: Membership
  #joined: number
  #hasChanged = false

  /** `founders`: so many names are taken. */
  constructor(options: {
    program: string
    secretFile: string
    members: Membership
    founders: number
  }) {
    this.#program = options.program
    this.#secretFile = options.secretFile
    this.#members = options.members
    this.#joined = options.founders
  }

  async join(as?: string): Promise<string> {
    const name = as ?? `n${++this.#joined}`
    const { token } = JSON.parse(await this.#run(['token', 'new', '--json'])) as { token: string }
    const doors = (await this.#members.admins()).slice(0, 3).flatMap((admin) => ['--join', admin])
    const node = await this.#members.add(name, ({ peer, client, admin, data }) => [
      ...doors,
      ...flags({ token, name, data, peer, client, admin }),
    ])
    const deadline = performance.now() + joinDeadlineMs
    while (!(await node.isReady())) {
      const end = node.end()
      if (end === undefined && performance.now() < deadline) {
        await sleep(pollMs)
        continue
      }
      await this.#members.forget(name)
      throw new ChangeRefused(`${name} could not join: ${end ?? 'it is not ready in time'}`)
    }
    return name
  }

  comeBack(node: string): Promise<ImpostorEnd> {
    return this.#members.comeBack(node)
  }

  async drain(node: string): Promise<void> {
    await this.#run(['nodes', 'drain', node], node)
  }

  async activate(node: string): Promise<void> {
    await this.#run(['nodes', 'activate', node], node)
  }

  async remove(node: string, { dead }: { readonly dead: boolean }): Promise<void> {
    this.#members.letGo(node)
    const deadline = performance.now() + insistMs
    for (;;)
      try {
        await this.#run(['nodes', 'remove', node, ...(dead ? ['--dead'] : [])], node)
        break
      } catch (error) {
        if (!(error instanceof ChangeRefused)) throw error
        // The node that was asked may have died meanwhile, before the change was made or after.
        if ((await this.#isMember(node)) === false) break
        if (performance.now() > deadline) throw error
        await sleep(pollMs)
      }
    await this.#members.forget(node)
  }

  /** Undefined: nobody could tell. */
  async #isMember(node: string): Promise<boolean | undefined> {
    try {
      const { nodes } = JSON.parse(await this.#run(['nodes', '--json'], node)) as NodesReport
      return nodes.some(({ name }) => name === node)
    } catch (error) {
      if (error instanceof ChangeRefused) return undefined
      throw error
    }
  }

  /** Nothing is on its way, as far as we changed anything. */
  async isIdle(): Promise<boolean> {
    if (!this.#hasChanged) return true
    try {
      return await this.settled()
    } catch (error) {
      if (error instanceof ChangeRefused) return false
      throw error
    }
  }

  async settled(): Promise<boolean> {
    const report = JSON.parse(await this.#run(['nodes', '--json'])) as NodesReport
    return report.moving === 0
  }

  /** Through any node that answers, `about` being the last to ask: it may end in the middle of it. */
  async #run(command: readonly string[], about?: string): Promise<string> {
    this.#hasChanged = true
    const [admin = ''] = await this.#members.admins(about)
    const where = ['--admin', admin, '--secret-file', this.#secretFile]
    return new Promise((resolve, reject) => {
      execFile(
        process.execPath,
        [this.#program, ...command, ...where],
        { timeout: commandDeadlineMs },
        (error, told, complaint) => {
          const says = complaint.trim().split('\n').at(-1) ?? ''
          if (error) reject(new ChangeRefused(`${command.join(' ')}: ${says || error.message}`))
          else resolve(told)
        },
      )
    })
  }
}

function flags(values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => [`--${name}`, value])
}
