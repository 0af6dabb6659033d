import type { PoolPlan } from '../capacity/gpu-pool.ts';
import { formatCount, formatDuration, formatShare, formatUsd } from '../core/units.ts';

/** The words for what binds. */
const BINDING = {
  'kv-memory': 'KV-cache memory',
  'max-sequences': 'the engine’s limit of sequences',
  'token-budget': 'the engine’s token budget per step',
  'weight-bandwidth': 'reading the weights',
  'kv-bandwidth': 'reading the KV cache',
  'prefill-compute': 'computing prompts',
  experts: 'the experts',
  network: 'traffic between the GPUs',
  'host-overhead': 'host overhead per step',
} as const satisfies Record<PoolPlan['bindingResource'], string>;

/** A sized pool in words, a line per fact, with its interval beside each number. */
export function renderPool(plan: PoolPlan, title: string): string {
  const { intervals } = plan;
  const range = ([low, high]: readonly [number, number], show: (value: number) => string): string =>
    `(${show(low)} to ${show(high)})`;
  // At the bad edge the pool may have no steady state at all.
  const time = (ms: number): string => (Number.isFinite(ms) ? formatDuration(ms) : 'no bound');
  const whole = (value: number): string => String(Math.round(value));
  const perSecond = (value: number): string => `${formatCount(value)}/s`;
  const rows: [string, string][] = [
    [
      'replicas',
      `${plan.replicas} ${range(intervals.replicas, whole)}, ${plan.tensorParallel} GPU each`,
    ],
    ['GPUs', `${plan.gpus} ${range(intervals.gpus, whole)}`],
  ];
  if (plan.costUsdPerMonth !== null && intervals.costUsdPerMonth !== null) {
    rows.push([
      'cost per month',
      `${formatUsd(plan.costUsdPerMonth)} ${range(intervals.costUsdPerMonth, formatUsd)}`,
    ]);
  }
  rows.push(
    [
      'time to first token, mean',
      `${formatDuration(plan.ttftMs)} ${range(intervals.ttftMs, time)}`,
    ],
    [
      'time per output token, mean',
      `${formatDuration(plan.itlMs)} ${range(intervals.itlMs, time)}`,
    ],
    [
      'one replica carries',
      `${perSecond(plan.throughputPerReplica)} ${range(intervals.throughputPerReplica, perSecond)}, ${formatCount(plan.outputTokensPerSecondPerReplica)} output tokens/s`,
    ],
    ['in flight at the peak', formatCount(plan.inFlight)],
    ['used at the peak', formatShare(plan.utilisation)],
    ['binds first', BINDING[plan.bindingResource]],
    ['basis', `${plan.basis}; intervals of about 80 %`],
  );
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
  return [title, ...lines, ...plan.notes.map((note) => `note: ${note}`), ''].join('\n');
}
