import { BrokenInvariant } from '../../../src/assert.ts'
import type { ConfChange, ConfChangeStep } from '../../../src/raft/confchange.ts'
import {
  describeConf,
  describeEntry,
  describeMessage,
  describeProgress,
  describeReady,
  describeStatus,
} from '../../../src/raft/describe.ts'
import type { Entry } from '../../../src/raft/entry.ts'
import type { Message } from '../../../src/raft/message.ts'
import { Group, confOf, text } from './group.ts'
import type { Member, MemberConfig } from './member.ts'
import { usualConfig } from './member.ts'
import { always } from './random.ts'
import { parseConf, parseMessage } from './script-words.ts'

/*
 * A script is a list of blocks: command lines, `----`, what they print, an empty line. Lines that
 * begin with # are kept as they are. Member n draws n - 1 from its random numbers, so that
 * election timeouts are electionTick, electionTick + 1, … ticks.
 */

type Words = readonly string[]

/** Runs every block of `script` and returns it with what was really printed. */
export function runScript(script: string, mutant?: string): string {
  const world = new ScriptWorld(mutant)
  const blocks = script.replace(/\n+$/, '').split(/\n{2,}/)
  return blocks.map((block) => runBlock(world, block)).join('\n\n') + '\n'
}

function runBlock(world: ScriptWorld, block: string): string {
  const lines = block.split('\n')
  const end = lines.indexOf('----')
  const input = end < 0 ? lines : lines.slice(0, end)
  const commands = input.filter((line) => !line.startsWith('#'))
  if (commands.length === 0) return block
  const printed = commands.flatMap((line) => world.run(line))
  return [...input, '----', ...(printed.length > 0 ? printed : ['ok'])].join('\n')
}

class ScriptWorld {
  readonly #mutant: string | undefined
  #group = new Group(always(0))
  #config: Partial<MemberConfig> = {}

  constructor(mutant: string | undefined) {
    this.#mutant = mutant
  }

  run(line: string): string[] {
    const [verb = '', ...words] = line.split(/\s+/)
    const command = this.#commands[verb]
    if (command === undefined) throw new Error(`no such command: ${line}`)
    try {
      return command(words) ?? []
    } catch (error) {
      if (error instanceof BrokenInvariant) return [error.message]
      throw error
    }
  }

  readonly #commands: Record<string, (words: Words) => string[] | void> = {
    /** group <count> [option=value …] */
    group: ([count, ...options]) => {
      this.#group = new Group(always(0))
      this.#config = parseOptions(options)
      if (this.#mutant !== undefined) this.#config = { ...this.#config, mutant: this.#mutant }
      const voters = Array.from({ length: Number(count) }, (_, i) => i + 1)
      for (const id of voters) this.#add(id, confOf(voters))
    },
    /** add <id> [voters a b … learners c …]: a member that starts with these members. */
    add: ([id, ...conf]) => this.#add(Number(id), parseConf(conf)),
    campaign: ([id]) => this.#on(id, ({ raft }) => raft.campaign()),
    tick: ([id, count]) => this.#each(id, (member) => this.#group.tick(member, Number(count ?? 1))),
    propose: ([id, ...words]) => {
      const { raft } = this.#member(id)
      return words.map((word) => result(raft.propose(text(word === '-' ? '' : word))))
    },
    /** change <id> +4 ~5 -1 [joint-implicit | joint-explicit], change <id> leave */
    change: ([id, ...words]) => [
      result(this.#member(id).raft.proposeConfChange(parseChange(words))),
    ],
    transfer: ([id, to]) => this.#on(id, ({ raft }) => raft.transferLeader(Number(to))),
    forget: ([id]) => this.#on(id, ({ raft }) => raft.forgetLeader()),
    'link-lost': ([id, to]) => this.#on(id, ({ raft }) => raft.linkLost(Number(to))),
    unreachable: ([id, to]) => this.#on(id, ({ raft }) => raft.reportUnreachable(Number(to))),
    'snapshot-sent': ([id, to, how]) =>
      this.#on(id, ({ raft }) => raft.reportSnapshot(Number(to), how === 'ok')),
    read: ([id, context]) => {
      this.#group.checker.asked(Number(context), this.#group.members)
      const { error } = this.#member(id).raft.readIndex(Number(context))
      return error === undefined ? [] : [error]
    },
    /** step <to> <kind> from=… term=… …: a message made by hand. */
    step: ([to, kind, ...rest]) => this.#group.deliver(parseMessage(Number(to), kind, rest)),
    take: ([id]) => this.#each(id, (member) => this.#take(member)),
    store: ([id]) => this.#each(id, (member) => this.#store(member)),
    apply: ([id, count]) =>
      this.#each(id, (member) =>
        this.#apply(member, count === undefined ? Infinity : Number(count)),
      ),
    /** deliver | drop | repeat [from→to] [kind] */
    deliver: (words) => this.#pull(words).flatMap((m) => this.#deliver(m)),
    drop: (words) => this.#pull(words).map((m) => `drop ${describeMessage(m)}`),
    repeat: (words) => this.#match(words).flatMap((m) => this.#deliver(m)),
    network: () => this.#group.network.map(describeMessage),
    /** settle [quiet]: everything works until nothing moves. */
    settle: ([how]) => {
      const printed = this.#settle()
      return how === 'quiet' ? [] : printed
    },
    /** cut <from→to>: one direction only. */
    cut: ([link = '']) => void this.#group.cut.add(link),
    isolate: ([id]) => this.#group.isolate(Number(id)),
    heal: () => this.#group.heal(),
    status: ([id]) => this.#each(id, ({ raft }) => [describeStatus(raft.status())]),
    progress: ([id]) => describeProgress(this.#member(id).raft.status()),
    conf: ([id]) =>
      this.#each(id, (member) => [`${member.id} ${describeConf(member.raft.status().config)}`]),
    log: ([id]) => this.#each(id, (member) => [`${member.id} ${describeLog(member)}`]),
    /** restart <id> [kept]: power loss; of the records not synced the first `kept` survive. */
    restart: ([id, kept]) => this.#group.restart(this.#member(id), Number(kept ?? 0)),
    /** compact <id> [keep]: a snapshot of what is applied; `keep` entries stay. */
    compact: ([id, keep]) => void this.#member(id).snapshotNow(Number(keep ?? 0)),
    /** cold <id> <index>: entries up to there are only on the disk. */
    cold: ([id, index]) => void (this.#member(id).disk.coldTo = Number(index)),
    'no-snapshot': ([id, how]) => void (this.#member(id).disk.hasNoSnapshot = how !== 'off'),
    check: () => {
      for (const member of this.#group.members) this.#group.observe(member)
    },
  }

  #add(id: number, conf: ReturnType<typeof confOf>): void {
    this.#group.add(id, conf, this.#config, always(id - 1))
  }

  #member(id: string | undefined): Member {
    return this.#group.member(Number(id))
  }

  #on(id: string | undefined, act: (member: Member) => void): void {
    const member = this.#member(id)
    act(member)
    this.#group.observe(member)
  }

  /** One member, or all of them without an id. */
  #each(id: string | undefined, act: (member: Member) => string[] | void): string[] {
    const all = id === undefined || id === 'all'
    const chosen = all ? this.#group.members : [this.#member(id)]
    return chosen.flatMap((member) => act(member) ?? [])
  }

