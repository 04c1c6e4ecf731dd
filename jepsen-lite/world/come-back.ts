import { sleep } from '../sleep.ts'
import type { LocalNode } from './local-node.ts'
import type { ImpostorEnd } from './world.ts'

/** A removed node that has not been told so by then goes on trying; a busy machine needs some time to start one. ms */
const deadlineMs = 40_000
const pollMs = 100
const maxWords = 300

/** Starts the server of a removed node once more, with the command and the disk that it had, and waits for its end. */
export async function comeBack(former: LocalNode): Promise<ImpostorEnd> {
  // The proxies of its links are gone with it.
  former.setRedirects({})
  former.process.start()
  const deadline = performance.now() + deadlineMs
  let served = false
  while (former.process.isRunning && !served && performance.now() < deadline) {
    await sleep(pollMs)
    served = await former.view.isReady()
  }
  const refused = !former.process.isRunning && !served
  await former.process.kill()
  const state = refused ? '' : served ? 'it serves: ' : 'it waits: '
  return { refused, served, words: state + former.lastWords().slice(0, maxWords) }
}
