import type { Plan } from '../capacity/plan.ts';
import { markdownCell as cell, markdownTable } from './markdown-table.ts';
import type { SourceList } from './plan-markdown-sources.ts';
import { billTable, costTable, unknownsOf } from './plan-cost.ts';

/** Whether a source's name stands for limits ... */
export const isLimit = (of: string): boolean => /^limits |\.limits$/.test(of);
/** ... and for prices. */
export const isPrice = (of: string): boolean => /^prices? |\.prices$/.test(of);

/** The bill of each scale, with what a turn, a session, a task and a user cost. */
export function costSection(plan: Plan, sources: SourceList): string {
  const { head, rows } = costTable(plan, (total) => `**${total}**`);
  const bold = rows.map(([scale, ...cells]) => [`**${scale}**`, ...cells]);
  return [
    '## Cost per month',
    '',
    markdownTable(head, bold, ['left', ...head.slice(1).map(() => 'right' as const)]),
    '',
    `Prices: ${sources.refs(isBilled) || 'none known'}.`,
    ...spaced(unknownsOf(plan).map((unknown) => `- ⚠️ unknown: ${cell(unknown)}`)),
  ].join('\n');
}

const isBilled = (of: string): boolean => isPrice(of) || /^infra|^ops/.test(of);

/** The bill line by line. */
export function billSection(plan: Plan, sources: SourceList): string {
  const { head, rows } = billTable(plan);
  if (rows.length < 2) return '';
  const safe = rows.map(([name = '', ...cells]) => [cell(name), ...cells]);
  return [
    '## The bill, line by line ($ a month)',
    '',
    markdownTable(head, safe, ['left', 'left', ...head.slice(2).map(() => 'right' as const)]),
    '',
    `Prices: ${sources.refs(isBilled) || 'none known'}; quantities: ${sources.refs((of) => of === 'workload')}.`,
  ].join('\n');
}

/** Lines of a list after a table. */
export function spaced(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', ...lines];
}
