/** Default text of a ctrl code (tinode-wire.md 2.17); a reply that says something else names it. */
export function ctrlText(code: number): string {
  return texts[code] ?? (code >= 500 ? 'internal error' : code >= 400 ? 'malformed' : 'ok')
}

const texts: Readonly<Record<number, string>> = {
  200: 'ok',
  201: 'created',
  202: 'accepted',
  204: 'no content',
  205: 'evicted',
  208: 'delivered',
  300: 'validate credentials',
  301: 'auth reset',
  303: 'use other',
  304: 'not modified',
  400: 'malformed',
  401: 'authentication required',
  403: 'permission denied',
  404: 'not found',
  405: 'operation or method not allowed',
  406: 'invalid response',
  409: 'must attach first',
  413: 'too large',
  422: 'policy violation',
  429: 'too many requests',
  486: 'busy here',
  500: 'internal error',
  501: 'not implemented',
  502: 'cluster unreachable',
  503: 'service unavailable',
  504: 'timeout',
  505: 'version not supported',
}
