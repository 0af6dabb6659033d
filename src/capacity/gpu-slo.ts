import { AgentInfraError } from '../errors.ts';
import { batchLimit, bisect, itlAt, steadyLoad, sustainedRate, ttftAt } from './gpu-steady.ts';
import type { BatchLimit, RequestShape, ServedReplica } from './gpu-steady.ts';
import { stepTerms } from './gpu-step.ts';
import type { StepTerms } from './gpu-step.ts';

/** Goals on means; a percentile needs the replay. Absent: no goal. */
export interface MeanSlo {
  readonly ttftMs?: number | undefined;
  readonly itlMs?: number | undefined;
}

export type BindingResource =
  | BatchLimit['resource']
  | 'weight-bandwidth'
  | 'kv-bandwidth'
  | 'prefill-compute'
  | 'experts'
  | 'network'
  | 'host-overhead';

/** The most one replica carries within the goals. */
export interface SloCapacity {
  readonly requestsPerSecond: number;
  /** Sequences running at that rate. */
  readonly sequences: number;
  readonly bindingResource: BindingResource;
  /** Which goal stops it; undefined when the batch limit does. */
  readonly stoppedBy?: 'ttft' | 'itl' | undefined;
  /** Sequences that memory and engine allow, whatever the goals. */
  readonly batchLimit: number;
}

/** The term that decides is the largest of the step at the limit. */
const RESOURCE_OF_TERM = {
  linear: 'weight-bandwidth',
  lmHead: 'weight-bandwidth',
  experts: 'experts',
  allToAll: 'network',
  decodeAttention: 'kv-bandwidth',
  prefillAttention: 'prefill-compute',
  allReduce: 'network',
  overhead: 'host-overhead',
} as const satisfies Record<keyof StepTerms, BindingResource>;

/** A single sequence: the least a replica can run. */
const ONE = 1;

/**
 * Largest open-loop rate of one replica whose mean TTFT and time per output token meet the goals.
 * @throws usage.invalid when even a single request misses a goal, or the model does not fit
 */
export function sloCapacity(
  replica: ServedReplica,
  request: RequestShape,
  slo: MeanSlo,
): SloCapacity {
  const ranks = replica.parallelism.attentionData;
  const limit = batchLimit(replica, request);
  const meetsItl = (n: number): boolean =>
    slo.itlMs === undefined || itlAt(replica, request, n) <= slo.itlMs;
  const meetsTtft = (n: number): boolean =>
    slo.ttftMs === undefined || ttftAt(replica, request, n) <= slo.ttftMs;
  const lone = Math.min(ONE, limit.sequences);
  if (!meetsItl(lone))
    throw misses('time per output token', itlAt(replica, request, lone), slo.itlMs!, replica);
  if (!meetsTtft(lone))
    throw misses('time to first token', ttftAt(replica, request, lone), slo.ttftMs!, replica);
  const byItl = bisect(lone, limit.sequences, meetsItl);
  const byTtft = bisect(lone, limit.sequences, meetsTtft);
  const sequences = Math.min(byItl, byTtft);
  const isLimited = sequences >= limit.sequences;
  const stoppedBy = isLimited ? undefined : byTtft < byItl ? 'ttft' : 'itl';
  return {
    requestsPerSecond: ranks * sustainedRate(replica, request, sequences),
    sequences: ranks * sequences,
    bindingResource: isLimited ? limit.resource : bindingAt(replica, request, sequences),
    stoppedBy,
    batchLimit: ranks * limit.sequences,
  };
}

function bindingAt(
  replica: ServedReplica,
  request: RequestShape,
  sequences: number,
): BindingResource {
  const load = steadyLoad(request, sequences / replica.parallelism.pipeline);
  const terms = stepTerms(replica, load);
  const names = Object.keys(terms) as (keyof StepTerms)[];
  const largest = names.toSorted((a, b) => terms[b] - terms[a])[0]!;
  const prefill = load.prefillTokens ?? 0;
  // The linear term is compute, not bandwidth, once prompt tokens outnumber decoding rows.
  if (largest === 'linear' && prefill > load.sequences) return 'prefill-compute';
  return RESOURCE_OF_TERM[largest];
}

function misses(
  what: string,
  gotMs: number,
  goalMs: number,
  replica: ServedReplica,
): AgentInfraError {
  const { model, gpu, parallelism } = replica;
  return new AgentInfraError(
    'usage.invalid',
    `${model.name} on ${parallelism.tensor} × ${gpu.name} misses the goal for ${what} with a single ` +
      `request: ${gotMs.toFixed(1)} ms against ${goalMs.toFixed(1)} ms`,
    { hint: 'Use more GPUs per replica, a faster GPU, a smaller model, or a looser goal.' },
  );
}
