import type { Scenario } from '../config/scenario.ts';
import { sleepUntil } from '../core/clock.ts';
import type { Clock } from '../core/clock.ts';
import type { Random } from '../core/random.ts';
import type { RetryPolicy } from '../mechanisms/backoff.ts';
import type { Sample } from './sample.ts';
import type { Transport } from './transport.ts';

/** What a session needs from its run. Times handed in and out count from `originMs` on the clock. */
export interface SessionContext {
  readonly clock: Clock;
  readonly originMs: number;
  readonly transport: Transport;
  readonly wallNowMs: () => number;
  /** Jitter of this session's retries. */
  readonly random: Random;
  readonly retry: RetryPolicy;
  readonly onFailure: Scenario['onFailure'];
  /** Ends everything at once; what is in flight counts as cut. */
  readonly signal: AbortSignal;
  readonly running: { calls: number };
  readonly sink: (sample: Sample) => void;
}

/** False when the run was cut before that time. */
export async function waitUntil(offsetMs: number, context: SessionContext): Promise<boolean> {
  const { clock, originMs, signal } = context;
  if (!signal.aborted && clock.now() < originMs + offsetMs) {
    await sleepUntil(clock, originMs + offsetMs, signal).catch(() => {});
  }
  return !signal.aborted;
}

export function nowIn({ clock, originMs }: SessionContext): number {
  return clock.now() - originMs;
}
