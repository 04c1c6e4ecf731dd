/**
 * Frames between nodes:
 *
 *     u32 length | u32 length again, masked | u32 crc | u8 version | payload
 *
 * big-endian; `length` counts version and payload, `crc` is CRC-32 over the same bytes. A bit that flips
 * in the length must show at once: a reader that waited for bytes that never come would take the link
 * for alive and hear nothing on it. The payload
 * is one msgpack array (always with the five-byte header 0xdd count) of messages, and a message is
 * an array whose first element is its kind (peer-kinds.ts).
 */
export type PeerMessage = readonly [kind: number, ...rest: unknown[]]

/** CRC-32 as in zlib, unsigned. Handed in, because the fast one is `node:zlib`'s. */
export type Checksum = (bytes: Uint8Array) => number

export const frameLimits = {
  /** Largest frame on an authenticated link, bytes after the crc. Above: the sender drops the message and says so, the receiver closes. */
  maxFrameBytes: 8 * 1024 * 1024,
  /** Largest frame before the peer has proved who it is, bytes. Above: the connection is closed. */
  maxHandshakeFrameBytes: 2 * 1024,
  /** A frame is closed when it grows past this, so that no frame holds up the next for long, bytes. */
  wishedFrameBytes: 128 * 1024,
} as const

/** Length, length again, crc. */
export const frameHeaderBytes = 12

/** The second copy of a length; so that neither zeroes nor a shift of the stream look like a header. */
export function maskedLength(length: number): number {
  return (length ^ 0x5ac3_96f1) >>> 0
}

/** Version byte and array header. */
export const frameOverheadBytes = 6

/** Why a stream of frames cannot be read on. The connection is worthless after any of them. */
export type FrameFault =
  | 'frame-length' // the two copies of the length differ
  | 'frame-too-large' // the length is above the bound, or too small to be a frame
  | 'frame-checksum' // bytes changed on the way
  | 'frame-version' // a version that was not agreed on
  | 'frame-malformed' // intact, but not an array of messages
