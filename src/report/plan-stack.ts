import { formatScale } from '../capacity/limit.ts';
import type { Plan } from '../capacity/plan.ts';
import type { ComponentChoice } from '../capacity/stack-choice.ts';
import type { LatencyBudget } from '../capacity/stack-latency.ts';
import { COMPONENT_TITLES, LOADS } from '../capacity/stack-load.ts';
import type { SizedOption } from '../capacity/stack-option.ts';
import type { StackPlan, StackScale } from '../capacity/stack-plan.ts';
import { formatDuration, formatUsd, round } from '../core/units.ts';
import { heading, paint, plain, table } from './text.ts';
import type { TextStyle } from './text.ts';

/** The stack: what each component is at each scale, what it costs, and why. */
export function stackText(plan: Plan, style: TextStyle): string {
  const { stack } = plan;
  if (stack === null) return '';
  return [
    heading('Stack: chosen by rent and the team’s hours', style),
    ...stack.scales.map((scale) => scaleText(scale, style)),
    listText(
      'Where the choice changes',
      stack.flips.map((flip) => flip.text),
      style,
    ),
    listText('Why, and what was left out', reasons(stack), style),
    latencyText(stack, style),
    listText('Watch', notesOf(stack), style),
    assumedText(stack, style),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

/** Reasons hold names of the catalog only, but a line must end somewhere. */
const LONGEST_LINE = 300;

function scaleText(scale: StackScale, style: TextStyle): string {
  const rows = scale.components.map((choice) => componentRow(choice, style));
  const infra = money(scale.infraUsdPerMonth);
  const hours = scale.opsHoursPerMonth;
  rows.push([
    paint('total', 'bold', style),
    '',
    '',
    paint(infra, 'bold', style),
    hours === null ? '?' : `${round(hours, 1)} h`,
    paint(money(totalOf(scale)), 'bold', style),
    '',
  ]);
  const head = [formatScale(scale.scale), '', 'size', 'rent', 'work', '$/month', 'next best'];
  const align = ['left', 'left', 'left', 'right', 'right', 'right', 'left'] as const;
  return table(rows, { head, align, ...style });
}

function totalOf({ infraUsdPerMonth, opsUsdPerMonth }: StackScale): number | null {
  if (infraUsdPerMonth === null || opsUsdPerMonth === null) return null;
  return infraUsdPerMonth + opsUsdPerMonth;
}

function componentRow(
  { component, chosen, runnerUp }: ComponentChoice,
  style: TextStyle,
): string[] {
  const title = COMPONENT_TITLES[component];
  if (chosen === null) return [title, paint('nothing fits', 'red', style), '', '?', '?', '?', ''];
  const next = runnerUp === null ? '-' : `${runnerUp.title}, ${formatUsd(runnerUp.usdPerMonth)}`;
  return [
    title,
    chosen.title,
    sizeText(chosen),
    money(chosen.infraUsdPerMonth),
    `${round(chosen.opsHoursPerMonth, 1)} h`,
    money(chosen.usdPerMonth),
    paint(next, 'dim', style),
  ];
}

function sizeText({ node, nodes, binding }: SizedOption): string {
  if (node === null) return 'by use';
  return `${nodes} × ${node}${binding === null ? '' : ` (${LOADS[binding].label})`}`;
}

/** One line per component, of the first scale; exclusions by limits of any scale. */
function reasons(stack: StackPlan): string[] {
  const [first] = stack.scales;
  return (first?.components ?? []).flatMap(({ component, why, chosen }, index) => {
    const title = COMPONENT_TITLES[component];
    const name = chosen === null ? '' : `${chosen.title}, `;
    const lines = [`${title}: ${name}${why}`];
    const seen = new Set<string>();
    for (const { scale, components } of stack.scales) {
      for (const one of components[index]!.excluded) {
        if (one.kind === 'fit' || seen.has(one.option)) continue;
        seen.add(one.option);
        lines.push(`  not ${one.title} at ${formatScale(scale)}: ${one.reason}`);
      }
    }
    return lines;
  });
}

function notesOf(stack: StackPlan): string[] {
  const seen = new Set<string>();
  const lines: string[] = [];
  for (const { scale, notes } of stack.scales) {
    for (const note of notes) {
      const name = note.split(':', 2).join(':');
      if (seen.has(name)) continue;
      seen.add(name);
      lines.push(`from ${formatScale(scale)}: ${note}`);
    }
  }
  return lines;
}

function latencyText(stack: StackPlan, style: TextStyle): string {
  const budgets = stack.scales[0]?.latency ?? [];
  if (budgets.length === 0) return '';
  const rows = budgets.map((budget) => [
    plain(budget.name),
    formatDuration(budget.budgetMs),
    plain(budget.parts.map(({ name, ms }) => `${name} ${formatDuration(ms)}`).join(', '), 120),
    formatDuration(budget.leftForFirstTokenMs),
    budget.firstTokenP95Ms === null ? 'not measured' : formatDuration(budget.firstTokenP95Ms),
    verdictCell(budget, style),
    plain(adviceText(budget), 120),
  ]);
  const head = ['', 'budget', 'on the way', 'left', 'first token p95', '', ''];
  const align = ['left', 'right', 'left', 'right', 'right', 'left', 'left'] as const;
  return `${heading('Latency to the first token, by class of request', style)}\n${table(rows, { head, align, ...style })}`;
}

function verdictCell({ verdict }: LatencyBudget, style: TextStyle): string {
  switch (verdict) {
    case 'fits':
      return paint('fits', 'green', style);
    case 'exceeds':
      return paint('does not fit', 'red', style);
    case 'unknown':
      return paint('unknown', 'yellow', style);
  }
}

function adviceText({ advice, unknownParts }: LatencyBudget): string {
  const unknown = unknownParts.length === 0 ? '' : `not counted: ${unknownParts.join(', ')}`;
  return [advice ?? '', unknown].filter((text) => text !== '').join('; ');
}

function assumedText({ assumed }: StackPlan, style: TextStyle): string {
  const rows = assumed.map(({ option, what, why }) => [option, what, paint(why, 'dim', style)]);
  if (rows.length === 0) return '';
  const align = ['left', 'left', 'left'] as const;
  return `${heading('Assumed of these products, not read from a page', style)}\n${table(rows, { align, ...style })}`;
}

function listText(title: string, lines: readonly string[], style: TextStyle): string {
  if (lines.length === 0) return '';
  return [heading(title, style), ...lines.map((line) => `  ${plain(line, LONGEST_LINE)}`)].join(
    '\n',
  );
}

function money(usd: number | null): string {
  return usd === null ? '?' : usd === 0 ? '$0' : formatUsd(usd);
}
