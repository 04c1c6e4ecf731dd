/** A body of `bytes` characters that carries its number: `#` and nine digits, which no envelope contains. */
export function payload(n: number, bytes: number): string {
  const head = `#${String(n).padStart(9, '0')}#`
  return head.length >= bytes ? head : head + letters.slice(0, bytes - head.length)
}

/** The number of a body; -1: it carries none. */
export function numberOf(content: string): number {
  return content.startsWith('#') ? Number(content.slice(1, 10)) : -1
}

/** The number of the body somewhere in a frame; -1: it carries none. Runs once a delivery, so it reads bytes. */
export function numberInFrame(frame: Buffer): number {
  const at = frame.lastIndexOf('"#')
  if (at < 0) return -1
  let n = 0
  for (let i = at + 2; i < at + 11; i++) {
    const digit = (frame[i] ?? 0) - 48
    if (digit < 0 || digit > 9) return -1
    n = n * 10 + digit
  }
  return n
}

const longestBody = 128 * 1024
const letters = 'abcdefghij'.repeat(longestBody / 10 + 1)
