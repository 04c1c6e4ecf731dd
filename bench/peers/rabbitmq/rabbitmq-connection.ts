import type { Connection } from '../system.ts'
import type { AmqpChannel, AmqpConnection } from './amqp.ts'
import { loadAmqp } from './amqp.ts'

/** What publishes go to: it copies them to the quorum queue, and to a queue of each subscriber. */
const exchange = 'bench'
const keptQueue = 'bench-kept'

/** One connection with one channel that has its publishes confirmed. */
export class RabbitmqConnection implements Connection {
  readonly #connection: AmqpConnection
  readonly #channel: AmqpChannel

  static async open(port: number): Promise<RabbitmqConnection> {
    const amqp = await loadAmqp()
    const connection = await amqp.connect(`amqp://guest:guest@127.0.0.1:${port}`)
    const ignored = () => {} // whatever is unconfirmed is refused by itself
    connection.on('error', ignored)
    const channel = await connection.createConfirmChannel()
    channel.on('error', ignored)
    return new RabbitmqConnection(connection, channel)
  }

  private constructor(connection: AmqpConnection, channel: AmqpChannel) {
    this.#connection = connection
    this.#channel = channel
  }

  /** Makes what publishes are kept in: a quorum queue with a copy on each node. */
  async declare(nodes: number): Promise<void> {
    await this.#channel.assertExchange(exchange, 'fanout', { durable: true })
    await this.#channel.assertQueue(keptQueue, {
      durable: true,
      arguments: { 'x-queue-type': 'quorum', 'x-quorum-initial-group-size': nodes },
    })
    await this.#channel.bindQueue(keptQueue, exchange, '')
  }

  publish(body: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const confirmed = (error: unknown) => {
        if (error === null || error === undefined) resolve()
        else reject(new Error('rabbitmq: not confirmed', { cause: error }))
      }
      this.#channel.publish(exchange, '', Buffer.from(body), { persistent: true }, confirmed)
    })
  }

  async subscribe(onBody: (bytes: Buffer) => void): Promise<void> {
    const { queue } = await this.#channel.assertQueue('', { exclusive: true })
    await this.#channel.bindQueue(queue, exchange, '')
    await this.#channel.consume(
      queue,
      (message) => {
        if (message !== null) onBody(message.content)
      },
      { noAck: true },
    )
  }

  close(): void {
    this.#connection.close().catch(() => {}) // it is gone: that is what was asked for
  }
}
