import type { InfoEvent, PresEvent } from '../chat/event.ts'

/** Told one by one, whatever else is kept. */
export const each = 'each'
/** Of the moment: nobody wants it later. */
export const passing = 'passing'

/**
 * What may stand for what while a session reads too slowly: of news with one key the last says
 * all. `place`: where the session would be told it (`me` or the topic, as it is named there).
 */
export function infoKey(place: string, { what, from }: InfoEvent): string {
  if (what === 'kp' || what === 'kpa' || what === 'kpv') return passing
  if (what === 'read' || what === 'recv') return `${what} ${place} ${from}`
  return each
}

export function presKey(place: string, { what, src }: PresEvent): string {
  switch (what) {
    case 'on':
    case 'off':
      return `on ${place} ${src}`
    case 'ua':
    case 'msg':
    case 'upd':
    case 'read':
    case 'recv':
    case 'tags':
    case 'aux':
      return `${what} ${place} ${src}`
    case 'gone':
    case 'acs':
    case 'term':
    case 'del':
      return each
  }
}
