import { planGates } from '../capacity/gates.ts';
import { DIMENSIONS, formatScale } from '../capacity/limit.ts';
import type { Break, LimitUse } from '../capacity/limits.ts';
import type { Rate, Plan, ScalePlan } from '../capacity/plan.ts';
import { spendCaps } from '../capacity/spend.ts';
import type { WayOut } from '../capacity/ways-out.ts';
import { formatCount, formatShare, formatUsd, round } from '../core/units.ts';
import { assumptionsText, sourcesText } from './plan-basis.ts';
import { stackText } from './plan-stack.ts';
import { rejectionsText } from './plan-rejections.ts';
import { provisionedText, splitText } from './plan-routing.ts';
import { marginText, sensitivityText } from './plan-sensitivity.ts';
import { PLAN_VERDICTS } from './plan-verdict.ts';
import { bar, heading, paint, plain, table } from './text.ts';
import type { Paint, TextStyle } from './text.ts';

/** The plan for people: the decision first, then what it rests on. */
export function planText(plan: Plan, style: TextStyle = { colour: false }): string {
  const parts = [
    decision(plan, style),
    demandText(plan, style),
    limitsText(plan, style),
    rejectionsText(plan, style),
    waysOutText(plan, style),
    splitText(plan, style),
    provisionedText(plan, style),
    costText(plan, style),
    marginText(plan, style),
    sensitivityText(plan, style),
    stackText(plan, style),
    poolText(plan, style),
    stagesText(plan, style),
    assumptionsText(plan, style),
    sourcesText(plan, style),
  ];
  return `${parts.filter((part) => part !== '').join('\n')}\n`;
}

/** Sentences may hold names from outside: no control characters, no endless lines. */
const LONGEST_LINE = 400;

function decision(plan: Plan, style: TextStyle): string {
  const lines = [paint(plain(plan.name, 80), 'bold', style)];
  const { breaksAt, breaksAtPeak } = plan;
  if (breaksAt !== null) {
    const peak =
      breaksAtPeak === null || breaksAtPeak.scale > 0.999 * breaksAt.scale
        ? ''
        : ` The busiest minute of an hour breaks it at ${formatScale(breaksAtPeak.scale)}.`;
    const kind: Paint = breaksAt.scale < plan.goals.fitsAtScale ? 'red' : 'green';
    lines.push(
      `${paint(`Breaks at ${formatScale(breaksAt.scale)}`, kind, style)}: ${nameOf(breaksAt)}.${peak}`,
    );
  } else {
    lines.push(paint('No limit is known that could break this plan.', 'yellow', style));
  }
  for (const gate of planGates(plan)) {
    const mark = gate.passed ? paint('pass', 'green', style) : paint('FAIL', 'red', style);
    lines.push(`  ${mark}  ${gate.name}: ${plain(gate.detail, LONGEST_LINE)}`);
  }
  for (const warning of plan.warnings)
    lines.push(`  ${paint('note', 'yellow', style)}  ${plain(warning, LONGEST_LINE)}`);
  return lines.join('\n');
}

function nameOf({ dimension, provider, model }: Break): string {
  return `${DIMENSIONS[dimension].label} of ${plain(provider)} ${plain(model)}`;
}

function demandText(plan: Plan, style: TextStyle): string {
  const rows = plan.scales.map(({ scale, demand, verdict }) => [
    formatScale(scale),
    formatCount(demand.turnsPerMinute),
    ...rateCells(demand.rpm),
    ...(demand.itpm === null ? ['-', '-'] : rateCells(demand.itpm)),
    ...(demand.otpm === null ? ['-', '-'] : rateCells(demand.otpm)),
    `${formatCount(demand.concurrency.mean)} / ${formatCount(demand.concurrency.peak?.value ?? Number.NaN)}`,
    paint(PLAN_VERDICTS[verdict].text, PLAN_VERDICTS[verdict].paint, style),
  ]);
  const head = [
    '',
    'turns/min',
    'LLM calls/min',
    'peak',
    'input tok/min',
    'peak',
    'output tok/min',
    'peak',
    'in flight / peak',
    'verdict',
  ];
  const { replications, windowMinutes } = plan.simulation;
  return `${heading('Demand in the busy period', style)}\n${table(rows, { head, ...style })}\n${paint(`  peak: the busiest minute of ${windowMinutes}, mean of ${replications} simulated hours; whole sessions, fan-out kept`, 'dim', style)}`;
}

