import { frameBinary, frameText } from '../wire/client-frames.ts'
import { packClient } from '../wire/client-codec.ts'

/**
 * One server message on its way to many sessions: encoded at most once per codec, framed for the
 * websocket at most once, whoever asks first. 1,000 subscribers share one buffer.
 */
export class Frame {
  readonly json: string
  #text: Buffer | undefined
  #binary: Buffer | undefined

  /** `json`: the text of one server message object. */
  constructor(json: string) {
    this.json = json
  }

  /** A whole websocket text frame. */
  get text(): Buffer {
    return (this.#text ??= frameText(this.json))
  }

  /** A whole websocket binary frame, for clients of the msgpack subprotocol. */
  get binary(): Buffer {
    return (this.#binary ??= frameBinary(packClient(JSON.parse(this.json))))
  }
}
