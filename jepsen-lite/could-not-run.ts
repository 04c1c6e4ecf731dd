/** Nothing was judged: the input is missing or makes no sense, or the cluster did not start. Exit code 3. */
export class CouldNotRun extends Error {
  override readonly name = 'CouldNotRun'
}
