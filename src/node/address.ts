/** Takes `127.0.0.1:80`, `[::1]:80` or `name:80` apart. */
export function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':')
  return {
    host: address.slice(0, colon).replace(/^\[(.*)\]$/, '$1'),
    port: Number(address.slice(colon + 1)),
  }
}

/** `host:port` with a port from 1 to 65535. */
export function isAddress(text: string): boolean {
  const { host, port } = splitAddress(text)
  const isForm = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):\d{1,5}$/.test(text)
  return isForm && host !== '' && port >= 1 && port <= 65_535
}
