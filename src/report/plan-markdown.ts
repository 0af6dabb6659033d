import { planGates } from '../capacity/gates.ts';
import { DIMENSIONS, formatScale } from '../capacity/limit.ts';
import type { Break } from '../capacity/limits.ts';
import type { Estimate } from '../capacity/demand.ts';
import type { Plan, Rate } from '../capacity/plan.ts';
import { spendCaps } from '../capacity/spend.ts';
import { formatCount, formatShare, formatUsd, round } from '../core/units.ts';
import { SourceList } from './plan-markdown-sources.ts';
import { markdownCell as cell, markdownTable } from './markdown-table.ts';
import { provisionedText, splitText } from './plan-routing.ts';
import { marginText, sensitivityText } from './plan-sensitivity.ts';
import { stackText } from './plan-stack.ts';
import { stagesMarkdown } from './plan-markdown-stages.ts';

/**
 * The whole plan as Markdown for a repository or a pull request. Numbers in brackets after a table
 * name their sources, which are listed with page, date and basis at the end.
 */
export function planMarkdown(plan: Plan): string {
  const sources = new SourceList(plan.sources);
  const sections = [
    decision(plan),
    demandSection(plan, sources),
    limitsSection(plan, sources),
    rejectionsSection(plan),
    costSection(plan, sources),
    poolSection(plan, sources),
    stagesMarkdown(plan),
    waysOutSection(plan),
    fenced(splitText(plan, PLAIN)),
    fenced(provisionedText(plan, PLAIN)),
    fenced(marginText(plan, PLAIN)),
    fenced(sensitivityText(plan, PLAIN)),
    fenced(stackText(plan, PLAIN)),
    assumptionsSection(plan),
    sources.section(),
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

const PLAIN = { colour: false };

const VERDICTS = {
  fits: '✅ fits',
  tight: '⚠️ fits, tight',
  bursts: '⚠️ bursts over',
  exceeds: '❌ does not fit',
  unservable: '❌ unservable',
  unknown: '⚠️ unknown',
} as const satisfies Record<Plan['scales'][number]['verdict'], string>;

function decision(plan: Plan): string {
  const { breaksAt, breaksAtPeak } = plan;
  const lines = [`# Plan: ${cell(plan.name)}`, ''];
  if (breaksAt === null) lines.push('No limit is known that could break this plan.');
  else {
    const peak =
      breaksAtPeak === null || breaksAtPeak.scale > 0.999 * breaksAt.scale
        ? ''
        : ` The busiest minute of an hour breaks it at **${formatScale(breaksAtPeak.scale)}**.`;
    lines.push(`**Breaks at ${formatScale(breaksAt.scale)}**: ${nameOf(breaksAt)}.${peak}`);
  }
  lines.push('');
  for (const { detail, name, passed } of planGates(plan)) {
    lines.push(`- ${passed ? '✅' : '❌'} ${cell(name)}: ${cell(detail)}`);
  }
  for (const warning of plan.warnings) lines.push(`- ⚠️ ${cell(warning)}`);
  return lines.join('\n');
}

function nameOf({ dimension, model, provider }: Break): string {
  return `${DIMENSIONS[dimension].label} of ${cell(provider)} ${cell(model)}`;
}

function demandSection(plan: Plan, sources: SourceList): string {
  const rows = plan.scales.map(({ demand, scale, verdict }) => [
    `**${formatScale(scale)}**`,
    formatCount(demand.turnsPerMinute),
    rate(demand.rpm),
    demand.itpm === null ? '?' : rate(demand.itpm),
    demand.otpm === null ? '?' : rate(demand.otpm),
    `${formatCount(demand.concurrency.mean)} / ${estimate(demand.concurrency.peak)}`,
    VERDICTS[verdict],
  ]);
  const head = [
    '',
    'turns/min',
    'LLM calls/min',
    'input tokens/min',
    'output tokens/min',
    'in flight',
    'verdict',
  ];
  const { replications, windowMinutes } = plan.simulation;
  return [
    '## Demand in the busy period',
    '',
    markdownTable(head, rows, ['left', ...head.slice(2).map(() => 'right' as const), 'left']),
    '',
    `Mean / busiest minute of ${windowMinutes}, from ${replications} simulated hours of whole sessions ${sources.refs((of) => of === 'workload')}.`,
  ].join('\n');
}

function rate({ mean, peakMinute }: Rate): string {
  return `${formatCount(mean)} / ${estimate(peakMinute)}`;
}

function estimate(value: Estimate | null): string {
  return value === null ? '?' : formatCount(value.value);
}

function limitsSection(plan: Plan, sources: SourceList): string {
  const first = plan.scales[0];
  if (first === undefined || first.limits.length === 0) return '';
  const rows = first.limits.map((use, index) => [
    `${cell(use.provider)} ${cell(use.model)}${use.tier === null ? '' : ` ${cell(use.tier)}`}`,
    `${DIMENSIONS[use.dimension].label}${use.binding ? ' **binding**' : ''}`,
    use.dimension.startsWith('spend') ? formatUsd(use.limit) : formatCount(use.limit),
    ...plan.scales.map((scale) => share(scale.limits[index]?.utilisation ?? null)),
    use.utilisationMean === null || use.utilisationMean === 0
      ? '?'
      : formatScale(first.scale / use.utilisationMean),
    sources.refs(
      (of) =>
        of === `limits ${use.provider} ${use.model} ${use.tier ?? ''}` || of.endsWith('.limits'),
    ),
  ]);
  const head = [
    '',
    'limit',
    '',
    ...plan.scales.map(({ scale }) => `peak at ${formatScale(scale)}`),
    'breaks at',
    'source',
  ];
  const oversize = first.oversize.map(
    (one) =>
      `- ❌ 1 % of requests need more than ${formatCount(one.requestP99)} tokens at once; ${cell(one.provider)} ${cell(one.model)} allows ${formatCount(one.limit)} ${DIMENSIONS[one.dimension].label}`,
  );
  const caps = spendCaps(plan)
    .filter(({ daysToCap }) => daysToCap !== null)
    .map(
      (cap) =>
        `- ❌ at ${formatScale(cap.scale)} the monthly cap of ${formatUsd(cap.capUsd)} of ${cell(cap.provider)} is spent after ${round(cap.daysToCap!, 1)} days`,
    );
  const align = head.map((_, index) =>
    index < 2 || index === head.length - 1 ? ('left' as const) : ('right' as const),
  );
  return [
    '## Limits',
    '',
    markdownTable(head, rows, align),
    ...spaced([...oversize, ...caps]),
  ].join('\n');
}

function share(value: number | null): string {
  if (value === null) return '?';
  const text = formatShare(round(value, 3));
  return value > 1 ? `**${text}**` : text;
}

function rejectionsSection(plan: Plan): string {
  const rows = plan.scales.flatMap(({ rejections, scale }) =>
    rejections.map(({ documented, model, pessimistic, provider }) => [
      `${cell(provider)} ${cell(model)}`,
      formatScale(scale),
      within(documented.firstAttempt),
      share(documented.failed.value),
      `${round(documented.attempts.value, 2)}x`,
      within(pessimistic.firstAttempt),
    ]),
  );
  if (rows.length === 0) return '';
  const head = ['', 'at', 'first try gets a 429', 'fails', 'attempts', 'if RPM holds each second'];
  return [
    '## Rejections, with retries',
    '',
    markdownTable(head, rows, ['left', 'left', 'right', 'right', 'right', 'right']),
    '',
    'Simulated against the provider’s own limiter; 95 % intervals in brackets.',
  ].join('\n');
}

function within({ high, low, value }: Estimate): string {
  const text = (part: number): string => formatShare(round(part, 4));
  return high - low < 1e-9 ? text(value) : `${text(value)} (${text(low)} to ${text(high)})`;
}

function costSection(plan: Plan, sources: SourceList): string {
  const rows = plan.scales.map(({ cost, scale }) => [
    `**${formatScale(scale)}**`,
    ...[cost.monthly.api, cost.monthly.gpu, cost.monthly.infra, cost.monthly.ops].map(money),
    `**${money(cost.monthly.total)}**`,
    money(cost.perTurn),
    money(cost.perUser),
  ]);
  const head = ['', 'API', 'GPU', 'infra', 'ops', 'total', 'per turn', 'per concurrent user'];
  const unknowns = [...new Set(plan.scales.flatMap((scale) => scale.unknowns))];
  return [
    '## Cost per month',
    '',
    markdownTable(head, rows, ['left', ...head.slice(1).map(() => 'right' as const)]),
    '',
    `Prices: ${sources.refs((of) => /^price|\.prices$|^infra|^ops/.test(of)) || 'none known'}.`,
    ...spaced(unknowns.map((unknown) => `- ⚠️ unknown: ${cell(unknown)}`)),
  ].join('\n');
}

function money(usd: number | null): string {
  return usd === null ? '?' : usd === 0 ? '$0' : formatUsd(usd);
}

function moreMoney(usd: number | null): string {
  if (usd === null) return '?';
  return Math.abs(usd) < 0.005 ? '±$0' : `${usd > 0 ? '+' : ''}${formatUsd(usd)}`;
}

function poolSection(plan: Plan, sources: SourceList): string {
  const rows = plan.scales.flatMap(({ pool, scale }) => {
    if (pool === null) return [];
    const [low, high] = pool.intervals.gpus;
    return [
      [
        formatScale(scale),
        formatCount(pool.replicas),
        `${formatCount(pool.gpus)} (${formatCount(low)} to ${formatCount(high)})`,
        `${round(pool.ttftMs, 0)} ms`,
        `${round(pool.itlMs, 1)} ms`,
        pool.bindingResource,
        pool.basis,
      ],
    ];
  });
  if (rows.length === 0) return '';
  const head = ['', 'replicas', 'GPUs', 'TTFT', 'ITL', 'binding', 'basis'];
  return [
    '## Self-hosted pool',
    '',
    markdownTable(head, rows, ['left', 'right', 'right', 'right', 'right', 'left', 'left']),
    '',
    `Hardware and model: ${sources.refs((of) => /^(model|GPU|price|step time) /.test(of))}.`,
  ].join('\n');
}

function waysOutSection({ goals, waysOut }: Plan): string {
  if (waysOut.length === 0) return '';
  const rows = waysOut.map((way) => [
    cell(way.change),
    way.breaksAt === null
      ? 'no limit left'
      : `${formatScale(way.breaksAt.scale)} (${DIMENSIONS[way.breaksAt.dimension].label})`,
    way.fitsRequired ? '✅' : '❌',
    moreMoney(way.apiUsdPerMonth),
    cell(way.note ?? ''),
  ]);
  const fits = `fits ${formatScale(goals.fitsAtScale)}`;
  const head = ['change', 'then breaks at', fits, 'API $/month more', ''];
  const align = ['left', 'right', 'left', 'right', 'left'] as const;
  return ['## Ways to carry more, best first', '', markdownTable(head, rows, align)].join('\n');
}

function assumptionsSection({ assumptions }: Plan): string {
  if (assumptions.length === 0) return '';
  const rows = assumptions.map(({ key, value, why }) => [`\`${key}\``, cell(value), cell(why)]);
  const table = markdownTable(['', 'taken as', 'why'], rows, ['left', 'left', 'left']);
  return ['## Assumed, because the plan does not say', '', table].join('\n');
}

/** A section that is laid out for a terminal; its first line is its title. */
function fenced(text: string): string {
  if (text === '') return '';
  const [title = '', ...lines] = text.replace(/^\n+/, '').trimEnd().split('\n');
  return [`## ${title}`, '', '```text', ...lines, '```'].join('\n');
}

function spaced(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', ...lines];
}