function rateCells(rate: Rate): [string, string] {
  return [
    formatCount(rate.mean),
    rate.peakMinute === null ? '-' : formatCount(rate.peakMinute.value),
  ];
}

/** Cells of a utilisation bar; a full bar is the limit. */
const BAR_CELLS = 20;

function limitsText(plan: Plan, style: TextStyle): string {
  const first = plan.scales[0];
  if (first === undefined || first.limits.length === 0) return '';
  const rows = first.limits.map((use, index) => [
    `${plain(use.provider)} ${plain(use.model)}${use.tier === null ? '' : ` ${plain(use.tier)}`}`,
    DIMENSIONS[use.dimension].label,
    amount(use, use.limit),
    ...plan.scales.map((scale) => shareCell(scale.limits[index]?.utilisation ?? null, style)),
    use.utilisationMean === null ? '-' : formatScale(first.scale / use.utilisationMean),
    utilisationBar(use, style),
  ]);
  const head = [
    '',
    'limit',
    '',
    ...plan.scales.map(({ scale }) => `peak at ${formatScale(scale)}`),
    'breaks at',
    `at ${formatScale(first.scale)}`,
  ];
  const align = [
    'left',
    'left',
    'right',
    ...plan.scales.map(() => 'right' as const),
    'right',
    'left',
  ] as const;
  const oversize = plan.scales[0]!.oversize.map(
    (one) =>
      `  ${paint('unservable', 'red', style)}: 1 % of requests need more than ${formatCount(one.requestP99)} tokens at once; ${plain(one.provider)} ${plain(one.model)} allows ${formatCount(one.limit)} ${DIMENSIONS[one.dimension].label}`,
  );
  const caps = spendCaps(plan)
    .filter(({ daysToCap }) => daysToCap !== null)
    .map(
      (cap) =>
        `  ${paint('spend cap', 'red', style)}: at ${formatScale(cap.scale)} the ${formatUsd(cap.capUsd)} a month of ${plain(cap.provider)} are spent after ${round(cap.daysToCap!, 1)} days`,
    );
  return [
    heading('Limits', style),
    table(rows, { head, align, ...style }),
    ...oversize,
    ...caps,
  ].join('\n');
}

function utilisationBar(use: LimitUse, style: TextStyle): string {
  if (use.utilisation === null) return '';
  const kind: Paint = use.utilisation > 1 ? 'red' : use.utilisation > 0.8 ? 'yellow' : 'green';
  const over = use.utilisation > 1 ? '▶' : '';
  const mark = use.binding ? ' ← binding' : '';
  return `${paint(bar(use.utilisation, 1, BAR_CELLS) + over, kind, style)}${mark}`;
}

function amount(use: LimitUse, value: number): string {
  return use.dimension.startsWith('spend') ? formatUsd(value) : formatCount(value);
}

function shareCell(share: number | null, style: TextStyle): string {
  if (share === null) return '?';
  const text = share >= 100 ? `${formatCount(share * 100)}%` : formatShare(round(share, 3));
  return share > 1 ? paint(text, 'red', style) : text;
}

function waysOutText(plan: Plan, style: TextStyle): string {
  if (plan.waysOut.length === 0) return '';
  const required = plan.goals.fitsAtScale;
  const rows = plan.waysOut
    .slice(0, MOST_WAYS_OUT)
    .map((way, index) => [
      `${index + 1}`,
      way.change,
      way.breaksAt === null
        ? 'no limit left'
        : `${formatScale(way.breaksAt.scale)} (${DIMENSIONS[way.breaksAt.dimension].label})`,
      formatShare(round(way.utilisation, 3)),
      way.fitsRequired ? paint('yes', 'green', style) : paint('no', 'red', style),
      way.apiUsdPerMonth === null ? '?' : signedUsd(way.apiUsdPerMonth),
      paint(wayOutNote(way), 'dim', style),
    ]);
  const head = [
    '',
    'change',
    'breaks at',
    `use at ${formatScale(required)}`,
    `fits ${formatScale(required)}`,
    'API $/month',
    '',
  ];
  const align = ['right', 'left', 'right', 'right', 'left', 'right', 'left'] as const;
  return `${heading('Ways out, best first (mean demand)', style)}\n${table(rows, { head, align, ...style })}`;
}

