import { DIMENSIONS, formatScale } from '../capacity/limit.ts';
import type { Break } from '../capacity/limits.ts';
import type { Plan, ScalePlan } from '../capacity/plan.ts';
import { formatCount, formatShare, formatUsd, round } from '../core/units.ts';
import { PLAN_VERDICTS } from './plan-verdict.ts';
import { heading, paint, plain, table } from './text.ts';
import type { TextStyle } from './text.ts';

/** What changes from one plan to another: headroom and money per scale, and what is assumed. */
export function planDiffText(
  before: Plan,
  after: Plan,
  style: TextStyle = { colour: false },
): string {
  const rows: string[][] = [
    change('breaks at (mean)', breakText(before.breaksAt), breakText(after.breaksAt)),
    change('breaks at (peak)', breakText(before.breaksAtPeak), breakText(after.breaksAtPeak)),
  ];
  for (const old of before.scales) {
    const now = after.scales.find(({ scale }) => scale === old.scale);
    if (now !== undefined) rows.push(...scaleRows(old, now));
  }
  const align = ['left', 'right', 'right', 'right'] as const;
  const parts = [
    paint(`${plain(before.name, 60)} → ${plain(after.name, 60)}`, 'bold', style),
    table(rows, { head: ['', 'before', 'after', 'change'], align, ...style }),
    listText('No longer assumed', assumed(before, after), style),
    listText('Newly assumed', assumed(after, before), style),
  ];
  return `${parts.filter((part) => part !== '').join('\n')}\n`;
}

function scaleRows(old: ScalePlan, now: ScalePlan): string[][] {
  const at = formatScale(old.scale);
  return [
    change(`verdict at ${at}`, PLAN_VERDICTS[old.verdict].text, PLAN_VERDICTS[now.verdict].text),
    number(`LLM calls/min at ${at}`, old.demand.rpm.mean, now.demand.rpm.mean, formatCount),
    number(`fullest limit at ${at}, peak`, fullest(old), fullest(now), formatPercent),
    number(`cost per month at ${at}`, old.cost.monthly.total, now.cost.monthly.total, formatUsd),
    number(`cost per turn at ${at}`, old.cost.perTurn, now.cost.perTurn, formatUsd),
  ];
}

function fullest(scale: ScalePlan): number | null {
  const known = scale.limits.map(({ utilisation }) => utilisation).filter((use) => use !== null);
  return known.length === 0 ? null : Math.max(...known);
}

function formatPercent(share: number): string {
  return formatShare(round(share, 3));
}

function change(name: string, before: string, after: string): string[] {
  return [name, before, after, before === after ? '' : 'changed'];
}

function number(
  name: string,
  before: number | null,
  after: number | null,
  format: (value: number) => string,
): string[] {
  const text = (value: number | null): string => (value === null ? '?' : format(value));
  const share =
    before === null || after === null || before === 0 || before === after
      ? ''
      : `${after > before ? '+' : ''}${formatPercent(after / before - 1)}`;
  return [name, text(before), text(after), share];
}

function breakText(at: Break | null): string {
  return at === null ? '?' : `${formatScale(at.scale)} (${DIMENSIONS[at.dimension].label})`;
}

function assumed(plan: Plan, other: Plan): string[] {
  const known = new Set(other.assumptions.map(({ key, value }) => `${key}: ${value}`));
  return plan.assumptions
    .map(({ key, value }) => `${key}: ${value}`)
    .filter((text) => !known.has(text));
}

function listText(title: string, lines: readonly string[], style: TextStyle): string {
  if (lines.length === 0) return '';
  return [heading(title, style), ...lines.map((line) => `  ${plain(line, 120)}`)].join('\n');
}
