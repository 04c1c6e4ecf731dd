import type { SessionId } from '../chat/command.ts'
import type { Clock, Logger } from '../ports.ts'
import type { AskEntity } from './cards.ts'
import type { Subscriber, TopicRequest } from './topics.ts'

/** Searches of sessions (`fnd`, tinode-wire.md 8.8): the text of each session, and the search itself. */
export class SearchDesk {
  constructor(_deps: { ask: AskEntity; clock: Clock; logger: Logger }) {}

  /** Is it a search, or does it go to the stored state of the user's `fnd`? */
  takes(_request: TopicRequest): boolean {
    return false
  }

  request(_from: Subscriber, _request: TopicRequest, done: () => void): void {
    done()
  }

  forget(_sid: SessionId): void {}
}
