import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

/** Cost of scrypt (RFC 7914): memory is 128 × 2^costLog2 × blockSize bytes. */
export interface PasswordCost {
  readonly costLog2: number
  readonly blockSize: number
  readonly parallel: number
}

const saltBytes = 16
const hashBytes = 32
/** Stored texts above these were not made by us: they would let a row eat the machine. */
const maxCostLog2 = 20
const maxBlockSize = 32
const maxParallel = 16

/** `$scrypt$ln=14,r=8,p=1$<salt>$<hash>`, the two in base64 without padding. */
export async function hashPassword(password: string, cost: PasswordCost): Promise<string> {
  const salt = randomBytes(saltBytes)
  const hash = await derive(password, salt, cost, hashBytes)
  const { costLog2, blockSize, parallel } = cost
  return `$scrypt$ln=${costLog2},r=${blockSize},p=${parallel}$${plain(salt)}$${plain(hash)}`
}

/** False also for a text that is not one of ours. */
export async function isPassword(password: string, stored: string): Promise<boolean> {
  const match = storedPattern.exec(stored)
  if (match === null) return false
  const cost = {
    costLog2: Number(match[1]),
    blockSize: Number(match[2]),
    parallel: Number(match[3]),
  }
  if (cost.costLog2 > maxCostLog2 || cost.blockSize > maxBlockSize) return false
  if (cost.costLog2 < 1 || cost.blockSize < 1) return false
  if (cost.parallel < 1 || cost.parallel > maxParallel) return false
  const salt = Buffer.from(match[4] as string, 'base64')
  const good = Buffer.from(match[5] as string, 'base64')
  if (good.length !== hashBytes) return false
  return timingSafeEqual(await derive(password, salt, cost, good.length), good)
}

/** Nobody's password, at this cost: checking against it takes as long as a real check. */
export function nobodysPassword(cost: PasswordCost): string {
  const { costLog2, blockSize, parallel } = cost
  const salt = Buffer.alloc(saltBytes)
  const hash = Buffer.alloc(hashBytes)
  return `$scrypt$ln=${costLog2},r=${blockSize},p=${parallel}$${plain(salt)}$${plain(hash)}`
}

const storedPattern =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{1,64})\$([A-Za-z0-9+/]{1,88})$/

function derive(
  password: string,
  salt: Buffer,
  cost: PasswordCost,
  bytes: number,
): Promise<Buffer> {
  const N = 2 ** cost.costLog2
  const options = { N, r: cost.blockSize, p: cost.parallel, maxmem: 256 * N * cost.blockSize }
  return new Promise((resolve, reject) => {
    scrypt(password, salt, bytes, options, (error, key) => (error ? reject(error) : resolve(key)))
  })
}

function plain(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '')
}
