import { DIMENSIONS, formatScale } from '../capacity/limit.ts';
import type { Break } from '../capacity/limits.ts';
import type { Assumed, AssumedName, Review, TriggerReview } from '../capacity/review.ts';
import { formatCount, formatShare, formatUsd, round } from '../core/units.ts';
import { heading, paint, plain, table } from './text.ts';
import type { Paint, TextStyle } from './text.ts';

/** `plan review --json`. Fields may be added; unknown is null, never 0. */
export interface ReviewJson extends Review {
  readonly schema: 'agent-infra/plan-review';
  readonly schemaVersion: '1.0';
  readonly tool: string;
  readonly plan: string;
  readonly actual: string;
}

export interface ReviewNames {
  readonly plan: string;
  /** Name of the measured profile. */
  readonly actual: string;
}

export function reviewJson(review: Review, names: ReviewNames, tool: string): ReviewJson {
  return {
    schema: 'agent-infra/plan-review',
    schemaVersion: '1.0',
    tool,
    ...names,
    ...review,
  };
}

const LABELS = {
  inputTokensPerCall: 'input tokens per call',
  outputTokensPerCall: 'output tokens per call',
  cachedShare: 'input read from a cache',
  callsPerTurn: 'LLM calls per turn',
  turnsPerSession: 'turns per session',
  secondsPerCall: 'seconds per call',
  turnsPerMinute: 'turns per minute',
  peakFactor: 'busiest minute over mean minute',
} as const satisfies Record<AssumedName, string>;

/** What the plan assumed, what was measured, and what that does to its answer. */
export function reviewText(review: Review, names: ReviewNames, style: TextStyle): string {
  const title = `${plain(names.plan, 60)}, held against ${plain(names.actual, 60)}`;
  const parts = [
    paint(title, 'bold', style),
    `  ${verdict(review, style)}`,
    heading('Assumed and measured', style),
    assumedTable(review.assumptions, style),
    heading('Triggers of the next stages', style),
    triggersText(review.triggers, style),
    heading('The answer, recomputed on what was measured', style),
    answerTable(review, style),
  ];
  return `${parts.join('\n')}\n`;
}

function verdict({ assumptions, triggers }: Review, style: TextStyle): string {
  const passed = triggers.filter(({ state }) => state === 'passed');
  if (passed.length > 0) {
    const names = [...new Set(passed.map(({ stage }) => stage))].join(', ');
    return paint(`The trigger of ${names} has passed: it is due.`, 'red', style);
  }
  const near = triggers.filter(({ state }) => state === 'near');
  if (near.length > 0) return paint(`${near[0]!.stage} is near: prepare it.`, 'yellow', style);
  if (triggers.some(({ state }) => state === 'unknown')) {
    return paint('Not every trigger can be judged: see below.', 'yellow', style);
  }
  const off = assumptions.filter(({ isOff }) => isOff).length;
  return off === 0
    ? paint('The plan holds.', 'green', style)
    : paint(`No trigger is near; ${off} of its numbers are off by more than 10%.`, 'yellow', style);
}

function assumedTable(assumptions: readonly Assumed[], style: TextStyle): string {
  const rows = assumptions.map((one) => [
    LABELS[one.name],
    amount(one.name, one.planned),
    amount(one.name, one.actual),
    one.change === null ? '' : signed(one.change),
    one.isOff ? paint('off', 'yellow', style) : '',
  ]);
  const align = ['left', 'right', 'right', 'right', 'left'] as const;
  return table(rows, { head: ['', 'plan', 'measured', 'change', ''], align, ...style });
}

function amount(name: AssumedName, value: number | null): string {
  if (value === null) return '?';
  if (name === 'cachedShare') return formatShare(round(value, 3));
  return value >= 100 ? formatCount(value) : String(round(value, 2));
}

function signed(share: number): string {
  return `${share > 0 ? '+' : ''}${formatShare(round(share, 3))}`;
}

const STATES: Readonly<Record<TriggerReview['state'], readonly [string, Paint]>> = {
  passed: ['passed', 'red'],
  near: ['near', 'yellow'],
  ahead: ['ahead', 'green'],
  unknown: ['unknown', 'yellow'],
};

function triggersText(triggers: readonly TriggerReview[], style: TextStyle): string {
  if (triggers.length === 0) return '  the plan has none';
  const rows = triggers.map(({ now, share, stage, state, trigger }) => [
    stage,
    `${DIMENSIONS[trigger.dimension].label} of ${plain(trigger.provider)} ${plain(trigger.model)}`,
    formatCount(trigger.threshold),
    now === null ? '?' : formatCount(now),
    share === null ? '' : formatShare(round(share, 3)),
    paint(...STATES[state], style),
  ]);
  const align = ['left', 'left', 'right', 'right', 'right', 'left'] as const;
  return table(rows, { head: ['', '', 'threshold', 'now', 'share', ''], align, ...style });
}

function answerTable(review: Review, style: TextStyle): string {
  const { scaleNow } = review;
  const rows = [
    ['runs at', '1x', scaleNow === null ? '?' : formatScale(scaleNow)],
    ['breaks at (mean)', breakText(review.breaksAt.planned), breakText(review.breaksAt.actual)],
    [
      'breaks at (busiest minute)',
      breakText(review.breaksAtPeak.planned),
      breakText(review.breaksAtPeak.actual),
    ],
    ...review.cost.map(({ actual, planned, scale }) => [
      `cost per month at ${formatScale(scale)}`,
      money(planned),
      money(actual),
    ]),
    ...review.perTurn.map(({ actual, planned, scale }) => [
      `cost per turn at ${formatScale(scale)}`,
      money(planned),
      money(actual),
    ]),
  ];
  const align = ['left', 'right', 'right'] as const;
  return table(rows, { head: ['', 'plan', 'now'], align, ...style });
}

function breakText(at: Break | null): string {
  return at === null ? '?' : `${formatScale(at.scale)} (${DIMENSIONS[at.dimension].label})`;
}

function money(usd: number | null): string {
  return usd === null ? '?' : formatUsd(usd);
}
