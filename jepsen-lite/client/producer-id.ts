/** 2025-01-01T00:00:00Z. */
const epochMs = 1_735_689_600_000

/**
 * A producer's id as docs/protocol-extensions.md wants it: base 36 of ms since 2025 shifted left by
 * 22 bits, with 22 random bits below.
 */
export function producerId(nowMs: number, random22: number): string {
  return ((BigInt(nowMs - epochMs) << 22n) | BigInt(random22)).toString(36)
}
