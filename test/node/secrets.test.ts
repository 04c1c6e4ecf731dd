import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { checkApiKey, mintApiKey } from '../../src/node/api-key.ts'
import { createSecretFile, deriveKeys, readSecret } from '../../src/node/secrets.ts'

const dir = mkdtempSync(join(tmpdir(), 'flotilla-secrets-'))
afterAll(() => rmSync(dir, { recursive: true }))
const secret = new Uint8Array(32).fill(7)

test.for([
  // tinode-wire.md 1.2
  ['TC0Jzr8f28kAspXrb4UYccJUJ63b7CSA16n1qMxxGpw=', 'AQAAAAABAACGOIyP2vh5avSff5oVvMpk', 'valid'],
  ['T713/rYYgW7g4m3vG6zGRh7+FM1t0T8j13koXScOAj4=', 'AQEAAAABAAD_rAp4DJh05a1HAwFT3A6K', 'valid'],
  [
    'T713/rYYgW7g4m3vG6zGRh7+FM1t0T8j13koXScOAj4=',
    'AQAAAAABAACGOIyP2vh5avSff5oVvMpk',
    'signed with another salt',
  ],
  [
    'TC0Jzr8f28kAspXrb4UYccJUJ63b7CSA16n1qMxxGpw=',
    'AgAAAAABAACGOIyP2vh5avSff5oVvMpk',
    'unknown version',
  ],
  [
    'TC0Jzr8f28kAspXrb4UYccJUJ63b7CSA16n1qMxxGpw=',
    'AQAAAAABAACGOIyP2vh5avSff5oVvMp',
    'not 32 characters of base64url',
  ],
  [
    'TC0Jzr8f28kAspXrb4UYccJUJ63b7CSA16n1qMxxGpw=',
    'AQAAAAABAACGOIyP2vh5avSff5oV/Mpk',
    'not 32 characters of base64url',
  ],
  ['TC0Jzr8f28kAspXrb4UYccJUJ63b7CSA16n1qMxxGpw=', '', 'not 32 characters of base64url'],
] as const)('salt %s, key %j: %s', ([salt, key, verdict]) => {
  expect(checkApiKey(Buffer.from(salt, 'base64'), key)).toBe(verdict)
})

test('a minted key is valid for its salt, whatever its number', () => {
  for (const sequence of [1, 2, 65_535]) {
    const key = mintApiKey(secret, sequence)
    expect(checkApiKey(secret, key)).toBe('valid')
    expect(checkApiKey(new Uint8Array(32), key)).toBe('signed with another salt')
  }
})

test('keys depend on secret, cluster and purpose, and on nothing else', () => {
  const keys = deriveKeys(secret, 'a', 'production')
  expect(deriveKeys(secret, 'a', 'production')).toEqual(keys)
  expect(deriveKeys(secret, 'b', 'production').tokenKey).not.toEqual(keys.tokenKey)
  expect(deriveKeys(new Uint8Array(32), 'a', 'production').tokenKey).not.toEqual(keys.tokenKey)
  expect(keys.tokenKey).not.toEqual(keys.peerKey)
  expect(keys.idKey).toHaveLength(16)
  expect(checkApiKey(keys.apiKeySalt, keys.apiKey)).toBe('valid')
})

test('development uses the key of the stock web app, production its own', () => {
  const stock = 'AQEAAAABAAD_rAp4DJh05a1HAwFT3A6K'
  const development = deriveKeys(secret, 'a', 'development')
  expect(development.apiKey).toBe(stock)
  expect(checkApiKey(development.apiKeySalt, stock)).toBe('valid')
  expect(checkApiKey(deriveKeys(secret, 'a', 'production').apiKeySalt, stock)).not.toBe('valid')
})

test('a secret file is made once, whole, and for its owner only', () => {
  const path = join(dir, 'secret')
  expect(createSecretFile(path)).toBe(true)
  const bytes = readFileSync(path)
  expect(bytes).toHaveLength(32)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(createSecretFile(path)).toBe(false)
  expect(readFileSync(path)).toEqual(bytes)
  expect(readSecret({ kind: 'file', path })).toEqual(bytes)
})

test('a secret that is missing, short or open to others is refused', () => {
  const path = join(dir, 'bad')
  const read = () => readSecret({ kind: 'file', path })
  expect(read).toThrow('flotilla key new')
  writeFileSync(path, Buffer.alloc(31), { mode: 0o600 })
  expect(read).toThrow('31 bytes')
  writeFileSync(path, Buffer.alloc(32))
  chmodSync(path, 0o640)
  expect(read).toThrow('chmod 600')
})