/** Ways out that the text shows; the JSON has all. */
const MOST_WAYS_OUT = 8;

function wayOutNote({ note, thenBreaksAt }: WayOut): string {
  const other =
    thenBreaksAt === null
      ? ''
      : `${nameOf(thenBreaksAt)} still breaks at ${formatScale(thenBreaksAt.scale)}`;
  return [other, note ?? ''].filter((text) => text !== '').join('; ');
}

function signedUsd(usd: number): string {
  if (Math.abs(usd) < 0.005) return '±$0';
  return `${usd > 0 ? '+' : ''}${formatUsd(usd)}`;
}

function costText(plan: Plan, style: TextStyle): string {
  const rows = plan.scales.map(({ scale, cost }) => [
    formatScale(scale),
    money(cost.monthly.api),
    money(cost.monthly.gpu),
    money(cost.monthly.infra),
    money(cost.monthly.ops),
    paint(money(cost.monthly.total), 'bold', style),
    money(cost.perTurn),
    money(cost.perUser),
  ]);
  const head = ['', 'API', 'GPU', 'infra', 'ops', 'total/month', 'per turn', 'per concurrent user'];
  const unknowns = [...new Set(plan.scales.flatMap((scale) => scale.unknowns))];
  const notes = unknowns.map(
    (unknown) => `  ${paint('unknown', 'yellow', style)}: ${plain(unknown, LONGEST_LINE)}`,
  );
  return [heading('Cost per month', style), table(rows, { head, ...style }), ...notes].join('\n');
}

function money(usd: number | null): string {
  return usd === null ? '?' : usd === 0 ? '$0' : formatUsd(usd);
}

function poolText(plan: Plan, style: TextStyle): string {
  const rows = plan.scales.flatMap(({ scale, pool }) =>
    pool === null ? [] : [poolRow(scale, pool)],
  );
  if (rows.length === 0) return '';
  const head = ['', 'replicas', 'GPUs', 'range', 'TTFT', 'ITL', 'binding', 'basis'];
  return `${heading('Self-hosted pool', style)}\n${table(rows, { head, ...style })}`;
}

function poolRow(scale: number, pool: NonNullable<ScalePlan['pool']>): string[] {
  const [low, high] = pool.intervals.gpus;
  return [
    formatScale(scale),
    formatCount(pool.replicas),
    formatCount(pool.gpus),
    `${formatCount(low)} to ${formatCount(high)}`,
    `${round(pool.ttftMs, 0)} ms`,
    `${round(pool.itlMs, 1)} ms`,
    pool.bindingResource,
    pool.basis,
  ];
}

function stagesText(plan: Plan, style: TextStyle): string {
  const lines = plan.stages.flatMap((stage) => {
    const trigger = stage.startsWhen;
    const when =
      trigger === null
        ? stage.atScale === plan.stages[0]?.atScale
          ? 'now'
          : 'no limit is known to trigger on'
        : `when ${DIMENSIONS[trigger.dimension].label} of ${plain(trigger.provider)} ${plain(trigger.model)} stays above ${formatCount(trigger.threshold)} (${trigger.why})`;
    const carries =
      stage.supports === null
        ? 'capacity unknown'
        : `carries ${formatScale(stage.supports.scale)} (${DIMENSIONS[stage.supports.dimension].label})`;
    const title = `${paint(`${stage.name}, for ${formatScale(stage.atScale)}`, 'bold', style)}: ${when}`;
    const changes = stage.changes.length === 0 ? ['nothing to change'] : stage.changes;
    const mark = stage.fits ? '' : paint(' does not fit', 'red', style);
    return [
      `  ${title}`,
      ...changes.map((change) => `    - ${plain(change, LONGEST_LINE)}`),
      `    ${carries}, ${money(stage.usdPerMonth)} per month${mark}`,
    ];
  });
  return `${heading('Stages', style)}\n${lines.join('\n')}`;
}
