import { Packr } from 'msgpackr'
import { MsgpackReader } from './msgpack-reader.ts'

/** How client and server objects travel: JSON text frames, or msgpack binary frames. */
export type ClientCodec = 'json' | 'msgpack'

/** Bounds of one client object. Above any of them it is refused; nothing of it takes effect. */
export interface ClientObjectLimits {
  /** Bytes on the wire. */
  readonly maxBytes: number
  /** Objects and arrays inside one another; the outermost counts as 1. */
  readonly maxDepth: number
  /** Keys of all objects plus elements of all arrays. */
  readonly maxKeys: number
}

export const clientObjectLimits: ClientObjectLimits = {
  maxBytes: 128 * 1024,
  maxDepth: 32,
  maxKeys: 8_192,
}

export type ClientFault =
  | 'too-large' // more bytes than allowed; not looked at
  | 'too-deep'
  | 'too-many-keys'
  | 'malformed' // no JSON or msgpack, or something that JSON cannot carry
  | 'not-an-object'

export type JsonObject = { [key: string]: unknown }

export type DecodedObject =
  | { readonly ok: true; readonly value: JsonObject }
  | { readonly ok: false; readonly fault: ClientFault }

/** Reads one object from the bytes of one frame. Never throws. */
export function decodeClient(
  codec: ClientCodec,
  frame: Buffer,
  limits: ClientObjectLimits = clientObjectLimits,
): DecodedObject {
  if (frame.length > limits.maxBytes) return refuse('too-large')
  return codec === 'json'
    ? decodeJson(frame.toString('utf8'), limits)
    : decodeMsgpack(frame, limits)
}

/** One object as the bytes of a frame of that codec. */
export function encodeClient(codec: ClientCodec, value: object): string | Buffer {
  return codec === 'json' ? JSON.stringify(value) : packClient(value)
}

/** msgpack of one object as JSON would carry it: no `undefined`, dates as text. */
export function packClient(value: unknown): Buffer {
  return packr.pack(value)
}

function decodeJson(text: string, limits: ClientObjectLimits): DecodedObject {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return refuse('malformed')
  }
  if (!isObject(value)) return refuse('not-an-object')
  const fault = measure(value, limits)
  return fault === null ? { ok: true, value } : refuse(fault)
}

function decodeMsgpack(frame: Buffer, limits: ClientObjectLimits): DecodedObject {
  const reader = new MsgpackReader(frame, limits)
  const value = reader.readWhole()
  if (reader.fault !== null) return refuse(reader.fault)
  return isObject(value) ? { ok: true, value } : refuse('not-an-object')
}

/** Walks a parsed value; stops at the first bound it meets, so the walk is bounded, too. */
function measure(root: JsonObject, limits: ClientObjectLimits): ClientFault | null {
  let keys = 0
  let fault: ClientFault | null = null
  const walk = (value: object, depth: number): void => {
    if (depth > limits.maxDepth) {
      fault = 'too-deep'
      return
    }
    const children: readonly unknown[] = Array.isArray(value) ? value : Object.values(value)
    keys += children.length
    if (keys > limits.maxKeys) fault = 'too-many-keys'
    for (const child of children) {
      if (fault !== null) return
      if (typeof child === 'object' && child !== null) walk(child, depth + 1)
    }
  }
  walk(root, 1)
  return fault
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function refuse(fault: ClientFault): DecodedObject {
  return { ok: false, fault }
}

const packr = new Packr({ useRecords: false, encodeUndefinedAsNil: true })
