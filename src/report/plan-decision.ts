import { planGates } from '../capacity/gates.ts';
import { DIMENSIONS, formatScale } from '../capacity/limit.ts';
import type { Break } from '../capacity/limits.ts';
import type { Plan } from '../capacity/plan.ts';
import { formatCount, formatUsd } from '../core/units.ts';
import { paint, plain } from './text.ts';
import type { Paint, TextStyle } from './text.ts';
import { visibleWidth, wrap } from './text-width.ts';

/** Sentences may hold names from outside: no control characters, no endless lines. */
const LONGEST_LINE = 400;

/** The answer: where it breaks, what it costs, what to do next, and the gates. */
export function decisionText(plan: Plan, style: TextStyle): string {
  const { breaksAt } = plan;
  const lines = [paint(plain(plan.name, 80), 'bold', style)];
  if (breaksAt === null) {
    lines.push(paint('No limit is known that could break this plan.', 'yellow', style));
  } else {
    const kind: Paint = breaksAt.scale < plan.goals.fitsAtScale ? 'red' : 'green';
    const at = paint(`Breaks at ${formatScale(breaksAt.scale)}`, kind, style);
    lines.push(...hanging(`${at}: `, `${breakName(breaksAt)}.${peakSentence(plan)}`, style));
  }
  lines.push(...hanging('', costSentence(plan), style));
  const next = nextStep(plan);
  if (next !== null) lines.push(...hanging('Next: ', `${plain(next, LONGEST_LINE)}.`, style));
  for (const gate of planGates(plan)) {
    const mark = gate.passed ? paint('pass', 'green', style) : paint('FAIL', 'red', style);
    lines.push(
      ...hanging(`  ${mark}  `, `${gate.name}: ${plain(gate.detail, LONGEST_LINE)}`, style),
    );
  }
  for (const warning of plan.warnings) {
    lines.push(
      ...hanging(`  ${paint('note', 'yellow', style)}  `, plain(warning, LONGEST_LINE), style),
    );
  }
  return lines.join('\n');
}

/** Columns that the lines after the first are moved in by. */
const HANG = 8;

function hanging(mark: string, text: string, { columns }: TextStyle): string[] {
  if (columns === undefined) return [mark + text];
  const width = visibleWidth(mark);
  // Padding stands for the mark while the first line is measured.
  const [first = '', ...rest] = wrap('\u00A0'.repeat(width) + text, Math.max(40, columns - HANG));
  return [mark + first.slice(width), ...rest.map((line) => ' '.repeat(HANG) + line)];
}

/** Where the busiest minute breaks, when that is earlier. */
export function peakSentence({ breaksAt, breaksAtPeak }: Plan): string {
  if (breaksAt === null || breaksAtPeak === null) return '';
  if (breaksAtPeak.scale > 0.999 * breaksAt.scale) return '';
  return ` The busiest minute of an hour breaks it at ${formatScale(breaksAtPeak.scale)}.`;
}

/** What it costs at each scale. */
export function costSentence({ scales }: Plan): string {
  const costs = scales.map(({ cost, scale }) => {
    const { total } = cost.monthly;
    return `${total === null ? 'an unknown sum' : total === 0 ? '$0' : formatUsd(total)} at ${formatScale(scale)}`;
  });
  return `Costs a month: ${costs.join(', ')}.`;
}

/** What to do first: the best way out, or the stage that comes next. */
export function nextStep(plan: Plan): string | null {
  const { fitsAtScale } = plan.goals;
  const at = plan.scales.find(({ scale }) => scale === fitsAtScale);
  const [way] = plan.waysOut;
  switch (at?.verdict) {
    case 'fits':
    case 'tight': {
      const stage = plan.stages.find(
        ({ startsWhen, changes }) => startsWhen !== null && changes.length > 0,
      );
      const trigger = stage?.startsWhen;
      if (stage === undefined || trigger == null) {
        const most = plan.scales.at(-1);
        const holds = plan.scales.every(({ verdict }) => verdict === 'fits' || verdict === 'tight');
        return holds && most !== undefined
          ? `nothing to change up to ${formatScale(most.scale)}`
          : null;
      }
      const { dimension, provider, model, threshold } = trigger;
      return `${stage.name} for ${formatScale(stage.atScale)}, when ${DIMENSIONS[dimension].label} of ${provider} ${model} stays above ${formatCount(threshold)}`;
    }
    case 'bursts':
    case 'exceeds':
    case 'unservable':
      if (way === undefined) return null;
      return way.fitsRequired
        ? `${way.change}, then ${breakText(way.breaksAt)}`
        : `no single change carries ${formatScale(fitsAtScale)}; the best (${way.change}) breaks at ${way.breaksAt === null ? '?' : formatScale(way.breaksAt.scale)}`;
    case 'unknown':
    case undefined:
      return at?.unknowns[0] === undefined ? null : `find out what is unknown: ${at.unknowns[0]}`;
  }
}

function breakText(breaksAt: Break | null): string {
  return breaksAt === null ? 'no limit is left' : `it breaks at ${formatScale(breaksAt.scale)}`;
}

export function breakName({ dimension, provider, model }: Break): string {
  return `${DIMENSIONS[dimension].label} of ${plain(provider)} ${plain(model)}`;
}
