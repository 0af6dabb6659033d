import { formatScale } from '../capacity/limit.ts';
import type { Plan } from '../capacity/plan.ts';
import type { RejectionFigures } from '../capacity/rejections.ts';
import { formatShare, round } from '../core/units.ts';
import { heading, paint, plain, table } from './text.ts';
import type { TextStyle } from './text.ts';

/** What is turned away with a 429 when the client sends as the workload does. */
export function rejectionsText(plan: Plan, style: TextStyle): string {
  const rows = plan.scales.flatMap(({ scale, rejections }) =>
    rejections.map(({ provider, model, documented, pessimistic }) => [
      `${plain(provider)} ${plain(model)}`,
      formatScale(scale),
      ...cells(documented),
      ...cells(pessimistic),
    ]),
  );
  if (rows.length === 0) return '';
  const head = ['', 'at', '429 first', 'fails', 'attempts', '429 first', 'fails', 'attempts'];
  const note =
    '  left: windows as documented; right: RPM enforced in every second. Two-sided 95 % intervals are in the JSON.';
  return [
    heading('Rejections, with retries', style),
    table(rows, { head, ...style }),
    paint(note, 'dim', style),
  ].join('\n');
}

function cells({ firstAttempt, failed, attempts }: RejectionFigures): string[] {
  return [
    formatShare(round(firstAttempt.value, 4)),
    formatShare(round(failed.value, 4)),
    `${round(attempts.value, 2)}x`,
  ];
}
