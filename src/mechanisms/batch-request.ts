import type { PrefixBlocks } from '../core/trace.ts';

export interface BatchRequest {
  readonly promptTokens: number;
  /** Tokens after which the reply ends. 0 ends with the prompt (embeddings). */
  readonly outputTokens: number;
  /** Smaller is more urgent, as in vLLM; default 0. Integer within ±1,000. */
  readonly priority?: number | undefined;
  /** Chained hashes of the prompt and, if known, of the reply behind it. */
  readonly prefix?: PrefixBlocks | undefined;
}

export type Submission = 'queued' | 'queue-full' | 'too-large';

export interface BatchSink<Request> {
  /** `count` new tokens; the first token of a request comes with the last piece of its prompt. */
  token(request: Request, atMs: number, count: number): void;
  finish(request: Request, atMs: number): void;
}

export type BatchEvent<Request> =
  | {
      readonly kind: 'token';
      readonly request: Request;
      readonly atMs: number;
      readonly count: number;
    }
  | { readonly kind: 'finish'; readonly request: Request; readonly atMs: number };

export interface BatchingCounters {
  readonly running: number;
  readonly waiting: number;
  /** Share of KV blocks held, 0 to 1. */
  readonly kvUsage: number;
  readonly steps: number;
  readonly preemptions: number;
  readonly evictions: number;
  /** Prompt tokens answered from the prefix cache. */
  readonly cachedTokens: number;
  /** Prompt tokens computed, recomputation included. */
  readonly computedTokens: number;
}

/** A sink that keeps events as values. */
export function collector<Request>(events: BatchEvent<Request>[]): BatchSink<Request> {
  return {
    token: (request, atMs, count) => events.push({ kind: 'token', request, atMs, count }),
    finish: (request, atMs) => events.push({ kind: 'finish', request, atMs }),
  };
}
