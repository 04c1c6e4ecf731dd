/**
 * Whole websocket frames from server to client (RFC 6455, 5.2): final, unmasked, not compressed.
 * A message to a thousand sockets is framed once and the same bytes are written to each.
 */

/** A text frame. A string is encoded as UTF-8. */
export function frameText(payload: Buffer | string): Buffer {
  return frame(opcodeText, payload)
}

export function frameBinary(payload: Uint8Array): Buffer {
  return frame(opcodeBinary, payload)
}

function frame(opcode: number, payload: Uint8Array | string): Buffer {
  const isText = typeof payload === 'string'
  const length = isText ? Buffer.byteLength(payload) : payload.length
  const headerBytes = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const whole = Buffer.allocUnsafe(headerBytes + length)
  whole[0] = final | opcode
  if (headerBytes === 2) {
    whole[1] = length
  } else if (headerBytes === 4) {
    whole[1] = 126
    whole.writeUInt16BE(length, 2)
  } else {
    whole[1] = 127
    whole.writeUInt32BE(Math.floor(length / 2 ** 32), 2)
    whole.writeUInt32BE(length >>> 0, 6)
  }
  if (isText) whole.write(payload, headerBytes, 'utf8')
  else whole.set(payload, headerBytes)
  return whole
}

const final = 0x80
const opcodeText = 0x1
const opcodeBinary = 0x2
