import { crc32 } from 'node:zlib'
import { FrameReader, type FrameReaderOptions } from '../../src/wire/frame-reader.ts'
import { FrameWriter, type FrameWriterOptions } from '../../src/wire/frame-writer.ts'
import type { PeerMessage } from '../../src/wire/peer-frames.ts'

export function newReader(options: Partial<FrameReaderOptions> = {}): FrameReader {
  return new FrameReader({ checksum: crc32, ...options })
}

export function newWriter(options: Partial<FrameWriterOptions> = {}): FrameWriter {
  return new FrameWriter({ checksum: crc32, ...options })
}

/** All messages as frames. Throws when one of them is larger than a frame may be. */
export function encodeFrames(
  messages: readonly PeerMessage[],
  options: Partial<FrameWriterOptions> = {},
): readonly Buffer[] {
  const writer = newWriter(options)
  for (const message of messages) {
    if (!writer.add(message)) throw new Error('larger than any frame')
  }
  return writer.take()
}
