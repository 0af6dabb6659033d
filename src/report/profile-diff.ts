import { formatCount, formatDuration, formatShare, round } from '../core/units.ts';
import type { MetricDifference, MetricUnit } from '../workload/profile-diff.ts';
import { heading, paint, plain, table } from './text.ts';
import type { TextStyle } from './text.ts';

const VERDICTS = {
  higher: 'higher',
  lower: 'lower',
  unclear: 'no clear change',
  single: '',
  unknown: 'unknown',
} as const satisfies Record<MetricDifference['verdict'], string>;

/** Two profiles side by side; figures that neither has are left out. */
export function profileDiffText(
  names: { readonly before: string; readonly after: string },
  differences: readonly MetricDifference[],
  style: TextStyle = { colour: false },
): string {
  const known = differences.filter(({ before, after }) => before !== null || after !== null);
  const rows = known.map(({ metric, unit, before, after, change, verdict }) => [
    metric,
    shown(before, unit),
    shown(after, unit),
    changeText(change),
    verdict === 'higher' || verdict === 'lower'
      ? paint(VERDICTS[verdict], 'yellow', style)
      : VERDICTS[verdict],
  ]);
  const head = ['', plain(names.before, 24), plain(names.after, 24), 'change', ''];
  const align = ['left', 'right', 'right', 'right', 'left'] as const;
  return [
    heading(`${plain(names.before, 60)} against ${plain(names.after, 60)}`, style).trimStart(),
    table(rows, { head, align, colour: style.colour }),
    '  higher and lower: the 95 % intervals do not meet. Figures of the whole trace have no interval.',
    '',
  ].join('\n');
}

/** Beyond three times, a factor reads better than a percentage. */
function changeText(change: number | null): string {
  if (change === null) return '';
  if (change > 2) return `${round(1 + change, 1)}x`;
  return `${change >= 0 ? '+' : ''}${round(change * 100, 1)}%`;
}

function shown(value: number | null, unit: MetricUnit): string {
  if (value === null) return '?';
  switch (unit) {
    case 'tokens':
    case 'count':
    case 'perMinute':
      return formatCount(value);
    case 'ms':
      return formatDuration(value);
    case 'share':
      return formatShare(value);
    case 'ratio':
      return String(round(value, 2));
  }
}
