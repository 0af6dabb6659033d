import type { Source } from '../capacity/plan-input.ts';
import type { Plan } from '../capacity/plan.ts';
import { heading, paint, plain, table } from './text.ts';
import type { TextStyle } from './text.ts';

/** What the plan rests on: defaults that were taken, and where the numbers come from. */
export function assumptionsText(plan: Plan, style: TextStyle): string {
  if (plan.assumptions.length === 0) return '';
  const rows = plan.assumptions.map(({ key, value, why }) => [
    key,
    plain(value, 120),
    paint(why, 'dim', style),
  ]);
  const align = ['left', 'left', 'left'] as const;
  return `${heading('Assumed, because the plan does not say', style)}\n${table(rows, { align, ...style })}`;
}

/** What the bill and the limits leave out. */
export function notCountedText(plan: Plan, style: TextStyle): string {
  if (plan.notCounted.length === 0) return '';
  const rows = plan.notCounted.map((text) => ['-', plain(text, 300)]);
  const align = ['left', 'left'] as const;
  return `${heading('Not counted', style)}\n${table(rows, { align, gap: 1, ...style })}`;
}

/** Every source with the date of its page, one line per page. */
export function sourcesText(plan: Plan, style: TextStyle): string {
  if (plan.sources.length === 0) return '';
  const pages = new Map<string, { readonly source: Source; readonly of: string[] }>();
  for (const source of plan.sources) {
    const key = `${source.page}\n${source.date}\n${source.basis}`;
    const entry = pages.get(key) ?? { source, of: [] };
    if (!entry.of.includes(source.of)) entry.of.push(source.of);
    pages.set(key, entry);
  }
  const rows = [...pages.values()].map(({ source, of }) => [
    source.date === '' ? '-' : source.date,
    source.basis,
    `${plain(namesOf(of), 110)}: ${plain(source.page, 110)}`,
  ]);
  const align = ['left', 'left', 'left'] as const;
  const head = ['date', 'basis', 'number and page'];
  return `${heading('Sources', style)}\n${table(rows, { head, align, ...style })}`;
}

function namesOf(of: readonly string[]): string {
  return of.length > 3 ? `${of.slice(0, 3).join(', ')} and ${of.length - 3} more` : of.join(', ');
}
