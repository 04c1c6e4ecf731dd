/** How commands end. docs/operating/exit-codes.md has this table; a test compares them. */
export const exitCodes = {
  ok: { code: 0, says: 'it was done; a server was stopped politely' },
  failed: {
    code: 1,
    says: 'it failed, or a second signal forced a server to stop before it had drained',
  },
  usage: { code: 2, says: 'the command line is wrong; `--help` has the right one' },
  config: { code: 3, says: 'the configuration cannot be used; each complaint names its cure' },
  unreachable: { code: 4, says: 'no node of the cluster answered' },
  unhealthy: {
    code: 5,
    says: 'the cluster answered, and is not all well: a node is down or not ready, tables differ',
  },
  violated: {
    code: 6,
    says: 'a measurement found a broken promise: an acknowledged message lost, twice, or out of place',
  },
  format: {
    code: 7,
    says: 'the data folder, or what the cluster writes, is of a newer format than this version reads; start the newer version',
  },
  expelled: {
    code: 8,
    says: 'the cluster refuses this node for good: it was removed, or its data folder was emptied or is an older copy; the message has the cure',
  },
  refused: {
    code: 9,
    says: 'the cluster refused what was asked, or somebody else was first with something that contradicts it; the message has the cure',
  },
  fatal: {
    code: 70,
    says: 'a server stopped itself because its state was in doubt; the last line of its log says why',
  },
} as const satisfies Record<string, { readonly code: number; readonly says: string }>

export type ExitName = keyof typeof exitCodes

/** Ends a command with a sentence for the person and a code for the script. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed'
  readonly exit: ExitName

  constructor(exit: ExitName, message: string) {
    super(message)
    this.exit = exit
  }
}
