import type { Batch } from './pool.ts'
import { runBatch } from './pool.ts'

/** A process of a campaign: takes batches of seeds, answers with their results, ends when let go. */
process.on('message', (batch: Batch) => {
  process.send?.(runBatch(batch))
})
