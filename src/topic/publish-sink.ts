import type { Outcome } from '../chat/outcome.ts'
import { faultPoint, planted } from '../fault-points.ts'
import type { Refusal, Sink } from '../partition/evaluation.ts'

/** What the owner does with a publish when it has committed: the sender is told, then the readers. */
export interface PublishSteps {
  accept(outcome: Outcome): void
  fanOut(outcome: Outcome): void
  /** Sends what `fanOut` has gathered now, not at the end of the run. */
  flush(): void
  refused(why: Refusal): void
}

/** The steps in their order; earlier than commit only with a planted bug. */
export function publishSink(steps: PublishSteps): Sink<Outcome> {
  const sink: Sink<Outcome> = {
    released(outcome) {
      faultPoint('before-ack')
      if (!planted('K17')) steps.accept(outcome)
      faultPoint('after-ack')
      if (!planted('K18')) steps.fanOut(outcome)
    },
    refused: (why) => steps.refused(why),
  }
  if (planted('K17')) sink.proposed = (outcome) => steps.accept(outcome)
  if (planted('K18')) {
    sink.proposed = (outcome) => {
      steps.fanOut(outcome)
      steps.flush()
    }
  }
  return sink
}
