import type { ReplySink } from './reply-sink.ts';

/**
 * Sink of a streamed call that runs in the background: it keeps every event and passes it on to
 * whoever follows. Followers may leave, and come back for what they missed; the work goes on.
 */
export class FollowedStream implements ReplySink {
  /** Whole events; the index is the `sequence_number`. */
  readonly #events: string[] = [];
  readonly #followers = new Set<ReplySink>();
  readonly #listeners: (() => void)[] = [];
  #head:
    | { readonly status: number; readonly headers: Readonly<Record<string, string>> }
    | undefined;
  /** The start of an event whose rest is still to come. */
  #started = '';
  #ended: 'end' | 'reset' | undefined;

  /**
   * Sends the events after a sequence number, then those to come.
   * @param after -1 for all
   */
  follow(sink: ReplySink, after: number): void {
    sink.onAbandoned(() => this.#followers.delete(sink));
    if (this.#head !== undefined) sink.head(this.#head.status, this.#head.headers);
    const missed = this.#events.slice(after + 1).join('');
    if (missed !== '') sink.write(missed);
    if (this.#ended === 'end') sink.end();
    else if (this.#ended === 'reset') sink.reset();
    else this.#followers.add(sink);
  }

  /** Ends the generation as if its reader had left. */
  cancel(): void {
    for (const listener of this.#listeners.toReversed()) listener();
    this.end();
  }

  head(status: number, headers: Readonly<Record<string, string>>): void {
    this.#head = { status, headers };
    for (const follower of this.#followers) follower.head(status, headers);
  }

  write(text: string): void {
    this.#keep(text);
    for (const follower of this.#followers) follower.write(text);
  }

  end(text = ''): void {
    if (this.#ended !== undefined) return;
    this.#ended = 'end';
    this.#keep(text);
    for (const follower of this.#followers) follower.end(text);
    this.#followers.clear();
  }

  reset(): void {
    if (this.#ended !== undefined) return;
    this.#ended = 'reset';
    for (const follower of this.#followers) follower.reset();
    this.#followers.clear();
  }

  onAbandoned(listener: () => void): void {
    this.#listeners.push(listener);
  }

  #keep(text: string): void {
    const events = (this.#started + text).split(/(?<=\n\n)/u);
    this.#started = events.at(-1)?.endsWith('\n\n') === true ? '' : (events.pop() ?? '');
    this.#events.push(...events);
  }
}
