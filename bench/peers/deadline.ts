import { reasonOf } from '../../src/cli/cluster/find-cluster.ts'

/** Waiting that ends: whatever a system does, a measurement goes on or says what it waited for. */

/** Rejects when `promise` has not settled after `ms`. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing came within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** How long one attempt may take, and how long there is between two, ms. */
const attemptMs = 5_000
const pauseMs = 100

/**
 * Tries until `attempt` succeeds. Rejects with why the last one failed, after `ms`, or as soon as
 * `lost` says why it never will.
 */
export async function eventually<T>(
  ms: number,
  what: string,
  attempt: () => Promise<T>,
  lost: () => string | undefined = () => undefined,
): Promise<T> {
  const end = performance.now() + ms
  for (;;) {
    try {
      return await within(attemptMs, what, attempt())
    } catch (error) {
      const why = lost() ?? (performance.now() > end ? `not within ${ms} ms` : undefined)
      if (why !== undefined)
        throw new Error(`${what}: ${why} (${reasonOf(error)})`, { cause: error })
      await pause(pauseMs)
    }
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
