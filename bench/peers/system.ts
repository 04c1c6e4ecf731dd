/**
 * A system that is measured: three nodes of it, started fresh, and connections that publish and
 * subscribe. Each system is a folder beside this file; all are loaded through this one port.
 */
export interface System {
  readonly name: string
  /** What holds when a publish is acknowledged. */
  readonly acknowledges: string
  /** What holds when a subscriber gets a message: before or after that. */
  readonly delivers: string
  /** What a reader of its figures must know besides. */
  readonly note?: string
  readonly needs: readonly Need[]
  /** A package of npm that its connections need, besides those that Flotilla itself needs. */
  readonly npmPackage?: string
  /** Settles when every node acknowledges publishes. Rejects with the end of a node's log when one cannot. */
  start(where: Where): Promise<Running>
}

export interface Need {
  readonly program: string
  readonly debianPackage: string
}

export interface Where {
  /** Empty, on the disk that is measured; removed by the caller afterwards. */
  readonly folder: string
  readonly nodes: number
}

export interface Running {
  /** The server processes; their children are counted with them. */
  pids(): number[]
  /** `node`: from 0; beyond the last one it wraps. */
  connect(node: number): Promise<Connection>
  /** Settles when no process is left. */
  stop(): Promise<void>
}

/** One client connection. Lean, so that the load process is not what is measured. */
export interface Connection {
  /** Resolves when it is acknowledged, rejects otherwise. No deadline of its own: the load has one. */
  publish(body: string): Promise<void>
  /** `onBody` gets bytes that hold the body somewhere, only lent. */
  subscribe(onBody: (bytes: Buffer) => void): Promise<void>
  close(): void
}
