import { formatScale } from '../capacity/limit.ts';
import type { Plan } from '../capacity/plan.ts';
import type { Rate } from '../capacity/plan-outline.ts';
import { formatCount, formatDuration, formatShare, round } from '../core/units.ts';
import { PLAN_VERDICTS } from './plan-verdict.ts';
import { heading, notes, paint, table } from './text.ts';
import type { TextStyle } from './text.ts';

/** What each scale asks for, mean and busiest minute, with its verdict. */
export function demandText(plan: Plan, style: TextStyle): string {
  const isCached = plan.scales.some(({ demand }) => (demand.cachedShare ?? 0) > 0);
  const rows = plan.scales.map(({ scale, demand, verdict }) => [
    formatScale(scale),
    paint(PLAN_VERDICTS[verdict].text, PLAN_VERDICTS[verdict].paint, style),
    formatCount(demand.turnsPerMinute),
    rateCell(demand.rpm),
    demand.itpm === null ? '-' : rateCell(demand.itpm),
    ...(isCached
      ? [demand.cachedShare === null ? '-' : formatShare(round(demand.cachedShare, 3))]
      : []),
    demand.otpm === null ? '-' : rateCell(demand.otpm),
    `${formatCount(demand.concurrency.mean)} / ${peakCell(demand.concurrency.peak?.value)}`,
  ]);
  const head = [
    '',
    'verdict',
    'turns/min',
    'LLM calls/min',
    'input tok/min',
    ...(isCached ? ['cached'] : []),
    'output tok/min',
    'in flight',
  ];
  const align = ['left', 'left'] as const;
  const { replications, windowMinutes } = plan.simulation;
  const note = `mean / busiest minute of ${windowMinutes}, from ${replications} simulated hours; whole sessions, fan-out kept`;
  return [
    heading('Demand in the busy period', style),
    table(rows, { head, align, ...style }),
    ...notes([note, ...turnLine(plan)], style),
  ].join('\n');
}

/** How long a turn takes; the same at every scale, but for what calls wait. */
export function turnLine({ scales }: Plan): string[] {
  const [first] = scales;
  if (first === undefined) return [];
  const { meanMs, p95Ms } = first.turnLatency;
  return [
    `a turn takes ${formatDuration(meanMs)} on average, 95 % of them up to ${formatDuration(p95Ms)}, without waiting for limits`,
  ];
}

function rateCell(rate: Rate): string {
  return `${formatCount(rate.mean)} / ${peakCell(rate.peakMinute?.value)}`;
}

function peakCell(value: number | undefined): string {
  return value === undefined ? '-' : formatCount(value);
}
