import { mean } from '../core/statistics.ts';
import type { Queueing } from './queueing.ts';
import { trafficMeans } from './traffic.ts';
import type { Traffic } from './traffic.ts';

/** How long a turn takes, from the user's message to the agent's answer. */
export interface TurnLatency {
  /** As the workload has it: model and tool times, no waiting for limits. */
  readonly meanMs: number;
  readonly p95Ms: number;
  /**
   * Upper bound of the 95th percentile when the client queues calls for room: each call of a turn
   * waits as long as 95 % of the calls do. Null: the queue has no end.
   */
  readonly p95QueuedMs: number | null;
}

/** @param queueing of the scale, one entry per limit pool */
export function turnLatency(traffic: Traffic, queueing: readonly Queueing[]): TurnLatency {
  const turns = turnTimes(traffic);
  const p95Ms = turns[Math.max(0, Math.ceil(0.95 * turns.length) - 1)] ?? 0;
  let waitMs: number | null = 0;
  for (const { documented } of queueing) {
    waitMs =
      documented === null || waitMs === null ? null : Math.max(waitMs, documented.p95Ms.value);
  }
  const { callsPerTurn } = trafficMeans(traffic);
  return {
    meanMs: turns.length === 0 ? 0 : mean(turns),
    p95Ms,
    p95QueuedMs: waitMs === null ? null : p95Ms + callsPerTurn * waitMs,
  };
}

/** Duration of every turn of the workload in ms, shortest first. */
export function turnTimes({ sessions }: Traffic): number[] {
  return sessions.flatMap(({ turnMs }) => turnMs).toSorted((a, b) => a - b);
}
