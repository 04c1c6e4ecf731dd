/**
 * Base64url without padding (RFC 4648 section 5), for the two widths that names have: 8 bytes in
 * 11 characters and 16 bytes in 22. Reading happens once a message, so it works on the text, word
 * by word, and allocates nothing.
 */
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

const invalid = 0xff

/** Character code → six bits; `invalid` outside the alphabet. Never written after load. */
const sixBits = new Uint8Array(128).fill(invalid)
for (let value = 0; value < 64; value++) sixBits[alphabet.charCodeAt(value)] = value

/** Whether text[from..to) has only characters of the alphabet. */
export function isBase64url(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at)
    if (code > 127 || sixBits[code] === invalid) return false
  }
  return true
}

/**
 * The canonical last character: its `spare` low bits carry nothing and are cleared. `text` must end
 * with a character of the alphabet.
 */
export function canonicalEnd(text: string, spare: number): string {
  const value = sixBits[text.charCodeAt(text.length - 1)]!
  const kept = (value >>> spare) << spare
  return kept === value ? text : text.slice(0, -1) + alphabet.charAt(kept)
}

/** Reads 32 bits, big-endian, at bit `bit` of the bytes whose text starts at `from`. Unsigned. */
export function wordAt(text: string, from: number, bit: number): number {
  const skip = bit % 6
  let at = from + (bit - skip) / 6
  let word = 0
  for (let shift = 26 + skip; shift > -6; shift -= 6) {
    const value = sixBits[text.charCodeAt(at++)]!
    word |= shift >= 0 ? value << shift : value >>> -shift
  }
  return word >>> 0
}

/** Two words or four, of 32 bits each. */
type Words = readonly [number, number] | readonly [number, number, number, number]

/** Writes words, big-endian, as text: two give 11 characters, four give 22. */
export function wordsToText(words: Words): string {
  let text = ''
  let bits = 0
  let held = 0
  for (const word of words) {
    for (let shift = 24; shift >= 0; shift -= 8) {
      bits = ((bits << 8) | ((word >>> shift) & 0xff)) & 0x3fff // under 6 bits are held over
      held += 8
      for (; held >= 6; held -= 6) text += alphabet[(bits >>> (held - 6)) & 0x3f]!
    }
  }
  // Neither 64 nor 128 is a multiple of 6: four or two bits are left for a last character.
  return text + alphabet[(bits << (6 - held)) & 0x3f]!
}

/** Reverses the four bytes of a word. */
export function swapBytes(word: number): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0
}
