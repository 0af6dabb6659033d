/** The bytes of a reply, kept as long as they fit a bound. */
export class KeptReply {
  readonly #limitBytes: number;
  readonly #contentType: string;
  #chunks: Buffer[] = [];
  #bytes = 0;

  /** @param limitBytes 0 keeps nothing */
  constructor(limitBytes: number, contentType: string) {
    this.#limitBytes = limitBytes;
    this.#contentType = contentType;
  }

  push(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes <= this.#limitBytes) this.#chunks.push(chunk);
    else this.#chunks = [];
  }

  /** Everything, or undefined when it was too much. */
  whole(): { readonly contentType: string; readonly body: Buffer } | undefined {
    if (this.#bytes > this.#limitBytes) return undefined;
    const [only] = this.#chunks;
    const isOne = only !== undefined && this.#chunks.length === 1;
    return { contentType: this.#contentType, body: isOne ? only : Buffer.concat(this.#chunks) };
  }
}
