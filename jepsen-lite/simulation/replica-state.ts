import type { ConfState, Entry, Index, Term } from '../../src/raft/entry.ts'
import { hashBytes, mix } from './trace-hash.ts'

export const registerCount = 16

/** What a client asks for: write `id`, which nobody else ever writes, to `register`. */
export interface Command {
  readonly id: number
  readonly register: number
}

const commandBytes = 5

export function encodeCommand({ id, register }: Command, padding: number): Uint8Array {
  const bytes = new Uint8Array(commandBytes + padding)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, id)
  view.setUint8(4, register)
  return bytes
}

/** Null: the entry that opens a term, or a change of members. */
export function decodeCommand(entry: Entry): Command | null {
  const { kind, data } = entry
  if (kind !== 'normal' || data.length < commandBytes) return null
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  return { id: view.getUint32(0), register: view.getUint8(4) }
}

/** What the group replicates: registers, and a digest of everything that was ever applied. */
export class ReplicaState {
  applied: Index = 0
  /** Term of the entry at `applied`. */
  term: Term = 0
  chain = 0
  conf: ConfState
  readonly registers: number[] = Array.from({ length: registerCount }, () => 0)

  constructor(conf: ConfState) {
    this.conf = conf
  }

  clone(): ReplicaState {
    const copy = new ReplicaState(this.conf)
    copy.assign(this)
    return copy
  }

  assign(from: ReplicaState): void {
    this.applied = from.applied
    this.term = from.term
    this.chain = from.chain
    this.conf = from.conf
    for (let i = 0; i < registerCount; i++) this.registers[i] = from.registers[i] as number
  }

  /** `conf`: the members from this entry on. */
  apply(entry: Entry, conf: ConfState): void {
    this.applied = entry.index
    this.term = entry.term
    this.conf = conf
    this.chain = mix(this.chain, mix(entryHash(entry), entry.term))
    const command = decodeCommand(entry)
    if (command !== null) this.registers[command.register] = command.id
  }

  clear(): void {
    this.registers.fill(0)
  }

  /** 32 bits; equal on all members with equal `applied`. */
  digest(): number {
    let h = mix(this.chain, this.applied)
    for (let i = 0; i < registerCount; i++)
      h = Math.imul(h ^ (this.registers[i] as number), 0x01000193)
    return mix(h, this.conf.voters.length + 8 * this.conf.outgoing.length)
  }
}

export function entryHash(entry: Entry): number {
  return mix(hashBytes(entry.data), entry.kind === 'normal' ? 1 : 2)
}
