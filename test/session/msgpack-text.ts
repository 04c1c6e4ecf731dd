import { clientObjectLimits } from '../../src/wire/client-codec.ts'
import { MsgpackReader } from '../../src/wire/msgpack-reader.ts'

/** One server message of a msgpack client. */
export function decode(message: unknown): any {
  return Buffer.isBuffer(message)
    ? new MsgpackReader(message, clientObjectLimits).readWhole()
    : message
}
