/**
 * Frames between nodes:
 *
 *     u32 length | u32 crc | u8 version | payload
 *
 * big-endian; `length` counts version and payload, `crc` is CRC-32 over the same bytes. The payload
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

/** length and crc. */
export const frameHeaderBytes = 8

/** Version byte and array header. */
export const frameOverheadBytes = 6

/** Why a stream of frames cannot be read on. The connection is worthless after any of them. */
export type FrameFault =
  | 'frame-too-large' // the length is above the bound, or too small to be a frame
  | 'frame-checksum' // bytes changed on the way
  | 'frame-version' // a version that was not agreed on
  | 'frame-malformed' // intact, but not an array of messages
