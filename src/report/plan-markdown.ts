import { planGates } from '../capacity/gates.ts';
import { DIMENSIONS, formatScale } from '../capacity/limit.ts';
import type { Estimate } from '../capacity/demand.ts';
import type { Plan } from '../capacity/plan.ts';
import type { Rate } from '../capacity/plan-outline.ts';
import { spendCaps } from '../capacity/spend.ts';
import { formatCount, formatShare, formatUsd, round } from '../core/units.ts';
import { SourceList } from './plan-markdown-sources.ts';
import { markdownCell as cell, markdownTable } from './markdown-table.ts';
import { billSection, costSection, isLimit, isPrice, spaced } from './plan-markdown-cost.ts';
import { breakName, costSentence, nextStep, peakSentence } from './plan-decision.ts';
import { turnLine } from './plan-demand.ts';
import { hoursSentence } from './plan-hours.ts';
import { waitsText } from './plan-rejections.ts';
import { sparkline } from './text.ts';
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
  const offers = sources.refs((of) => isLimit(of) || isPrice(of) || of.startsWith('provisioned'));
  const calls = sources.refs((of) => of === 'workload');
  const sections = [
    decision(plan),
    demandSection(plan, sources),
    limitsSection(plan, sources),
    hoursSection(plan, sources),
    rejectionsSection(plan, sources),
    costSection(plan, sources),
    billSection(plan, sources),
    poolSection(plan, sources),
    stagesMarkdown(plan, `Limits and prices: ${offers}; calls: ${calls}.`),
    waysOutSection(plan, sources),
    fenced(splitText(plan, PLAIN), `Limits and prices: ${offers}; calls: ${calls}.`),
    fenced(provisionedText(plan, PLAIN), `Units, terms and prices: ${offers}; calls: ${calls}.`),
    fenced(marginText(plan, PLAIN), `Value: the plan. Cost: as above.`),
    fenced(sensitivityText(plan, PLAIN), `Ranges: the last column. Bill and limits: as above.`),
    fenced(stackText(plan, PLAIN), `Sizes, limits and prices: ${sources.refs(isStack)}.`),
    notCountedSection(plan),
    assumptionsSection(plan),
    sources.section(),
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

const PLAIN = { colour: false };

const isStack = (of: string): boolean => /^(?:stack|option|price) /.test(of);

const VERDICTS = {
  fits: '✅ fits',
  tight: '⚠️ fits, tight',
  bursts: '⚠️ bursts over',
  exceeds: '❌ does not fit',
  unservable: '❌ unservable',
  unknown: '⚠️ unknown',
} as const satisfies Record<Plan['scales'][number]['verdict'], string>;

function decision(plan: Plan): string {
  const { breaksAt } = plan;
  const next = nextStep(plan);
  const lines = [
    `# Plan: ${cell(plan.name)}`,
    '',
    breaksAt === null
      ? 'No limit is known that could break this plan.'
      : `**Breaks at ${formatScale(breaksAt.scale)}**: ${cell(breakName(breaksAt))}.${peakSentence(plan)}`,
    '',
    costSentence(plan),
    '',
    ...(next === null ? [] : [`**Next**: ${cell(next)}.`, '']),
  ];
  for (const { detail, name, passed } of planGates(plan)) {
    lines.push(`- ${passed ? '✅' : '❌'} ${cell(name)}: ${cell(detail)}`);
  }
  for (const warning of plan.warnings) lines.push(`- ⚠️ ${cell(warning)}`);
  return lines.join('\n');
}

function demandSection(plan: Plan, sources: SourceList): string {
  const rows = plan.scales.map(({ demand, scale, verdict }) => [
    `**${formatScale(scale)}**`,
    formatCount(demand.turnsPerMinute),
    rate(demand.rpm),
    demand.itpm === null ? '?' : rate(demand.itpm),
    demand.cachedShare === null ? '?' : formatShare(round(demand.cachedShare, 3)),
    demand.otpm === null ? '?' : rate(demand.otpm),
    `${formatCount(demand.concurrency.mean)} / ${estimate(demand.concurrency.peak)}`,
    VERDICTS[verdict],
  ]);
  const head = [
    '',
    'turns/min',
    'LLM calls/min',
    'input tokens/min',
    'of it cached',
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
    ...turnLine(plan).map((line) => `${line[0]!.toUpperCase()}${line.slice(1)}.`),
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
        of === `limits ${use.provider} ${use.model} ${use.tier ?? ''}` ||
        of === `limits ${use.provider} ${use.model}` ||
        of.endsWith('.limits'),
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

function rejectionsSection(plan: Plan, sources: SourceList): string {
  const rows = plan.scales.flatMap(({ queueing, rejections, scale }) =>
    rejections.map(({ documented, model, pessimistic, provider }) => {
      const queue = queueing.find((one) => one.provider === provider && one.model === model);
      return [
        `${cell(provider)} ${cell(model)}`,
        formatScale(scale),
        within(documented.firstAttempt),
        share(documented.failed.value),
        `${round(documented.attempts.value, 2)}x`,
        queue === undefined ? '?' : waitsText(queue.documented),
        within(pessimistic.firstAttempt),
        queue === undefined ? '?' : waitsText(queue.pessimistic),
      ];
    }),
  );
  if (rows.length === 0) return '';
  const head = [
    '',
    'at',
    'first try gets a 429',
    'fails',
    'attempts',
    'or wait (mean, p95)',
    'if RPM holds each second',
    'or wait then',
  ];
  return [
    '## Rejections, or waiting',
    '',
    markdownTable(head, rows, ['left', 'left', ...head.slice(2).map(() => 'right' as const)]),
    '',
    `Simulated with retries against the provider’s own limiter; 95 % intervals in brackets. Waiting: the client queues calls until there is room. Limits: ${sources.refs(isLimit)}; calls: ${sources.refs((of) => of === 'workload')}.`,
  ].join('\n');
}

function hoursSection(plan: Plan, sources: SourceList): string {
  const rows = plan.scales.flatMap(({ day, scale }) =>
    day === null
      ? []
      : [
          [
            formatScale(scale),
            `\`${sparkline(day.hours.map(({ peak }) => peak))}\``,
            hoursSentence(day),
          ],
        ],
  );
  if (rows.length === 0) return '';
  const zone = plan.scales[0]?.day?.zone === 'UTC' ? ' (UTC, as measured)' : '';
  return [
    `## Hours of the day${zone}`,
    '',
    markdownTable(['', 'from 0:00 to 23:00', ''], rows, ['left', 'left', 'left']),
    '',
    `The busiest minute of each hour over the limit it is nearest to. Calls: ${sources.refs((of) => of === 'workload')}; limits: ${sources.refs(isLimit)}.`,
  ].join('\n');
}

function within({ high, low, value }: Estimate): string {
  const text = (part: number): string => formatShare(round(part, 4));
  return high - low < 1e-9 ? text(value) : `${text(value)} (${text(low)} to ${text(high)})`;
}

function notCountedSection({ notCounted }: Plan): string {
  if (notCounted.length === 0) return '';
  return ['## Not counted', '', ...notCounted.map((text) => `- ${cell(text)}`)].join('\n');
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

function waysOutSection({ goals, waysOut }: Plan, sources: SourceList): string {
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
  return [
    '## Ways to carry more, best first',
    '',
    markdownTable(head, rows, align),
    '',
    `The same plan computed again after each change. Limits and prices: ${sources.refs((of) => isLimit(of) || isPrice(of))}.`,
  ].join('\n');
}

function assumptionsSection({ assumptions }: Plan): string {
  if (assumptions.length === 0) return '';
  const rows = assumptions.map(({ key, value, why }) => [`\`${key}\``, cell(value), cell(why)]);
  const table = markdownTable(['', 'taken as', 'why'], rows, ['left', 'left', 'left']);
  return ['## Assumed, because the plan does not say', '', table].join('\n');
}

/** A section that is laid out for a terminal; its first line is its title. */
function fenced(text: string, basis: string): string {
  if (text === '') return '';
  const [title = '', ...lines] = text.replace(/^\n+/, '').trimEnd().split('\n');
  return [`## ${title}`, '', '```text', ...lines, '```', '', basis].join('\n');
}
