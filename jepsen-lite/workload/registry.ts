import { publish, retry } from './publish.ts'
import { register } from './register.ts'
import type { Workload } from './workload.ts'

/** Every workload there is, as `list` shows them. */
export const workloads: readonly Workload[] = [publish, retry, register]
