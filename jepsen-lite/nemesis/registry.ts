import { clockNemeses } from './clock-nemeses.ts'
import { combos } from './combos.ts'
import { diskNemeses } from './disk-nemeses.ts'
import { everything } from './everything.ts'
import { identityNemeses } from './identity-nemeses.ts'
import { lateNemeses } from './late-nemeses.ts'
import { linkNemeses } from './link-nemeses.ts'
import { loadNemeses } from './load-nemeses.ts'
import { lostMajority } from './lost-majority.ts'
import { memberNemeses } from './member-nemeses.ts'
import type { Nemesis } from './nemesis.ts'
import { processNemeses } from './process-nemeses.ts'
import { shapeNemeses } from './shape-nemeses.ts'

const all: readonly Nemesis[] = [
  ...processNemeses,
  ...linkNemeses,
  ...lateNemeses,
  ...shapeNemeses,
  ...diskNemeses,
  ...clockNemeses,
  ...identityNemeses,
  ...memberNemeses,
  ...loadNemeses,
  lostMajority,
  ...combos,
]

/** Every nemesis there is, as `list` shows them. */
export const nemeses: readonly Nemesis[] = [...all, everything(all)]
