import { Conversation } from './conversation.ts'
import type { Entity, Row } from './entity.ts'
import { Name } from './name.ts'
import { SearchState } from './search-state.ts'
import { Tag } from './tag.ts'
import { User } from './user.ts'
import type { TopicName } from '../ids/topic-name.ts'
import type { UserId } from '../ids/user-id.ts'

/** Opens the entity of that name from its rows (all tables below messages); none: it is new. */
export function openEntity(name: string, rows: readonly Row[]): Entity {
  switch (name.slice(0, 4)) {
    case 'nam:':
      return new Name(name, rows)
    case 'tag:':
      return new Tag(name, rows)
  }
  if (name.startsWith('usr')) return new User(name as UserId, rows)
  if (name.startsWith('fnd')) return new SearchState(name as TopicName, rows)
  return new Conversation(name as TopicName, rows)
}
