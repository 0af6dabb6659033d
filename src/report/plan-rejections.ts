import { formatScale } from '../capacity/limit.ts';
import type { Plan } from '../capacity/plan.ts';
import type { Queueing, Waits } from '../capacity/queueing.ts';
import type { RejectionFigures } from '../capacity/rejections.ts';
import { formatDuration, formatShare, round } from '../core/units.ts';
import { heading, notes, plain, table } from './text.ts';
import type { TextStyle } from './text.ts';

/** What is turned away with a 429, and what calls wait when the client spaces them instead. */
export function rejectionsText(plan: Plan, style: TextStyle): string {
  const rows = plan.scales.flatMap(({ scale, rejections, queueing }) =>
    rejections.map(({ provider, model, documented, pessimistic }) => {
      const queue = queueing.find((one) => one.provider === provider && one.model === model);
      return [
        `${plain(provider)} ${plain(model)}`,
        formatScale(scale),
        ...cells(documented),
        waitCell(queue, 'documented'),
        ...cells(pessimistic),
        waitCell(queue, 'pessimistic'),
      ];
    }),
  );
  if (rows.length === 0) return '';
  const head = ['', 'at', '429 first', 'fails', 'attempts', 'or wait'];
  const strict = ['429 first*', 'fails*', 'attempts*', 'or wait*'];
  const legend = [
    'with retries; windows as documented, and * with RPM enforced in every second',
    'or wait: mean and 95th percentile when the client queues calls until there is room',
  ];
  return [
    heading('Rejections, or waiting', style),
    table(rows, { head: [...head, ...strict], labels: 2, ...style }),
    ...notes(legend, style),
  ].join('\n');
}

function cells({ firstAttempt, failed, attempts }: RejectionFigures): string[] {
  return [
    formatShare(round(firstAttempt.value, 4)),
    formatShare(round(failed.value, 4)),
    `${round(attempts.value, 2)}x`,
  ];
}

function waitCell(queue: Queueing | undefined, windows: 'documented' | 'pessimistic'): string {
  return queue === undefined ? '-' : waitsText(queue[windows]);
}

/** `1.2s, 5s`: mean and 95th percentile. */
export function waitsText(waits: Waits | null): string {
  if (waits === null) return 'no end';
  if (waits.waiting.value === 0) return 'none';
  return `${formatDuration(waits.meanMs.value)}, ${formatDuration(waits.p95Ms.value)}`;
}
