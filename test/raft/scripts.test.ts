import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runScript } from './world/script.ts'

/** REWRITE=1 writes what is printed into the files: read the diff, keep only what you can explain. */
const rewrite = process.env['REWRITE'] !== undefined
const folder = join(import.meta.dirname, 'scripts')
const names = readdirSync(folder).filter((name) => name.endsWith('.txt'))

test.for(names)('script %s', (name) => {
  const file = join(folder, name)
  const expected = readFileSync(file, 'utf8')
  const printed = runScript(expected)
  if (rewrite) writeFileSync(file, printed)
  else expect(printed).toBe(expected)
})
