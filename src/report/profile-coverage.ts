import { formatShare } from '../core/units.ts';
import type { WorkloadProfile } from '../workload/workload-profile.ts';
import { fits, heading, plain, table } from './text.ts';
import type { TextStyle } from './text.ts';

/** What became of every record of the input: the audit line of the profile. */
export function coverageSection({ source }: WorkloadProfile, style: TextStyle): string {
  const { read, used, skipped, duplicatesSuppressed, duplicates } = source.records;
  const share = (count: number): string => (read === 0 ? '' : formatShare(count / read));
  const row = (name: string, count: number): string[] => [
    name,
    count.toLocaleString('en-US'),
    share(count),
  ];
  const known = duplicates ?? [{ reason: 'not told', count: duplicatesSuppressed }];
  const rows = [
    row('records read', read),
    row('used', used),
    ...(duplicatesSuppressed === 0
      ? []
      : known.map(({ reason, count }) => row(`counted once: ${plain(reason, 80)}`, count))),
    ...skipped.map(({ reason, count }) => row(`skipped: ${plain(reason, 80)}`, count)),
  ];
  const text = table(rows);
  // The long reasons last, where there is room to break them.
  const narrow = (): string =>
    table(
      rows.map(([name = '', count = '', part = '']) => [count, part, name]),
      { align: ['right', 'right', 'left'], columns: style.columns },
    );
  return `${heading('Coverage', style)}\n${fits(text, style) ? text : narrow()}`;
}
