import type { Fault } from '../config/provider.ts';
import type { Clock } from '../core/clock.ts';
import type { TokenRecord } from '../core/tokens.ts';
import type { ApiError, Dialect, ReplyHead, StreamWriter } from '../http/dialect.ts';
import { dialects } from '../http/dialects.ts';
import type { ComposedReply } from './compose-reply.ts';
import {
  breakFrame,
  breakJson,
  cutLastEvent,
  errorOf,
  spoilsReply,
  stepsBefore,
  swapFirst,
  wrongUsage,
} from './fault-effects.ts';
import { framed } from './framing.ts';
import type { LimitTicket } from './key-limits.ts';
import type { Pacer } from './pacer.ts';
import type { CacheLookup } from './prompt-cache.ts';
import type { ReplySink } from './reply-sink.ts';
import type { Outcome, RequestRecord } from './request-log.ts';
import { StreamedReply } from './streamed-reply.ts';
import type { TimingHandle } from './timing.ts';
import { wholeReply } from './whole-reply.ts';

/** What one admitted call needs to be answered. */
export interface GenerationInput {
  readonly dialect: Dialect;
  readonly head: ReplyHead;
  readonly stream: boolean;
  /** Makes the writer of a stream. */
  readonly writer: () => StreamWriter;
  readonly composed: ComposedReply;
  readonly cache: CacheLookup;
  readonly inputTokens: number;
  readonly fault: Fault | undefined;
  readonly prelude: 'immediate' | 'first-token';
  readonly ticket: LimitTicket;
  /** Headers of a reply that begins now. */
  readonly headers: () => Readonly<Record<string, string>>;
  readonly sink: ReplySink;
  readonly record: RequestRecord;
  readonly clock: Clock;
  readonly pacer: Pacer;
  readonly sinceAcceptNs: () => number;
  readonly onFirstToken: () => void;
  /** Called once, when the exchange is over. */
  readonly onEnd: (end: GenerationEnd) => void;
}

export interface GenerationEnd {
  readonly outcome: Outcome;
  readonly usage: TokenRecord;
}

/** Answers one admitted call as its tokens come, and ends exactly once whatever happens. */
export class Generation {
  readonly #input: GenerationInput;
  /** Undefined when the reply is sent whole. */
  readonly #reply: StreamedReply | undefined;
  #timing: TimingHandle | undefined;
  /** Input side; output is counted in steps. */
  #usage: TokenRecord;
  #steps = 0;
  #opened = false;
  #over = false;
  #struck = false;
  /** Text kept back during a stall; undefined when nothing is. */
  #held: string | undefined;
  /** The reply is whole and waits for the stall to end. */
  #endsAfterStall = false;
  /** An event that comes after the one that follows it. */
  #late = '';

