import type { Credential, SetDesc } from '../chat/command.ts'
import type { CredBody, DescBody } from './schema.ts'

/** Bodies of `set`, `sub` and `acc` in the words of the rules: null means "not said", as undefined does. */
export function descOf(body: DescBody): SetDesc {
  const { defacs } = body
  return {
    ...(defacs ? { defacs: { ...said('auth', defacs.auth), ...said('anon', defacs.anon) } } : {}),
    ...said('public', body.public),
    ...said('trusted', body.trusted),
    ...said('private', body.private),
  }
}

export function credentialOf(body: CredBody): Credential {
  return { meth: body.meth ?? '', ...said('val', body.val), ...said('resp', body.resp) }
}

export function tagsOf(tags: readonly (string | null | undefined)[]): string[] {
  return tags.filter((tag) => tag !== null && tag !== undefined)
}

/** `{key: value}`, or nothing when the value is not there. */
export function said<K extends string, V>(
  key: K,
  value: V | null | undefined,
): { [P in K]?: NonNullable<V> } {
  return value === undefined || value === null
    ? {}
    : ({ [key]: value } as unknown as { [P in K]?: NonNullable<V> })
}
