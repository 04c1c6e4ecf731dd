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

/**
 * The layout of a data folder and of all that is replicated: log segments, rows, entries, snapshots,
 * the state of meta. One number for all of it: whoever changes one layout raises this. A newer
 * version writes the old layout until the cluster's format (MetaState.formatVersion) has been raised.
 */
export const dataFormat = 1

/** The client protocol that we speak: said in `{hi}` by our clients, and answered by our nodes (tinode-wire.md 2.3). */
export const clientProtocol = '0.25'

/** Websocket subprotocol of binary frames that carry msgpack instead of JSON text. */
export const msgpackSubprotocol = 'flotilla.msgpack.v1'
