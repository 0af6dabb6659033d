import type { DayUse } from '../capacity/day-hours.ts';
import { DIMENSIONS, formatScale } from '../capacity/limit.ts';
import type { Plan } from '../capacity/plan.ts';
import { formatShare, round } from '../core/units.ts';
import { heading, notes, sparkline, table } from './text.ts';
import type { TextStyle } from './text.ts';

/** How full the nearest limit is in the busiest minute of each hour of the day. */
export function hoursText(plan: Plan, style: TextStyle): string {
  const days = plan.scales.flatMap(({ day }) => (day === null ? [] : [day]));
  const [first] = days;
  if (first === undefined) return '';
  const rows = days.map((day) => [
    formatScale(day.scale),
    sparkline(day.hours.map(({ peak }) => peak)),
    hoursSentence(day),
  ]);
  const head = ['', '0h    6h    12h   18h   ', ''];
  const align = ['left', 'left', 'left'] as const;
  const zone = first.zone === 'UTC' ? ' (UTC, as measured)' : '';
  const note = 'each bar: the busiest minute of the hour over the limit it is nearest to';
  return [
    heading(`Hours of the day${zone}`, style),
    table(rows, { head, align, ...style }),
    ...notes([note], style),
  ].join('\n');
}

/** `fits all day, at most 63.2% of RPM at 14:00`. */
export function hoursSentence({ bursts, hours, over }: DayUse): string {
  let most = hours[0];
  for (const hour of hours) if ((hour.peak ?? -1) > (most?.peak ?? -1)) most = hour;
  if (most === undefined || most.peak === null || most.dimension === null) return 'unknown';
  const at = `${formatShare(round(most.peak, 3))} of ${DIMENSIONS[most.dimension].label} at ${most.hour}:00`;
  if (over === 0 && bursts === 0) return `fits all day, at most ${at}`;
  const parts = [
    ...(over > 0 ? [`over a limit in ${hoursOf(over)}`] : []),
    ...(bursts > 0 ? [`bursts over in ${over > 0 ? bursts : hoursOf(bursts)}`] : []),
  ];
  return `${parts.join(', ')}; at most ${at}`;
}

function hoursOf(count: number): string {
  return count === 1 ? '1 hour' : `${count} hours`;
}
