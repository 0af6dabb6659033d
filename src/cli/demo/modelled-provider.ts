import type { Clock } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import { inputTokens } from '../../core/tokens.ts';
import type { LlmSkeleton } from '../../core/trace.ts';
import { MS_PER_MINUTE, MS_PER_SECOND } from '../../core/units.ts';
import type { LlmStep, ScriptMessage } from '../../loadtest/session-script.ts';
import type { AttemptResult, Transport, TransportCall } from '../../loadtest/transport.ts';
import { TokenBucket } from '../../mechanisms/token-bucket.ts';
import type { WorkloadProfile } from '../../workload/workload-profile.ts';

/** What a provider publishes and a planner may therefore use. */
export interface ProviderRules {
  readonly requestsPerMinute: number;
  /** Requests that may come at once. */
  readonly requestBurst: number;
  /** Prompt cache: prefixes from `minTokens` on, counted in whole steps. */
  readonly cache: { readonly minTokens: number; readonly stepTokens: number };
}

/** Share of recorded calls, nearest in prompt length, from which a latency is drawn. */
const NEIGHBOUR_SHARE = 0.2;
const FEWEST_NEIGHBOURS = 8;

/** A refusal is quick; the recorded profile says nothing about it. */
const REFUSAL_MS = 2;

/** A provider in virtual time: token bucket, prefix cache, and latencies drawn from a profile. */
export class ModelledProvider implements Transport {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #rules: ProviderRules;
  readonly #bucket: TokenBucket;
  /** Recorded calls by prompt length. */
  readonly #recorded: readonly TimedCall[];
  readonly #seen = new Set<string>();

  constructor(profile: WorkloadProfile, rules: ProviderRules, clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
    this.#rules = rules;
    this.#recorded = timedCalls(profile);
    this.#bucket = new TokenBucket(
      {
        capacity: rules.requestBurst,
        refillPerSecond: (rules.requestsPerMinute * MS_PER_SECOND) / MS_PER_MINUTE,
      },
      clock.now(),
    );
  }

  send({ step }: TransportCall, signal: AbortSignal): Promise<AttemptResult> {
    const sentAt = this.#clock.now();
    const admission = this.#bucket.take(sentAt, 1);
    if (!admission.admitted) {
      const headers = { 'retry-after': String(Math.ceil(admission.waitMs / MS_PER_SECOND)) };
      const refusal = { sentAt, status: 429, headers, chunks: 0, error: 'http-429' } as const;
      return this.#later(sentAt + REFUSAL_MS, signal, sentAt, (endAt) => {
        return { ...refusal, outcome: 'failed', endAt };
      });
    }
    const { perTokenMs, ttftMs } = this.#latency(step.inputTokens);
    const firstTokenAt = sentAt + ttftMs;
    const cacheRead = this.#cached(step, firstTokenAt);
    return this.#later(
      firstTokenAt + perTokenMs * (step.outputTokens - 1),
      signal,
      sentAt,
      (endAt) => {
        return {
          sentAt,
          status: 200,
          headers: {},
          chunks: step.outputTokens,
          firstByteAt: firstTokenAt,
          firstTokenAt,
          lastTokenAt: endAt,
          doneAt: endAt,
          endAt,
          outcome: 'ok',
          usage: {
            uncached: step.inputTokens - cacheRead,
            cacheRead,
            cacheWrite5m: 0,
            cacheWrite1h: 0,
            output: step.outputTokens,
            reasoning: 0,
          },
        };
      },
    );
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #later(
    atMs: number,
    signal: AbortSignal,
    sentAt: number,
    result: (endAt: number) => AttemptResult,
  ): Promise<AttemptResult> {
    return new Promise((resolve) => {
      const cancel = this.#clock.at(atMs, () => {
        signal.removeEventListener('abort', abort);
        resolve(result(atMs));
      });
      const abort = (): void => {
        cancel();
        resolve({ sentAt, headers: {}, chunks: 0, endAt: this.#clock.now(), outcome: 'aborted' });
      };
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  /** The latency of a recorded call whose prompt was about as long. */
  #latency(tokens: number): TimedCall {
    const calls = this.#recorded;
    const size = Math.max(FEWEST_NEIGHBOURS, Math.round(calls.length * NEIGHBOUR_SHARE));
    const at = calls.findIndex((call) => call.inputTokens >= tokens);
    const middle = at === -1 ? calls.length : at;
    const from = Math.max(0, Math.min(calls.length - size, middle - Math.floor(size / 2)));
    return this.#random.pick(calls.slice(from, from + size));
  }

  /** Tokens of the longest prefix of messages that was sent before, by the published rule. */
  #cached({ messages }: LlmStep, firstTokenAt: number): number {
    const { minTokens, stepTokens } = this.#rules.cache;
    const fresh: string[] = [];
    let key = '';
    let tokens = 0;
    let longest = 0;
    for (const message of messages) {
      key += `|${identity(message)}`;
      tokens += message.tokens;
      if (this.#seen.has(key)) longest = tokens;
      else fresh.push(key);
    }
    // Calls that start before the first token cannot hit: a fan-out pays for its prefix each time.
    this.#clock.at(firstTokenAt, () => {
      for (const prefix of fresh) this.#seen.add(prefix);
    });
    return longest < minTokens ? 0 : Math.floor(longest / stepTokens) * stepTokens;
  }
}

interface TimedCall {
  readonly inputTokens: number;
  readonly ttftMs: number;
  readonly perTokenMs: number;
}

function timedCalls(profile: WorkloadProfile): TimedCall[] {
  const calls = profile.skeletons
    .flatMap(({ turns }) => turns.flatMap(({ steps }) => steps))
    .filter((step): step is LlmSkeleton => step.kind === 'llm')
    .flatMap(({ durationMs, tokens, ttftMs }): TimedCall[] => {
      if (durationMs === undefined || ttftMs === undefined) return [];
      const perTokenMs = tokens.output > 1 ? (durationMs - ttftMs) / (tokens.output - 1) : 0;
      return [{ inputTokens: inputTokens(tokens), ttftMs, perTokenMs }];
    });
  return calls.toSorted((a, b) => a.inputTokens - b.inputTokens);
}

function identity({ marker, offset, role, tokens }: ScriptMessage): string {
  return `${role}:${tokens}:${offset}:${marker ?? ''}`;
}
