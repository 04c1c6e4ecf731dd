import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { NewerFormat } from '../../src/errors.ts'
import { checkClusterFormat, formatFile, takeDataFormat } from '../../src/node/data-format.ts'
import { Lifecycle, exitFormat } from '../../src/node/lifecycle.ts'
import { silentLogger } from '../../src/ports.ts'
import { dataFormat } from '../../src/wire/versions.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-format-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))
const mark = () => readFileSync(join(folder, formatFile), 'utf8')

test('a new folder is marked, a known one keeps its mark', () => {
  takeDataFormat(folder)
  expect(mark()).toBe(`${dataFormat}\n`)
  writeFileSync(join(folder, formatFile), '0\n') // of an older version: it is raised with the cluster only
  takeDataFormat(folder)
  expect(mark()).toBe('0\n')
})

test('a newer folder is refused with the cure, and nothing in it is touched', () => {
  writeFileSync(join(folder, formatFile), `${dataFormat + 1}\n`)
  expect(() => takeDataFormat(folder)).toThrow(
    `the data folder ${folder} was written by a newer Flotilla (format ${dataFormat + 1}, this one reads up to ${dataFormat}): start the newer version here; nothing was changed`,
  )
  expect(readdirSync(folder)).toEqual([formatFile])
  expect(mark()).toBe(`${dataFormat + 1}\n`)
})

test('a cluster that has been raised stops a node that is too old, with a code of its own', () => {
  checkClusterFormat(dataFormat)
  expect(() => checkClusterFormat(dataFormat + 1)).toThrow(NewerFormat)
  const codes: number[] = []
  const life = new Lifecycle({ on: () => {}, exit: (code) => codes.push(code) }, silentLogger)
  life.fatal(new NewerFormat('an entry of the log', dataFormat + 1, dataFormat))
  expect(codes).toEqual([exitFormat])
})
