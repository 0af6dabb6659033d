import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Where one reply goes. Calls after the end do nothing. */
export interface ReplySink {
  head(status: number, headers: Readonly<Record<string, string>>): void;
  write(text: string): void;
  /** Ends the reply cleanly, with a last piece if given. */
  end(text?: string): void;
  /** Resets the connection: the client sees an error, not an end. */
  reset(): void;
  /** Every listener is called once if the client leaves before the end; the latest comes first. */
  onAbandoned(listener: () => void): void;
  /** The next request on the connection meets a reset; absent where there is no connection. */
  expireConnection?(): void;
}

/** Sockets whose next request is answered by a reset. */
const expired = new WeakSet<Socket>();

/** Whether the connection was to go before this request. */
export function isExpired(socket: Socket): boolean {
  return expired.has(socket);
}

/** A sink over a node response. */
export class HttpSink implements ReplySink {
  readonly #response: ServerResponse;
  readonly #listeners: (() => void)[] = [];
  #ended = false;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.once('close', () => {
      if (this.#ended) return;
      this.#ended = true;
      for (const listener of this.#listeners.toReversed()) listener();
    });
  }

  head(status: number, headers: Readonly<Record<string, string>>): void {
    if (!this.#ended && !this.#response.headersSent) this.#response.writeHead(status, headers);
  }

  write(text: string): void {
    if (!this.#ended && text !== '') this.#response.write(text);
  }

  end(text?: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#response.end(text);
  }

  reset(): void {
    if (this.#ended) return;
    this.#ended = true;
    const { socket } = this.#response;
    // A turn later, so that what was written before is on its way.
    if (socket === null) this.#response.destroy();
    else setImmediate(() => socket.resetAndDestroy());
  }

  onAbandoned(listener: () => void): void {
    this.#listeners.push(listener);
  }

  expireConnection(): void {
    const { socket } = this.#response;
    if (socket !== null) expired.add(socket);
  }
}
