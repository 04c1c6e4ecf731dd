/**
 * The few messages of etcd's interface (api/etcdserverpb/rpc.proto) that a load needs, in protobuf by
 * hand, each behind the five bytes that gRPC puts before a message: not compressed, and its length.
 */

/** `PutRequest { key = 1, value = 2 }`; both are ASCII. */
export function putRequest(key: string, value: string): Buffer {
  const length = fieldLength(key.length) + fieldLength(value.length)
  const bytes = Buffer.allocUnsafe(prefixBytes + length)
  bytes[0] = 0
  bytes.writeUInt32BE(length, 1)
  writeField(bytes, writeField(bytes, prefixBytes, 1, key), 2, value)
  return bytes
}

/** `WatchRequest { create_request = 1 { key = 1, range_end = 2 } }`: of all keys that begin with `prefix`. */
export function watchRequest(prefix: string): Buffer {
  const last = prefix.length - 1
  const rangeEnd = prefix.slice(0, last) + String.fromCharCode(prefix.charCodeAt(last) + 1)
  const inner = fieldLength(prefix.length) + fieldLength(rangeEnd.length)
  const length = fieldLength(inner)
  const bytes = Buffer.allocUnsafe(prefixBytes + length)
  bytes[0] = 0
  bytes.writeUInt32BE(length, 1)
  const at = writeHead(bytes, prefixBytes, 1, inner)
  writeField(bytes, writeField(bytes, at, 1, prefix), 2, rangeEnd)
  return bytes
}

/**
 * Hands the values of `WatchResponse { events = 11 { kv = 2 { value = 5 } } }` to `onValue`, only lent.
 * True: this is the response that says that the watch has begun (`created = 3`).
 */
export function readWatchResponse(bytes: Buffer, onValue: (value: Buffer) => void): boolean {
  let created = false
  readFields(bytes, (field, event) => {
    if (field === 3) created = true
    if (field !== 11) return
    readFields(event, (inEvent, keyValue) => {
      if (inEvent !== 2) return
      readFields(keyValue, (inKeyValue, value) => {
        if (inKeyValue === 5) onValue(value)
      })
    })
  })
  return created
}

/** Cuts a stream of bytes into messages. */
export class GrpcReader {
  #rest: Buffer = Buffer.alloc(0)

  take(chunk: Buffer, onMessage: (bytes: Buffer) => void): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    while (bytes.length - at >= prefixBytes) {
      const end = at + prefixBytes + bytes.readUInt32BE(at + 1)
      if (end > bytes.length) break
      onMessage(bytes.subarray(at + prefixBytes, end))
      at = end
    }
    this.#rest = bytes.subarray(at)
  }
}

const prefixBytes = 5
/** Fields that hold bytes: strings, messages. */
const lengthDelimited = 2
const varint = 0
const empty = Buffer.alloc(0)

/** Of a field with a number below 16: one byte of head, its length, its bytes. */
function fieldLength(length: number): number {
  return 1 + varintLength(length) + length
}

function writeField(bytes: Buffer, at: number, field: number, text: string): number {
  const start = writeHead(bytes, at, field, text.length)
  return start + bytes.write(text, start, 'latin1')
}

function writeHead(bytes: Buffer, at: number, field: number, length: number): number {
  bytes[at] = (field << 3) | lengthDelimited
  return writeVarint(bytes, at + 1, length)
}

function varintLength(value: number): number {
  let length = 1
  for (let left = value; left > 127; left >>>= 7) length++
  return length
}

function writeVarint(bytes: Buffer, start: number, value: number): number {
  let at = start
  let left = value
  for (; left > 127; left >>>= 7) bytes[at++] = (left & 127) | 128
  bytes[at++] = left
  return at
}

/** Fields that are numbers come with no bytes. */
function readFields(bytes: Buffer, onField: (field: number, value: Buffer) => void): void {
  let at = 0
  /** Numbers above 2^32 lose their upper bits: none is read here. */
  const readVarint = (): number => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0
      if (shift < 32) value |= (byte & 127) << shift
      if (byte < 128) return value >>> 0
    }
  }
  while (at < bytes.length) {
    const head = readVarint()
    const kind = head & 7
    if (kind === varint) {
      readVarint()
      onField(head >>> 3, empty)
    } else if (kind === lengthDelimited) {
      const length = readVarint()
      onField(head >>> 3, bytes.subarray(at, at + length))
      at += length
    } else throw new Error(`etcd: a field of wire type ${kind}`)
  }
}
