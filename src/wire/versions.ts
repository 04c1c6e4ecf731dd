/**
 * What is spoken, by number. A number changes when an old reader would misread what a new writer
 * sends; additions that an old reader skips do not count.
 */

/** Version of the frames and messages between nodes. It is the first byte of every frame. */
export const peerVersion = 1

/** The oldest peer this code can talk to: a rolling upgrade crosses one version at a time. */
export const minPeerVersion = 1

/** The version to speak with a peer that offers min..max, or 0 when there is none in common. */
export function commonPeerVersion(theirs: { readonly min: number; readonly max: number }): number {
  const version = Math.min(peerVersion, theirs.max)
  return version >= Math.max(minPeerVersion, theirs.min) ? version : 0
}

/** The client protocol we speak, as told in the answer to `{hi}` (tinode-wire.md 2.3). */
export const clientProtocol = '0.25'

/** The oldest client protocol accepted, as [major, minor]. */
export const minClientProtocol = [0, 20] as const

/** Websocket subprotocol of binary frames that carry msgpack instead of JSON text. */
export const msgpackSubprotocol = 'flotilla.msgpack.v1'

/** [major, minor] of `0.25.3`, `v0.25` or `0.25-rc1`; null when it is no version. */
export function parseClientProtocol(text: string): readonly [number, number] | null {
  const parts = /^v?(\d{1,4})\.(\d{1,4})(?:[.-].{0,40})?$/.exec(text)
  if (parts === null) return null
  return [Number(parts[1]), Number(parts[2])]
}

export function isClientProtocolKnown(version: readonly [number, number]): boolean {
  const [major, minor] = minClientProtocol
  return version[0] > major || (version[0] === major && version[1] >= minor)
}
