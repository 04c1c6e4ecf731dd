import { armFaults, parseFaults, UnknownFault } from '../fault-points.ts'
import type { FaultPlan } from '../fault-points.ts'
import { ConfigRefused } from '../node/cluster-file.ts'

/** Plants bugs, crashes and stalls in a server of a test; see docs/testing.md. */
export const faultVariable = 'FLOTILLA_FAULTS'

/**
 * Arms this process with what the environment says, if it says anything. Throws ConfigRefused: what
 * is named does not exist, or `profile` is one on which people depend.
 */
export function armFromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  profile: string,
): void {
  const text = environment[faultVariable]
  if (text === undefined || text === '') return
  if (profile === 'production') {
    const says = 'faults are never planted in a cluster with the production profile'
    throw new ConfigRefused('environment', [{ at: faultVariable, says, cure: 'unset it' }])
  }
  armFaults(planOf(text), {
    kill: () => process.kill(process.pid, 'SIGKILL'),
    stall: (ms) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
  })
}

function planOf(text: string): FaultPlan {
  try {
    return parseFaults(text)
  } catch (error) {
    if (!(error instanceof UnknownFault)) throw error
    const complaint = { at: faultVariable, says: error.message, cure: 'docs/testing.md lists them' }
    throw new ConfigRefused('environment', [complaint])
  }
}
