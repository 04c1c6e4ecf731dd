/** Letters, digits, dot, dash and underscore, starting with a letter or digit; 1..63 characters. */
const memberName = /^[a-z0-9][a-z0-9._-]{0,62}$/i

/** A host name, IPv4 or bracketed IPv6 address, and a port. */
const peerAddress = /^(?:[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\]):(\d{1,5})$/i

/** Names stand in logs, metrics and file names. */
export function isMemberName(name: string): boolean {
  return memberName.test(name)
}

/** `host:port`, port 1..65535. Shape only: whether anybody answers there is not checked. */
export function isPeerAddress(address: string): boolean {
  const port = Number(peerAddress.exec(address)?.[1] ?? 0)
  return port >= 1 && port <= 65_535
}
