/**
 * Bounds that more than one room knows, each with its unit, reason and what happens above it.
 * Bounds of a single room stand at the head of the file that holds them.
 */
export const limits = {
  /** Largest ctrl/data text the edge will build or a peer may send in one envelope, bytes. Above: the request is refused as malformed. */
  maxMessageBytes: 4 * 1024 * 1024,
  /** A client request is answered by then, ms; the stock SDKs give up after 5,000. Above: ctrl 503 or 504. */
  requestDeadlineMs: 4_000,
  /** Requests of one session that are not answered yet. Above: its socket is not read until answers come. */
  maxOutstandingPerSession: 256,
  /** Messages in one page of history. A larger `limit` is cut. */
  maxHistoryPage: 100,
  /** Rows in one list (subscriptions, delete log, search). Above: cut. */
  maxListRows: 1_024,
  /** Evaluated but uncommitted bytes of one partition. Above: 503 queue-full, nothing was done. */
  maxUncommittedBytes: 16 * 1024 * 1024,
  /** Effects of one Raft entry, bytes; a batch is closed when it grows past this. */
  maxBatchBytes: 512 * 1024,
} as const
