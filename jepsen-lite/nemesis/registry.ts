import { linkNemeses } from './link-nemeses.ts'
import { lostMajority } from './lost-majority.ts'
import type { Nemesis } from './nemesis.ts'
import { processNemeses } from './process-nemeses.ts'

/** Every nemesis there is, as `list` shows them. */
export const nemeses: readonly Nemesis[] = [...processNemeses, ...linkNemeses, lostMajority]
