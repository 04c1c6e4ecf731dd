import { exitCodes } from '../exit-code.ts'
import type { World } from '../world/world.ts'

const signals = ['SIGINT', 'SIGTERM'] as const

/** No server is left behind when the harness is told to go. Returns what takes the handlers away again. */
export function stopOnSignal(world: Pick<World, 'stop'>): () => void {
  const stop = (): void =>
    void world.stop().finally(() => {
      process.exit(exitCodes.couldNotRun)
    })
  for (const signal of signals) process.once(signal, stop)
  return () => {
    for (const signal of signals) process.off(signal, stop)
  }
}
