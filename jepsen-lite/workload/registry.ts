import { admin } from './admin.ts'
import { append } from './append.ts'
import { history } from './history.ts'
import { ids } from './ids.ts'
import { marks } from './marks.ts'
import { membership } from './membership.ts'
import { names } from './names.ts'
import { publish, retry } from './publish.ts'
import { readers, register } from './register.ts'
import type { Workload } from './workload.ts'

/** Every workload there is, as `list` shows them. */
export const workloads: readonly Workload[] = [
  publish,
  retry,
  history,
  append,
  register,
  readers,
  names,
  membership,
  marks,
  ids,
  admin,
]
