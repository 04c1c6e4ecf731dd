import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { defaultCheckOptions } from '../../jepsen-lite/checker/checker.ts'
import { checkers } from '../../jepsen-lite/checker/registry.ts'
import { runCheckers } from '../../jepsen-lite/checker/run-checkers.ts'
import { History } from '../../jepsen-lite/operations.ts'
import { reportPage } from '../../jepsen-lite/report/page.ts'
import { syntheticRun } from './synthetic-run.ts'

const chromium = '/usr/bin/chromium'

/** Points at second 18.3 of the first chart, and tells in the title what the page then shows. */
const probe = `<script>
addEventListener('error',e=>document.title='error '+e.message)
const chart=document.querySelector('.chart'),box=chart.getBoundingClientRect()
const x=box.left+box.width*(56+(960-56-12)*18.3/62.045)/960
chart.dispatchEvent(new PointerEvent('pointermove',{clientX:x,clientY:box.top+9}))
document.getElementById('theme').click()
document.title=document.getElementById('tip').textContent+'|'+document.documentElement.dataset.theme
</script></body>`

// Only where Debian's browser is installed; the page itself needs none of it to be right.
test.runIf(existsSync(chromium))(
  'in a real browser the cursor reads out the second, and the theme switches',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'jepsen-lite-'))
    const history = new History(syntheticRun(7, true, 100))
    const judgement = runCheckers(checkers, history, defaultCheckOptions)
    const about = {
      versions: {},
      config: {},
      seed: '7',
      startedAt: 'now',
      name: 'sample',
      judgement,
    }
    const path = join(folder, 'report.html')
    writeFileSync(path, reportPage(about, history).replace('</body>', probe))
    const flags = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      `--user-data-dir=${folder}/profile`,
    ]
    const { stdout } = spawnSync(chromium, [...flags, '--dump-dom', `file://${path}`], {
      encoding: 'utf8',
    })
    rmSync(folder, { recursive: true, force: true })
    const title = /<title>([\s\S]*?)<\/title>/.exec(stdout)?.[1] ?? ''
    expect(title).toMatch(/^18\.3 s\nok \d+ {3}fail \d+ {3}unknown \d+/)
    expect(title).toMatch(/▮ partition n2\|(dark|light)$/)
  },
)
