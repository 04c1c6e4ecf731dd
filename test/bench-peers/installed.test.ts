import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { catalog, chosen } from '../../bench/peers/catalog.ts'
import { missingOf, programFile, requireInstalled } from '../../bench/peers/installed.ts'
import type { System } from '../../bench/peers/system.ts'
import { CommandFailed } from '../../src/cli/exit-codes.ts'

const folder = mkdtempSync(join(tmpdir(), 'flotilla-installed-'))
afterAll(() => rmSync(folder, { recursive: true }))

const system = (program: string, npmPackage?: string): System => ({
  name: 'quokka',
  acknowledges: '',
  delivers: '',
  needs: [{ program, debianPackage: 'quokka-server' }],
  ...(npmPackage === undefined ? {} : { npmPackage }),
  start: () => Promise.reject(new Error('is not started here')),
})

test('a program is found by the path when it can be executed', () => {
  const file = join(folder, 'quokkad')
  writeFileSync(file, '')
  expect(programFile('quokkad', `/nowhere:${folder}`)).toBeUndefined()
  chmodSync(file, 0o755)
  expect(programFile('quokkad', `/nowhere:${folder}`)).toBe(file)
  expect(programFile('quokkad', '/nowhere')).toBeUndefined()
})

test('what is not installed is named with its package', () => {
  const quokka = system('quokkad-that-nobody-has', 'quokka-client-that-nobody-has')
  expect(missingOf(quokka)).toEqual([
    'quokkad-that-nobody-has is not installed (Debian: apt-get install quokka-server)',
    'the package quokka-client-that-nobody-has is not installed (npm install)',
  ])
  expect(missingOf(system('sh', 'ws'))).toEqual([])
})

test('asking for it fails the command', () => {
  const error = failureOf(() => requireInstalled([system('quokkad-that-nobody-has')]))
  expect(error.exit).toBe('failed')
  expect(error.message).toMatch(/^quokka: quokkad-that-nobody-has .* quokka-server/)
})

test('an unknown name is a wrong command line', () => {
  const error = failureOf(() => chosen(['flotilla', 'quokka']))
  expect(error.exit).toBe('usage')
  for (const { name } of catalog) expect(error.message).toContain(name)
})

test('names come in their order, once; without names all that are installed', () => {
  const names = (wanted: string[]) => chosen(wanted).map(({ name }) => name)
  expect(names(['ceiling', 'flotilla', 'ceiling'])).toEqual(['ceiling', 'flotilla'])
  const installed = catalog.filter((one) => missingOf(one).length === 0)
  expect(chosen([])).toEqual(installed)
  expect(names([])).toContain('flotilla')
})

function failureOf(act: () => void): CommandFailed {
  try {
    act()
  } catch (error) {
    if (error instanceof CommandFailed) return error
    throw error
  }
  throw new Error('it did not fail')
}
