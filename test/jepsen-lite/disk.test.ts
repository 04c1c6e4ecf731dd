import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { Prng } from '../../jepsen-lite/prng.ts'
import { damage } from '../../jepsen-lite/world/data-damage.ts'
import { buildDiskShim } from '../../jepsen-lite/world/preload.ts'
import { ShimmedDisk } from '../../jepsen-lite/world/shimmed-disk.ts'

const folder = mkdtempSync(join(tmpdir(), 'jepsen-lite-'))
afterAll(() => rmSync(folder, { recursive: true }))
const shim = buildDiskShim(folder)

let count = 0
function newDisk(): { disk: ShimmedDisk; data: string } {
  const place = join(folder, String(++count))
  const data = join(place, 'data')
  mkdirSync(data, { recursive: true })
  return {
    disk: new ShimmedDisk({ shim: shim.path ?? '', data, notes: join(place, 'notes') }),
    data,
  }
}

/** Runs the script in the data folder behind the shim; `fs` is there, and `crash()` is a SIGKILL. */
function run(disk: ShimmedDisk, data: string, script: string): { stdout: string; stderr: string } {
  const head = `const fs=require('fs');const crash=()=>process.kill(process.pid,'SIGKILL');`
  return spawnSync(process.execPath, ['-e', head + script], {
    cwd: data,
    encoding: 'utf8',
    env: { ...process.env, ...disk.environment },
  })
}

const script = {
  twoWrites: `const f=fs.openSync('a','w');fs.writeSync(f,'one');fs.fsyncSync(f);fs.writeSync(f,'two');crash()`,
  inPlace: `const f=fs.openSync('a','w+');fs.writeSync(f,Buffer.alloc(4096,97),0,4096,0);fs.fdatasyncSync(f);
    fs.writeSync(f,'XX',10);fs.writeSync(f,'YYYY',11);crash()`,
  never: `fs.writeFileSync('a','nobody synced this');crash()`,
  cutShort: `const f=fs.openSync('a','w+');fs.writeSync(f,'0123456789');fs.fsyncSync(f);fs.ftruncateSync(f,3);crash()`,
  again: `const f=fs.openSync('b','w');fs.writeSync(f,'fresh');fs.fsyncSync(f);fs.renameSync('b','a');crash()`,
} as const

// Without a compiler the faults of disks are skipped as well, and the verdict of a run says so.
describe.runIf(shim.path !== undefined)('the disk shim', () => {
  test.for([
    ['what was not synced is gone', script.twoWrites, 'one'],
    ['old bytes come back', script.inPlace, 'a'.repeat(4096)],
    ['a file that nobody synced is empty', script.never, ''],
    ['what was cut away and not synced comes back', script.cutShort, '0123456789'],
    ['a name is durable at once', script.again, 'fresh'],
  ] as const)('after a loss of power: %s', async ([, text, left]) => {
    const { disk, data } = newDisk()
    run(disk, data, text)
    await disk.losePower(new Prng(1), false)
    expect(readFileSync(join(data, 'a'), 'utf8')).toBe(left)
    disk.close()
  })

  test('a mere kill between two lives does not make a write durable', async () => {
    const { disk, data } = newDisk()
    run(disk, data, script.twoWrites)
    run(disk, data, `const f=fs.openSync('a','r+');fs.writeSync(f,'NOT',0);crash()`)
    expect(readFileSync(join(data, 'a'), 'utf8')).toBe('NOTtwo')
    expect(await disk.losePower(new Prng(1), false)).toEqual({ files: 1, bytes: 6 })
    expect(readFileSync(join(data, 'a'), 'utf8')).toBe('one')
    disk.close()
  })

  test('a torn loss leaves what was synced, and nothing but a part of the rest', async () => {
    const { disk, data } = newDisk()
    const synced = 'a'.repeat(2000)
    for (let seed = 0; seed < 4; seed++) {
      const script = `const f=fs.openSync('a','w');fs.writeSync(f,'${synced}');fs.fsyncSync(f);for(let i=0;i<5;i++)fs.writeSync(f,'b'.repeat(700));crash()`
      run(disk, data, script)
      await disk.losePower(new Prng(seed), true)
      const left = readFileSync(join(data, 'a'), 'latin1')
      expect(left.slice(0, 2000)).toBe(synced)
      expect(left.length).toBeLessThanOrEqual(5500)
    }
    disk.close()
  })

  test('the machine has another boot id after a loss of power, and the same after a kill', async () => {
    const { disk, data } = newDisk()
    const read = `console.log(fs.readFileSync('/proc/sys/kernel/random/boot_id','utf8'))`
    const before = run(disk, data, read).stdout
    expect(run(disk, data, read).stdout).toBe(before)
    await disk.losePower(new Prng(1), false)
    expect(run(disk, data, read).stdout).not.toBe(before)
    disk.close()
  })

  test.for([
    ['noSpace', { noSpace: true }, /ENOSPC/, 'failedWrites'],
    ['the second write', { failWriteIn: 2 }, /EIO.*write/, 'failedWrites'],
    ['the first sync', { failSyncIn: 1 }, /EIO.*fsync/, 'failedSyncs'],
  ] as const)('a failing disk: %s', async ([, orders, says, counter]) => {
    const { disk, data } = newDisk()
    disk.order(orders)
    const text = `const f=fs.openSync('a','w');fs.writeSync(f,'one');fs.writeSync(f,'two');fs.fsyncSync(f);`
    expect(run(disk, data, text).stderr).toMatch(says)
    expect(disk.counts[counter]).toBe(1)
    disk.order({})
    expect(run(disk, data, text).stderr).toBe('')
    disk.close()
  })

  test('slow and hanging syncs', async () => {
    const { disk, data } = newDisk()
    const sync = `const f=fs.openSync('a','w');const t=performance.now();fs.fsyncSync(f);console.log(performance.now()-t)`
    disk.order({ syncDelayMs: 150 })
    expect(Number(run(disk, data, sync).stdout)).toBeGreaterThanOrEqual(149)
    disk.order({ hangSync: true })
    const child = spawn(process.execPath, ['-e', `const fs=require('fs');${sync}`], {
      cwd: data,
      env: { ...process.env, ...disk.environment },
    })
    while (disk.counts.hungSyncs === 0) await new Promise((done) => setTimeout(done, 5))
    expect(child.exitCode).toBe(null)
    disk.order({})
    expect(await once(child, 'exit')).toEqual([0, null])
    disk.close()
  })
})

test.for(['flip', 'zero', 'truncate'] as const)(
  'damage by %s stays within what was written, and away from notes for people',
  (kind) => {
    for (let seed = 0; seed < 20; seed++) {
      const data = join(folder, `damage-${kind}-${seed}`)
      mkdirSync(data)
      const bytes = Buffer.concat([Buffer.alloc(1500, 7), Buffer.alloc(4000)])
      writeFileSync(join(data, '0000000000000001.seg'), bytes)
      writeFileSync(join(data, 'LOG'), 'for people')
      expect(damage(data, new Prng(seed), kind)).toContain('0000000000000001.seg')
      const left = readFileSync(join(data, '0000000000000001.seg'))
      expect(left.equals(bytes)).toBe(false)
      expect(left.subarray(1500).some((byte) => byte !== 0)).toBe(false)
      expect(readFileSync(join(data, 'LOG'), 'utf8')).toBe('for people')
    }
  },
)
