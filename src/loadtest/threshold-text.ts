import { formatDuration, formatShare, round } from '../core/units.ts';
import type { ThresholdResult } from './judge.ts';

/** `ttft (from send, model m)`. The model's name is as the scenario has it. */
export function thresholdName({
  metric,
  where,
}: Pick<ThresholdResult, 'metric' | 'where'>): string {
  const parts = [
    where.from === 'send' ? 'from send' : undefined,
    where.model === undefined ? undefined : `model ${where.model}`,
    where.turn === undefined ? undefined : `${where.turn} turn${where.turn === 'later' ? 's' : ''}`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? metric : `${metric} (${parts.join(', ')})`;
}

/** A threshold's figure with its unit; `no data` when there is none. */
export function observedText(value: number | null, unit: ThresholdResult['unit']): string {
  if (value === null) return 'no data';
  switch (unit) {
    case 'ms':
      return formatDuration(value);
    case 'share':
      return formatShare(value);
    case 'perSecond':
      return `${round(value, 3)}/s`;
    case 'count':
      // Exact: it may be compared with ==.
      return value.toLocaleString('en-US');
  }
}
