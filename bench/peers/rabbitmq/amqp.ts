/**
 * What is used of the package amqplib 2.3: AMQP 0-9-1 with publisher confirms. Said here, so that all else
 * compiles and runs where the package is not installed.
 */
export interface Amqp {
  connect(url: string): Promise<AmqpConnection>
}

export interface AmqpConnection {
  createConfirmChannel(): Promise<AmqpChannel>
  close(): Promise<void>
  on(event: 'error', listener: (error: Error) => void): this
}

export interface AmqpChannel {
  assertExchange(name: string, type: 'fanout', options: { durable: boolean }): Promise<unknown>
  assertQueue(
    name: string,
    options: { durable?: boolean; exclusive?: boolean; arguments?: Record<string, unknown> },
  ): Promise<{ readonly queue: string }>
  bindQueue(queue: string, exchange: string, pattern: string): Promise<unknown>
  consume(
    queue: string,
    onMessage: (message: { readonly content: Buffer } | null) => void,
    options: { noAck: boolean },
  ): Promise<unknown>
  /** `confirmed` is called with an error when the server refuses, and when the channel closes first. */
  publish(
    exchange: string,
    routingKey: string,
    content: Buffer,
    options: { persistent: boolean },
    confirmed: (error: unknown) => void,
  ): boolean
  on(event: 'error', listener: (error: Error) => void): this
}

export const amqpPackage = 'amqplib'

/** The package is for development only, and only this system needs it: it is loaded when that is measured. */
export async function loadAmqp(): Promise<Amqp> {
  const loaded = (await import(amqpPackage)) as Amqp & { readonly default?: Amqp }
  return loaded.default ?? loaded // it is CommonJS, or no longer
}
