/** How the simulation's commands end. */
export const exitCodes = {
  held: 0,
  failed: 1,
  /** Nothing failed, but something was never reached or not repeatable: no proof. */
  unproven: 2,
  usage: 3,
} as const
