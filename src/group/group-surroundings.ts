import type { GroupId } from '../ids/group-id.ts'
import type { Logger } from '../ports.ts'
import type { RaftId } from '../raft/entry.ts'
import type { Message } from '../raft/message.ts'
import type { Log } from '../store/log.ts'
import type { Group } from './group.ts'

/** What a group needs of its host. */
export interface GroupSurroundings {
  readonly node: RaftId
  readonly log: Log
  readonly logger: Logger
  /** The group votes again after a loss. */
  refilled(id: GroupId): void
  post(group: Group, message: Message): void
  /** Something may be outstanding: `turn` is to be called at the end of this turn. */
  dirty(group: Group): void
  /** A message of kind `snapshot` is to go, with the rows. */
  sendSnapshot(group: Group, message: Message): void
  /** The core wants a snapshot to send. */
  makeSnapshot(group: Group): void
  /** Runs something that came from outside the turn; what it throws stops the node. */
  guard(task: () => void): void
  /** The machine has applied more: the log may be due for cutting. */
  advanced(group: Group): void
  nextReadContext(): number
}
