/**
 * Access rights as a bit set (tinode-wire.md 4.1). `want` is what a member asks for, `given` what he
 * was granted; the effective mode is their intersection.
 */
export type AccessMode = number

export const J = 0x01 // join: attach at all
export const R = 0x02 // read messages
export const W = 0x04 // write
export const P = 0x08 // presence and notifications
export const A = 0x10 // approve: manage members
export const S = 0x20 // share: invite
export const D = 0x40 // delete for everybody
export const O = 0x80 // owner, at most one

const letters = 'JRWPASDO'

/** `JRWPS` and the like, in the fixed order; `N` for nothing. */
export function modeText(mode: AccessMode): string {
  let text = ''
  for (let bit = 0; bit < 8; bit++) if (mode & (1 << bit)) text += letters[bit]
  return text === '' ? 'N' : text
}

/**
 * Any order, any case, repeats allowed. `undefined` for the empty string ("not said"), null for an
 * unknown letter or N together with others.
 */
export function parseMode(text: string): AccessMode | undefined | null {
  if (text === '') return undefined
  if (text === 'N' || text === 'n') return 0
  let mode = 0
  for (const letter of text.toUpperCase()) {
    const bit = letters.indexOf(letter)
    if (bit < 0) return null
    mode |= 1 << bit
  }
  return mode
}

/**
 * How a change of rights is told (`dacs`, tinode-wire.md 4.6): the full mode when there was none
 * before, else a delta such as `+W-P`; `N` when all is lost; undefined for no change.
 */
export function modeChange(before: AccessMode | undefined, after: AccessMode): string | undefined {
  if (before === after) return undefined
  if (before === undefined || before === 0 || after === 0) return modeText(after)
  const added = after & ~before
  const removed = before & ~after
  return (added ? `+${modeText(added)}` : '') + (removed ? `-${modeText(removed)}` : '')
}

export const fullMode = J | R | W | P | A | S | D | O
export const groupAuthMode = J | R | W | P | S
export const channelAuthMode = R | W | P | S
export const channelReaderMode = J | R | P
export const selfTopicMode = J | P | S // me, fnd
export const savedMode = J | R | W | D | O // slf
export const peerMode = J | R | W | P | A // p2p mask without D
export const isAdmin = (mode: AccessMode): boolean => (mode & (O | A)) !== 0
export const isSharer = (mode: AccessMode): boolean => (mode & (O | A | S)) !== 0