  constructor(input: GenerationInput) {
    const { uncached, cacheRead, cacheWrite5m, cacheWrite1h } = input.cache;
    this.#input = input;
    if (input.stream) this.#reply = new StreamedReply(input.composed, input.writer());
    this.#usage = { uncached, cacheRead, cacheWrite5m, cacheWrite1h, output: 0, reasoning: 0 };
    input.sink.onAbandoned(() => this.#end('client-closed'));
    if (this.#reply !== undefined && input.prelude === 'immediate') {
      this.#send(this.#open(this.#reply));
    }
  }

  /** The timing model runs; it is cancelled when the call ends early. */
  started(timing: TimingHandle): void {
    if (this.#over) timing.cancel();
    else this.#timing = timing;
  }

  /** Answers with an error instead (the engine turned the call away). */
  refuse(error: ApiError): void {
    if (this.#over) return;
    if (this.#reply !== undefined && this.#opened) {
      this.#input.sink.end(this.#reply.writer.error(error));
    } else this.#sendBody(error.status, this.#errorBody(error));
    this.#end('refused');
  }

  /** `count` decoding steps are done. */
  tokens(count: number, cachedTokens?: number): void {
    if (this.#over) return;
    if (this.#steps === 0) this.#first(cachedTokens);
    const { composed, ticket, clock } = this.#input;
    this.#steps += count;
    const done = this.#steps >= composed.steps;
    if (ticket.progress !== undefined) ticket.progress(clock.now(), this.#output());
    if (this.#reply !== undefined) this.#stream(this.#reply, count, done);
    else if (done) this.#whole();
  }

  /** Output tokens so far, of all choices. */
  #output(): number {
    const { steps, outputTokens, choices } = this.#input.composed;
    if (this.#steps >= steps) return outputTokens;
    return Math.min(this.#steps * choices.length, outputTokens);
  }

  /** What the call has used so far. */
  #used(): TokenRecord {
    const output = this.#output();
    const reasoning = Math.min(this.#input.composed.reasoningTokens, output);
    return { ...this.#usage, output, reasoning };
  }

  #first(cachedTokens: number | undefined): void {
    const { cache, clock, inputTokens, onFirstToken } = this.#input;
    if (cachedTokens !== undefined) {
      const cacheRead = Math.min(cachedTokens, inputTokens);
      this.#usage = { ...this.#usage, uncached: inputTokens - cacheRead, cacheRead };
    }
    cache.commit(clock.now());
    onFirstToken();
  }

  #stream(reply: StreamedReply, count: number, done: boolean): void {
    const { fault, composed } = this.#input;
    let text = this.#open(reply) + reply.advance(count);
    if (text !== '') {
      text += this.#late;
      this.#late = '';
    }
    if (fault !== undefined && !this.#struck && (done || this.#steps >= stepsBefore(fault))) {
      this.#struck = true;
      const rest = this.#strike(reply, fault, text);
      if (rest === undefined) return;
      text = rest;
    }
    if (done) {
      const finish = composed.choices.map((choice) => choice.finish);
      const { stopSequence } = composed.choices[0]!;
      const end = reply.writer.close({
        finish,
        stopSequence,
        usage: wrongUsage(this.#used(), fault),
      });
      text += swapFirst(end, this.#late);
    }
    if (fault?.kind === 'framing') this.#sendPieces(framed(text, fault.how, { isLast: done }));
    else this.#send(text);
    if (done) this.#finish();
  }

  /** Lets a fault strike inside a stream. Returns what is still to be sent, or undefined: it is over. */
  #strike({ writer }: StreamedReply, fault: Fault, text: string): string | undefined {
    const { sink, pacer, clock } = this.#input;
    switch (fault.kind) {
      case 'malformed-json':
        return breakFrame(text);
      case 'skip-event':
      case 'reorder-events': {
        const { before, last } = cutLastEvent(text);
        if (fault.kind === 'reorder-events') this.#late = last;
        this.#struck = last !== ''; // hidden reasoning brings no event to take away
        return before;
      }
      case 'stall':
        this.#send(text);
        this.#held = '';
        if (fault.pause !== undefined) {
          pacer.at(clock.now() + fault.pause, () => this.#release());
        }
        return '';
      case 'error-event':
        this.#send(text + writer.error(errorOf(fault)));
        sink.end();
        break;
      case 'truncate':
        this.#send(text);
        sink.end();
        break;
      case 'reset':
        this.#send(text);
        sink.reset();
        break;
      case 'status':
      case 'html':
      case 'slow-headers':
      case 'slow-first-token':
      case 'wrong-usage':
      case 'framing':
      case 'cut-arguments':
      case 'stale-connection':
        return text; // before the stream, or at its end
    }
    this.#end('fault');
    return undefined;
  }

  #release(): void {
    if (this.#over) return;
    const held = this.#held ?? '';
    this.#held = undefined;
    this.#send(held);
    if (this.#endsAfterStall) this.#finish();
  }

  #finish(): void {
    if (this.#held !== undefined) {
      this.#endsAfterStall = true;
      return;
    }
    this.#input.sink.end();
    this.#end(spoilsReply(this.#input.fault) ? 'fault' : 'complete');
  }

  #open({ writer }: StreamedReply): string {
    if (this.#opened) return '';
    this.#opened = true;
    const { sink, headers, record } = this.#input;
    sink.head(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      ...headers(),
    });
    record.status = 200;
    record.headersNs = this.#input.sinceAcceptNs();
    return writer.open(wrongUsage(this.#usage, this.#input.fault));
  }

  #send(text: string): void {
    if (text === '') return;
    if (this.#held !== undefined) {
      this.#held += text;
      return;
    }
    const { sink, record } = this.#input;
    sink.write(text);
    record.bytes = (record.bytes ?? 0) + text.length;
    record.chunkNs?.push(this.#input.sinceAcceptNs());
  }

  #sendPieces(pieces: readonly string[]): void {
    for (const piece of pieces) this.#send(piece);
  }

  /** A reply in one piece, with the faults that concern it. */
  #whole(): void {
    const { fault, head, composed, dialect, sink, clock, pacer, headers } = this.#input;
    const usage = wrongUsage(this.#used(), fault);
    const body = dialects[dialect].reply(wholeReply(head, composed, usage));
    const text = JSON.stringify(body);
    switch (fault?.kind) {
      case 'stall':
        if (fault.pause === undefined) return; // silence until the client gives up
        pacer.at(clock.now() + fault.pause, () => {
          if (this.#over) return;
          this.#sendBody(200, text);
          this.#end('complete');
        });
        return;
      case 'error-event':
        this.#sendBody(fault.status, this.#errorBody(errorOf(fault)));
        break;
      case 'malformed-json':
        this.#sendBody(200, breakJson(text));
        break;
      case 'truncate':
      case 'reset':
        // Without content-length the half body ends as cleanly as HTTP can tell.
        sink.head(200, { 'content-type': 'application/json', ...headers() });
        this.#input.record.status = 200;
        this.#send(text.slice(0, text.length / 2));
        if (fault.kind === 'reset') sink.reset();
        else sink.end();
        break;
      case 'status':
      case 'html':
      case 'slow-headers':
      case 'slow-first-token':
      case 'wrong-usage':
      case 'framing':
      case 'skip-event':
      case 'reorder-events':
      case 'cut-arguments':
      case 'stale-connection':
      case undefined:
        this.#sendBody(200, text);
    }
    this.#end(spoilsReply(fault) ? 'fault' : 'complete');
  }

  #sendBody(status: number, text: string): void {
    const { sink, headers, record } = this.#input;
    const length = String(Buffer.byteLength(text));
    sink.head(status, {
      'content-type': 'application/json',
      'content-length': length,
      ...headers(),
    });
    record.status = status;
    record.headersNs = this.#input.sinceAcceptNs();
    record.bytes = text.length;
    sink.end(text);
  }

  #errorBody(error: ApiError): string {
    const { dialect, record } = this.#input;
    return JSON.stringify(dialects[dialect].errorBody(error, record.id));
  }

  #end(outcome: Outcome): void {
    if (this.#over) return;
    this.#over = true;
    this.#timing?.cancel();
    this.#input.onEnd({ outcome, usage: this.#used() });
  }
}