  #take(member: Member): string[] {
    if (!member.raft.hasReady()) return []
    const rd = member.takeReady()
    for (const { context, index } of rd.reads) this.#group.checker.read(context, index)
    this.#group.send(rd.messages)
    this.#group.observe(member)
    return describeReady(rd).map((line) => `${member.id}: ${line}`)
  }

  #store(member: Member): string[] {
    const before = this.#group.network.length
    this.#group.store(member)
    return this.#group.network.slice(before).map((m) => `${member.id}: sent ${describeMessage(m)}`)
  }

  #apply(member: Member, count: number): string[] {
    const before = describeConf(member.conf)
    const page = member.toApply.slice(0, count)
    this.#group.apply(member, count)
    const after = describeConf(member.conf)
    const printed = page.map((entry) => `${member.id}: applied ${describeEntry(entry)}`)
    return before === after ? printed : [...printed, `${member.id}: ${after}`]
  }

  #deliver(m: Message): string[] {
    this.#group.deliver(m)
    return [describeMessage(m)]
  }

  #match([first, second]: Words): Message[] {
    const isLink = first?.includes('→') === true
    const kind = isLink ? second : first
    return this.#group.network.filter((m) => {
      if (isLink && `${m.from}→${m.to}` !== first) return false
      return kind === undefined || m.kind === kind
    })
  }

  #pull(words: Words): Message[] {
    const chosen = this.#match(words)
    this.#group.network = this.#group.network.filter((m) => !chosen.includes(m))
    return chosen
  }

  #settle(): string[] {
    const printed: string[] = []
    for (let rounds = 0; rounds < 1_000; rounds++) {
      const before = printed.length
      for (const member of this.#group.members) {
        for (let more = this.#take(member); more.length > 0; more = this.#take(member)) {
          printed.push(...more)
          this.#store(member)
          this.#apply(member, Infinity)
        }
      }
      if (printed.length === before && this.#group.network.length === 0) return printed
      for (const m of this.#pull([])) this.#group.deliver(m)
    }
    throw new Error('the group does not settle')
  }
}

function result({ term, index, error }: { term?: number; index?: number; error?: string }): string {
  return error ?? `at ${index}/${term}`
}

function describeLog({ disk }: Member): string {
  const first = disk.firstIndex()
  const entries: Entry[] = []
  for (let index = first; index <= disk.lastIndex(); index++) {
    entries.push(...disk.entries(index, index + 1, 0))
  }
  return `from ${first} [${entries.map(describeEntry).join(', ')}]`
}

function parseOptions(options: Words): Partial<MemberConfig> {
  const config: Record<string, number | boolean> = {}
  for (const option of options) {
    const [name = '', value = ''] = option.split('=')
    if (!Object.hasOwn(usualConfig, name)) throw new Error(`no such option: ${name}`)
    config[name] = value === 'on' ? true : value === 'off' ? false : Number(value)
  }
  return config as Partial<MemberConfig>
}

function parseChange(words: Words): ConfChange {
  const kinds = { '+': 'add-voter', '~': 'add-learner', '-': 'remove' } as const
  const steps: ConfChangeStep[] = []
  let transition: ConfChange['transition'] = 'auto'
  for (const word of words) {
    if (word === 'joint-implicit' || word === 'joint-explicit') transition = word
    else if (word !== 'leave') {
      const kind = kinds[word.charAt(0) as keyof typeof kinds]
      steps.push({ kind, id: Number(word.slice(1)) })
    }
  }
  return { transition, steps, context: new Uint8Array(0) }
}
