import { DIMENSIONS, formatScale } from '../capacity/limit.ts';
import type { Break } from '../capacity/limits.ts';
import type { Change, PlanDiff, ScaleDiff, Sides } from '../capacity/plan-diff.ts';
import { formatCount, formatShare, formatUsd, round } from '../core/units.ts';
import { PLAN_VERDICTS } from './plan-verdict.ts';
import { heading, paint, plain, table } from './text.ts';
import type { TextStyle } from './text.ts';

/** `plan diff --json`. Fields may be added; unknown is null, never 0. */
export interface PlanDiffJson extends PlanDiff {
  readonly schema: 'agent-infra/plan-diff';
  readonly schemaVersion: '1.0';
  readonly tool: string;
}

export function planDiffJson(diff: PlanDiff, tool: string): PlanDiffJson {
  return { schema: 'agent-infra/plan-diff', schemaVersion: '1.0', tool, ...diff };
}

/** What changes from one plan to another: headroom and money per scale, and what is assumed. */
export function planDiffText(diff: PlanDiff, style: TextStyle = { colour: false }): string {
  const rows: string[][] = [
    words('breaks at (mean)', diff.breaksAt, breakText),
    words('breaks at (peak)', diff.breaksAtPeak, breakText),
    ...diff.scales.flatMap(scaleRows),
  ];
  const align = ['left', 'right', 'right', 'right'] as const;
  const parts = [
    paint(`${plain(diff.before, 60)} → ${plain(diff.after, 60)}`, 'bold', style),
    table(rows, { head: ['', 'before', 'after', 'change'], align, ...style }),
    listText('No longer assumed', diff.noLongerAssumed, style),
    listText('Newly assumed', diff.newlyAssumed, style),
  ];
  return `${parts.filter((part) => part !== '').join('\n')}\n`;
}

/** A scale that one plan leaves out has a dash there, other than what is unknown. */
function scaleRows(at: ScaleDiff): string[][] {
  const scale = formatScale(at.scale);
  const { planned } = at;
  const number = (name: string, change: Change, format: (value: number) => string): string[] => [
    `${name} at ${scale}`,
    planned.before ? numberText(change.before, format) : '–',
    planned.after ? numberText(change.after, format) : '–',
    changeText(change),
  ];
  return [
    words(`verdict at ${scale}`, at.verdict, (verdict) =>
      verdict === null ? '–' : PLAN_VERDICTS[verdict].text,
    ),
    number('LLM calls/min', at.callsPerMinute, formatCount),
    [
      `fullest limit at ${scale}, peak`,
      ...number('', at.fullestLimit, (use) => formatShare(round(use, 3))).slice(1),
    ],
    number('cost per month', at.usdPerMonth, formatUsd),
    number('cost per turn', at.usdPerTurn, formatUsd),
  ];
}

function words<T>(
  name: string,
  { after, before }: Sides<T>,
  text: (value: T | null) => string,
): string[] {
  const [old, now] = [text(before), text(after)];
  return [name, old, now, old === now ? '' : 'changed'];
}

function numberText(value: number | null, format: (value: number) => string): string {
  return value === null ? '?' : format(value);
}

function changeText({ change }: Change): string {
  if (change === null || change === 0) return '';
  return `${change > 0 ? '+' : ''}${formatShare(round(change, 3))}`;
}

function breakText(at: Break | null): string {
  return at === null ? '?' : `${formatScale(at.scale)} (${DIMENSIONS[at.dimension].label})`;
}

function listText(title: string, lines: readonly string[], style: TextStyle): string {
  if (lines.length === 0) return '';
  return [heading(title, style), ...lines.map((line) => `  ${plain(line, 120)}`)].join('\n');
}
