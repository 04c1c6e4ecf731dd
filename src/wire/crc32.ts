/**
 * CRC-32 as in zlib and IEEE 802.3 (polynomial 0xEDB88320, reflected). Pure, four bytes a step.
 * Rooms that may use `node:zlib` hand in its `crc32`, which is several times faster and gives the
 * same numbers.
 */
export type Checksum = (bytes: Uint8Array) => number

/** The unsigned 32-bit checksum of `bytes`; 0 for none. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  let at = 0
  const whole = bytes.length - 3
  while (at < whole) {
    crc ^=
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)
    crc =
      (tables[768 + (crc & 0xff)] as number) ^
      (tables[512 + ((crc >>> 8) & 0xff)] as number) ^
      (tables[256 + ((crc >>> 16) & 0xff)] as number) ^
      (tables[crc >>> 24] as number)
    at += 4
  }
  for (; at < bytes.length; at++) {
    crc = (crc >>> 8) ^ (tables[(crc ^ (bytes[at] as number)) & 0xff] as number)
  }
  return ~crc >>> 0
}

/** tables[256 * k + b]: what byte b adds when k more bytes follow it in the same step. */
const tables = makeTables()

function makeTables(): Int32Array {
  const made = new Int32Array(1024)
  for (let byte = 0; byte < 256; byte++) {
    let value = byte
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
    made[byte] = value
  }
  for (let at = 256; at < 1024; at++) {
    const before = made[at - 256] as number
    made[at] = (before >>> 8) ^ (made[before & 0xff] as number)
  }
  return made
}
