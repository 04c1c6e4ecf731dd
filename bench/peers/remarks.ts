/** From here on the load process has no time left, percent of one core: it runs on a single one. */
const clientBusyPercent = 90

/** What a reader must know of a row, in words. */
export function remarksOn(row: {
  readonly clientCpuPercent: number
  readonly errors: number
  readonly missing?: number
  readonly disorder?: number
}): string {
  const remarks: string[] = []
  if (row.clientCpuPercent >= clientBusyPercent) remarks.push('the load process was the limit')
  if (row.errors > 0) remarks.push(`${row.errors} errors`)
  if ((row.missing ?? 0) > 0) remarks.push(`${row.missing} deliveries missing`)
  if ((row.disorder ?? 0) > 0) remarks.push(`${row.disorder} out of order`)
  return remarks.join(', ')
}
