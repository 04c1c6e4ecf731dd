/** What a server sends: exactly one of these parts. Fields that the harness does not read are left out. */
export interface ServerMessage {
  readonly ctrl?: Ctrl
  readonly data?: DataFrame
  readonly meta?: Meta
  readonly pres?: { readonly topic: string; readonly what: string; readonly src?: string }
  readonly info?: { readonly topic: string; readonly what: string }
}

export interface Ctrl {
  readonly id?: string
  readonly topic?: string
  readonly code: number
  readonly text: string
  readonly params?: Readonly<Record<string, unknown>>
}

export interface DataFrame {
  readonly topic: string
  readonly from?: string
  readonly seq: number
  readonly content?: unknown
  readonly head?: Readonly<Record<string, unknown>>
}

export interface Meta {
  readonly id?: string
  readonly topic: string
  readonly desc?: Readonly<Record<string, unknown>>
  readonly sub?: readonly Readonly<Record<string, unknown>>[]
  readonly tags?: readonly string[]
}

/** The message in `text`; undefined when it is none, which the caller counts as a protocol error. */
export function parseServerMessage(text: string): ServerMessage | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const message = value as ServerMessage
  const parts = [message.ctrl, message.data, message.meta, message.pres, message.info]
  if (parts.filter((part) => typeof part === 'object' && part !== null).length !== 1)
    return undefined
  if (message.ctrl && typeof message.ctrl.code !== 'number') return undefined
  if (message.data && !Number.isSafeInteger(message.data.seq)) return undefined
  return message
}
