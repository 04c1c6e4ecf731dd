import type { Socket } from 'node:net'

/**
 * Ends a connection at once with a reset, whatever was still to be written. Node's resetAndDestroy
 * ends the stream first; an error meanwhile (the other side was quicker) makes it close a handle
 * that is just being shut down, which libuv refuses: the handle stays for ever, and at its exit the
 * process waits for it, busily. So the reset is done without an end, and where one has begun
 * already, or there is nothing to reset yet, the connection is closed as any other.
 */
export function reset(socket: Socket): void {
  if (!socket.connecting && !socket.writableEnded) {
    // What resetAndDestroy sets when its turn has come.
    ;(socket as Socket & { resetAndClosing?: boolean }).resetAndClosing = true
  }
  socket.destroy()
}
