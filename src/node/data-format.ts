import { join } from 'node:path'
import { refuseNewer } from '../errors.ts'
import { dataFormat } from '../wire/versions.ts'
import { readIfThere, writeDurably } from './durable-file.ts'

/** Of the data folder. Its name and its form, a number in text, are frozen. */
export const formatFile = 'format'

/**
 * Reads the mark of the data folder before anything in it is opened, and writes it in a new one.
 * An older mark stays: the folder is raised only with the cluster's format. Throws NewerFormat.
 */
export function takeDataFormat(folder: string): void {
  const path = join(folder, formatFile)
  const text = readIfThere(path)
  if (text === undefined) writeDurably(path, `${dataFormat}\n`)
  else refuseNewer(`the data folder ${folder}`, Number(text.trim()), dataFormat)
}

/**
 * The cluster has decided to write format `cluster` from here on. Throws NewerFormat when this
 * version does not know it: the node must stop before it meets what it cannot read.
 */
export function checkClusterFormat(cluster: number): void {
  refuseNewer('what this cluster writes', cluster, dataFormat)
}
