import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { OpDraft } from '../op.ts'
import type { LinkProxy } from '../proxy/link-proxy.ts'
import { AdminView } from './admin-view.ts'
import { ClockFile } from './clock-file.ts'
import type { NodeAddresses } from './cluster-config.ts'
import { logProblems } from './log-problems.ts'
import type { Allowed } from './log-problems.ts'
import { MachineView } from './machine-view.ts'
import { NodeProcess } from './node-process.ts'
import { ShimmedDisk } from './shimmed-disk.ts'
import type { NodeEnd } from './world.ts'

export interface LocalNodeOptions {
  readonly addresses: NodeAddresses
  /** Of `node`: modules to load first, the server's program and its arguments. */
  readonly command: readonly string[]
  readonly data: string
  /** The harness's own notes about this node. */
  readonly notes: string
  readonly logFile: string
  readonly clientProxy: LinkProxy
  /** Libraries to load in front of the server; undefined: without that kind of fault. */
  readonly diskShim: string | undefined
  readonly faketime: string | undefined
  readonly environment: Readonly<Record<string, string>>
  /** A removed node whose name and place this one takes. */
  readonly after?: LocalNode
}

const adminDeadlineMs = 1_000
/** Lines that a node leaves behind when it ends. */
const lastLines = 6

/** One node of the local world: its process, its doors, its disk and its clock. */
export class LocalNode {
  readonly name: string
  readonly addresses: NodeAddresses
  readonly process: NodeProcess
  readonly view: AdminView
  readonly machine: MachineView
  readonly clientProxy: LinkProxy
  readonly disk: ShimmedDisk | undefined
  readonly clock: ClockFile | undefined
  readonly data: string
  readonly #logFile: string
  readonly #redirects: string
  readonly #stall: string
  readonly #allowed: Allowed[] = []
  /** For the rest of the run it may end with one of these. */
  readonly #always: RegExp[] = []
  /** While a fault lasts it may end with these, too. */
  #meanwhile: RegExp | undefined
  #isForGood = false
  readonly #life: number

  constructor(options: LocalNodeOptions) {
    const { addresses, command, data, notes, logFile, diskShim, faketime } = options
    mkdirSync(notes, { recursive: true })
    this.name = addresses.name
    this.addresses = addresses
    this.data = data
    this.clientProxy = options.clientProxy
    this.view = new AdminView(addresses.admin, adminDeadlineMs)
    this.machine = new MachineView(addresses.admin)
    this.#logFile = logFile
    this.#life = (options.after?.life ?? 0) + 1
    // What the one before wrote into the same log is held against that one.
    if (options.after) this.#allowed.push({ from: 0, to: this.#logSize(), words: /^/ })
    this.#redirects = join(notes, 'redirects.json')
    this.#stall = join(notes, 'stall')
    if (diskShim !== undefined)
      this.disk = new ShimmedDisk({ shim: diskShim, data, notes: join(notes, 'disk') })
    if (faketime !== undefined) this.clock = new ClockFile(join(notes, 'clock'))
    const preloads = [diskShim, faketime].filter((path) => path !== undefined).join(':')
    this.process = new NodeProcess({
      command,
      environment: {
        ...options.environment,
        JEPSEN_LITE_REDIRECT: this.#redirects,
        JEPSEN_LITE_STALL: this.#stall,
        ...this.disk?.environment,
        ...this.clock?.environment,
        ...(preloads !== '' && { LD_PRELOAD: preloads }),
      },
      logFile,
      isAllowed: () => this.#words()?.test(this.lastWords()) === true,
    })
  }

  /** True address of another node → port of the proxy that leads there; for connections from now on. */
  setRedirects(redirects: Readonly<Record<string, number>>): void {
    mkdirSync(dirname(this.#redirects), { recursive: true })
    writeFileSync(this.#redirects, JSON.stringify(redirects))
  }

  /** Of this name; with each removal and return there is one more. */
  get life(): number {
    return this.#life
  }

  /** Another one whenever the data is not what the node left there; undefined while it is what it always was. */
  get dataLife(): string | number | undefined {
    const own = this.disk?.dataLife
    return this.#life === 1 ? own : `${this.#life}.${own ?? 1}`
  }

  stall(ms: number): void {
    writeFileSync(this.#stall, String(ms))
    this.process.stall()
  }

  get end(): NodeEnd | undefined {
    const how = this.process.lastEnd
    return how === undefined ? undefined : { how, words: this.lastWords() }
  }

  /** It ended as it was allowed to, for good. */
  get isLost(): boolean {
    return this.#isForGood && this.process.lastEnd !== undefined && !this.process.isRunning
  }

  /** `isForGood`: for the rest of the run, and it is lost then. Else until the next word about it. */
  allowEnd(words: RegExp | undefined, isForGood: boolean): void {
    if (words && isForGood) {
      this.#isForGood = true
      this.#always.push(words)
    } else this.#meanwhile = words
    this.#allowFromNow()
  }

  /** It is being removed, and may say so when it ends, whatever else happens to it meanwhile. */
  allowFarewell(words: RegExp): void {
    this.#always.push(words)
    this.#allowFromNow()
  }

  /** What it said last; of a node that stopped itself, why. */
  lastWords(): string {
    const text = existsSync(this.#logFile) ? readFileSync(this.#logFile, 'utf8').trimEnd() : ''
    if (text === '') return 'its log is empty'
    const lines = text.split('\n').slice(-lastLines)
    const error = lines.flatMap((line) => errorOf(line) ?? []).at(-1)
    return error ?? lines.join(' | ')
  }

  logFacts(): OpDraft[] {
    return logProblems(this.name, this.#logFile, this.process.surprises, this.#allowed)
  }

  async close(): Promise<void> {
    await this.process.close()
    this.disk?.close()
    await this.clientProxy.close()
  }

  #words(): RegExp | undefined {
    const all = this.#meanwhile ? [...this.#always, this.#meanwhile] : this.#always
    return all.length === 0 ? undefined : new RegExp(all.map(({ source }) => source).join('|'), 'i')
  }

  #allowFromNow(): void {
    const size = this.#logSize()
    const last = this.#allowed.at(-1)
    if (last && last.to === Infinity)
      this.#allowed[this.#allowed.length - 1] = { ...last, to: size }
    const words = this.#words()
    if (words) this.#allowed.push({ from: size, to: Infinity, words })
  }

  #logSize(): number {
    return existsSync(this.#logFile) ? statSync(this.#logFile).size : 0
  }
}

function errorOf(line: string): string | undefined {
  if (!line.startsWith('{') || !line.includes('"level":"error"')) return undefined
  const { error, msg, stack } = JSON.parse(line) as Partial<
    Record<'error' | 'msg' | 'stack', string>
  >
  const kind = stack === undefined ? '' : `; ${stack.split(':')[0]}`
  return error === undefined ? msg : `${error} (${msg}${kind})`
}
