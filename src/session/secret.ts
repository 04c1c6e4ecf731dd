/** Bytes of a secret field: standard base64 with padding, but url-safe and unpadded are taken, too. Null: neither. */
export function secretOf(text: string | null | undefined): Buffer | null {
  if (text === undefined || text === null || text === '') return null
  if (!base64Pattern.test(text)) return null
  return Buffer.from(text, 'base64url')
}

const base64Pattern = /^[A-Za-z0-9+/_-]+={0,2}$/

/** `login:password` in UTF-8, split at the first colon; the login in lower case. Null: no colon. */
export function loginAndPassword(secret: Buffer): { login: string; password: string } | null {
  const text = secret.toString('utf8')
  const cut = text.indexOf(':')
  if (cut < 0) return null
  return { login: text.slice(0, cut).toLowerCase(), password: text.slice(cut + 1) }
}

/** Longest login name, code points; also when looking one up. */
export const maxLoginLength = 32

/** Letters and digits of any script, inside also `_` and `.`. */
export function isLoginName(login: string, minLength: number): boolean {
  const length = codePoints(login)
  return length >= minLength && length <= maxLoginLength && loginPattern.test(login)
}

const loginPattern = /^[\p{L}\p{N}](?:[\p{L}\p{N}_.]*[\p{L}\p{N}])?$/u

/** Length in code points, as the rules for logins and passwords count. */
export function codePoints(text: string): number {
  return Array.from(text).length
}
