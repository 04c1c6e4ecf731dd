import { Packr } from 'msgpackr'
import { assert } from '../assert.ts'
import { refuseNewer } from '../errors.ts'
import type { MetaCommand } from './command.ts'
import type { MetaState } from './meta-state.ts'

/** Goes first in every encoded value. Another one is from a newer version: this node must stop. */
const formatByte = 1

/** Plain maps without msgpackr's own extensions: readable by any MessagePack library. */
const packr = new Packr({
  useRecords: false,
  variableMapSize: true,
  moreTypes: false,
  int64AsType: 'number',
})

const kinds: Readonly<Record<MetaCommand['kind'], true>> = {
  bootstrap: true,
  'add-member': true,
  'set-address': true,
  'set-state': true,
  'remove-member': true,
  'new-token': true,
  'revoke-token': true,
  'set-table': true,
  'set-format': true,
}

export function encodeCommand(command: MetaCommand): Uint8Array {
  return encode(command)
}

/**
 * From the committed log. What cannot be read is from a version that this node does not speak, or
 * damage that a checksum missed; going on would make nodes differ: asserted (META-2).
 */
export function decodeCommand(bytes: Uint8Array): MetaCommand {
  const command = decode(bytes) as MetaCommand | null
  assert(command !== null && typeof command === 'object', 'META-2', { length: bytes.length })
  assert(Object.hasOwn(kinds, command.kind), 'META-2', { kind: command.kind })
  return command
}

export function encodeState(state: MetaState): Uint8Array {
  return encode(state)
}

/** From the store; asserted like commands (META-2). */
export function decodeState(bytes: Uint8Array): MetaState {
  const state = decode(bytes) as MetaState | null
  assert(state !== null && typeof state === 'object', 'META-2', { length: bytes.length })
  assert(typeof state.clusterId === 'string' && Array.isArray(state.members), 'META-2', {})
  return state
}

function encode(value: object): Uint8Array {
  const body = packr.pack(value)
  const bytes = new Uint8Array(body.length + 1)
  bytes[0] = formatByte
  bytes.set(body, 1)
  return bytes
}

function decode(bytes: Uint8Array): unknown {
  refuseNewer('the state of the cluster', bytes[0], formatByte)
  assert(bytes[0] === formatByte, 'META-2', { format: bytes[0], length: bytes.length })
  return packr.unpack(bytes.subarray(1))
}
