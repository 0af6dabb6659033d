import { DIMENSIONS, formatScale } from '../capacity/limit.ts';
import type { LimitUse } from '../capacity/limits.ts';
import type { Plan, ScalePlan } from '../capacity/plan.ts';
import { spendCaps } from '../capacity/spend.ts';
import type { WayOut } from '../capacity/way-out.ts';
import { formatCount, formatShare, formatUsd, round } from '../core/units.ts';
import { assumptionsText, notCountedText, sourcesText } from './plan-basis.ts';
import { billText, costText, money } from './plan-cost.ts';
import { breakName, decisionText } from './plan-decision.ts';
import { demandText } from './plan-demand.ts';
import { hoursText } from './plan-hours.ts';
import { stackText } from './plan-stack.ts';
import { rejectionsText } from './plan-rejections.ts';
import { provisionedText, splitText } from './plan-routing.ts';
import { marginText, sensitivityText } from './plan-sensitivity.ts';
import { bar, heading, paint, plain, table } from './text.ts';
import type { Paint, TextStyle } from './text.ts';
import { wrap } from './text-width.ts';

/** The plan for people: the decision first, then what it rests on. */
export function planText(plan: Plan, style: TextStyle = { colour: false }): string {
  const parts = [
    decisionText(plan, style),
    demandText(plan, style),
    limitsText(plan, style),
    hoursText(plan, style),
    rejectionsText(plan, style),
    waysOutText(plan, style),
    splitText(plan, style),
    provisionedText(plan, style),
    costText(plan, style),
    billText(plan, style),
    marginText(plan, style),
    sensitivityText(plan, style),
    stackText(plan, style),
    poolText(plan, style),
    stagesText(plan, style),
    notCountedText(plan, style),
    assumptionsText(plan, style),
    sourcesText(plan, style),
  ];
  return `${parts.filter((part) => part !== '').join('\n')}\n`;
}

/** Sentences may hold names from outside: no control characters, no endless lines. */
const LONGEST_LINE = 400;

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
    table(rows, { head, align, labels: 2, ...style }),
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
      : `${breakName(thenBreaksAt)} still breaks at ${formatScale(thenBreaksAt.scale)}`;
  return [other, note ?? ''].filter((text) => text !== '').join('; ');
}

function signedUsd(usd: number): string {
  if (Math.abs(usd) < 0.005) return '±$0';
  return `${usd > 0 ? '+' : ''}${formatUsd(usd)}`;
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
      ...folded(`  ${title}`, 4, style),
      ...changes.flatMap((change) => folded(`    - ${plain(change, LONGEST_LINE)}`, 6, style)),
      `    ${carries}, ${money(stage.usdPerMonth)} per month${mark}`,
    ];
  });
  return `${heading('Stages', style)}\n${lines.join('\n')}`;
}

/** A line cut to the terminal; what follows the first is moved in. */
function folded(line: string, indent: number, { columns }: TextStyle): string[] {
  if (columns === undefined) return [line];
  const text = line.trimStart();
  const start = ' '.repeat(line.length - text.length);
  const [first = '', ...rest] = wrap(text, columns - indent);
  return [start + first, ...rest.map((part) => ' '.repeat(indent) + part)];
}
