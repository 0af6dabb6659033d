import { formatCount, formatDuration, formatShare, round } from '../core/units.ts';
import type { MetricDifference, MetricUnit } from '../workload/profile-diff.ts';
import { fits, heading, notes, paint, plain, table } from './text.ts';
import type { TextStyle } from './text.ts';

const VERDICTS = {
  higher: 'higher',
  lower: 'lower',
  unclear: 'no clear change',
  single: '',
  unknown: 'not in both',
} as const satisfies Record<MetricDifference['verdict'], string>;

/** Two profiles side by side; figures that neither has are left out. */
export function profileDiffText(
  names: { readonly before: string; readonly after: string },
  differences: readonly MetricDifference[],
  style: TextStyle = { colour: false },
): string {
  const known = differences.filter(({ before, after }) => before !== null || after !== null);
  const rows = (withIntervals: boolean): string[][] =>
    known.map(({ unit, verdict, ...one }) => [
      labelOf({ unit, ...one }),
      shown(one.before, unit),
      ...(withIntervals ? [interval(one.beforeInterval, unit)] : []),
      shown(one.after, unit),
      ...(withIntervals ? [interval(one.afterInterval, unit)] : []),
      changeText(one.change),
      verdict === 'higher' || verdict === 'lower'
        ? paint(VERDICTS[verdict], 'yellow', style)
        : VERDICTS[verdict],
    ]);
  const { colour, columns } = style;
  const [before, after] = [plain(names.before, 24), plain(names.after, 24)];
  const whole = table(rows(true), {
    head: ['', before, '95 % interval', after, '95 % interval', 'change', 'verdict'],
    align: ['left', 'right', 'left', 'right', 'left', 'right', 'left'],
    colour,
  });
  const short = (): string =>
    table(rows(false), {
      head: ['', before, after, 'change', 'verdict'],
      align: ['left', 'right', 'right', 'right', 'left'],
      colour,
      columns,
    });
  return [
    heading(`${plain(names.before, 60)} against ${plain(names.after, 60)}`, style).trimStart(),
    fits(whole, style) ? whole : short(),
    ...notes(
      [
        'higher and lower: the 95 % intervals do not meet. Figures of the whole trace have no interval.',
      ],
      style,
    ),
    '',
  ].join('\n');
}

/** `input, mean` says tokens by its unit. */
function labelOf({ metric, unit }: Pick<MetricDifference, 'metric' | 'unit'>): string {
  return unit === 'tokens' ? metric.replace(/^(input|output)\b/, '$1 tokens') : metric;
}

function interval(bounds: MetricDifference['beforeInterval'], unit: MetricUnit): string {
  if (bounds === null) return '';
  const [low, high] = bounds;
  return high === null
    ? `${shown(low, unit)} or more`
    : `${shown(low, unit)} to ${shown(high, unit)}`;
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
