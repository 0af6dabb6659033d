import { DIMENSIONS } from '../capacity/limit.ts';
import type { Dimension } from '../capacity/limit.ts';
import type { Plan, ScalePlan } from '../capacity/plan.ts';
import type { Stage } from '../capacity/stages.ts';
import { formatCount, formatShare, formatUsd, round } from '../core/units.ts';
import { meterChart } from './charts-meter.ts';
import type { MeterRow } from './charts-meter.ts';
import { html } from './html.ts';
import type { Interpolated, Markup } from './html.ts';
import { dataTable, figure, pill, section } from './html-parts.ts';
import { PLAN_VERDICTS } from './plan-verdict.ts';
import type { Tone } from './html-parts.ts';

/** The parts of a page that show a plan. */

const VERDICT_TONE = {
  fits: 'good',
  tight: 'warn',
  bursts: 'warn',
  exceeds: 'bad',
  unservable: 'bad',
  unknown: 'warn',
} as const satisfies Record<ScalePlan['verdict'], Tone>;

/** How full each limit is at each scale, what it costs, and what to build when. */
export function planSection(plan: Plan): Markup {
  return section({
    id: 'plan',
    title: `The plan: ${breakHeadline(plan)}`,
    lede: `Demand is simulated by resampling whole sessions (${plan.simulation.replications} hours each); a limit is judged on its busiest minute, not on the average.`,
    body: html`${figure({
      title: 'How full each limit is in the busiest minute',
      chart: meterChart({
        title: 'How full each limit is in the busiest minute',
        summary: breakHeadline(plan),
        rows: meterRows(plan),
      }),
    })}
    ${scaleTable(plan)} ${stageList(plan)} ${waysTable(plan)}`,
  });
}

/** What breaks first, in a few words. */
export function breakHeadline({ breaksAt, breaksAtPeak }: Plan): string {
  if (breaksAt === null) return 'no limit is known';
  const { dimension, scale } = breaksAt;
  const label = DIMENSIONS[dimension].label;
  const peak =
    breaksAtPeak === null || breaksAtPeak.scale >= scale * 0.995
      ? ''
      : `, in bursts already at ${round(breaksAtPeak.scale, 2)}x`;
  return `${label} breaks at ${round(scale, 2)}x${peak}`;
}

function meterRows({ scales }: Plan): MeterRow[] {
  const rows = new Map<string, MeterRow & { bars: MeterRow['bars'][number][] }>();
  for (const { limits, scale } of scales) {
    for (const { demandPeak, dimension, limit, limitPool, model, utilisation } of limits) {
      if (utilisation === null || demandPeak === null) continue;
      const key = `${limitPool}/${dimension}`;
      const row = rows.get(key) ?? {
        name: model,
        limit: `${DIMENSIONS[dimension].label} ${formatCount(limit)}`,
        bars: [],
      };
      rows.set(key, row);
      row.bars.push({
        scale: `${scale}x`,
        share: utilisation,
        text: `${formatShare(utilisation)} (${formatCount(demandPeak.value)})`,
      });
    }
  }
  return [...rows.values()];
}

function scaleTable({ scales }: Plan): Markup {
  const columns = [
    'scale',
    'turns/min',
    'LLM calls/min, mean',
    'busiest minute',
    'input tokens/min',
    'output tokens/min',
    'API cost a month',
    'verdict',
  ];
  return dataTable(
    columns.map((name) => ({ name })),
    scales.map(({ cost, demand, scale, verdict }) => [
      html`<b>${scale}x</b>`,
      formatCount(demand.turnsPerMinute),
      formatCount(demand.rpm.mean),
      optional(demand.rpm.peakMinute?.value, formatCount),
      optional(demand.itpm?.mean, formatCount),
      optional(demand.otpm?.mean, formatCount),
      optional(cost.monthly.api, formatUsd),
      pill(PLAN_VERDICTS[verdict].text, VERDICT_TONE[verdict]),
    ]),
  );
}

function stageList({ stages }: Plan): Markup {
  const items = stages.map(
    (stage) =>
      html`<li>
        <h3>${stage.name}, built for ${stage.atScale}x</h3>
        <p>${triggerText(stage)}</p>
        <ul>
          ${changesOf(stage).map((change) => html`<li>${change}</li> `)}
        </ul>
        <p class="note">
          ${supportsText(stage)}${stage.usdPerMonth === null ? '' : `, ${formatUsd(stage.usdPerMonth)} a month`}
        </p>
      </li> `,
  );
  return html`<ol class="stages">
    ${items}
  </ol>`;
}

function triggerText({ startsWhen }: Stage): string {
  if (startsWhen === null) return 'Now.';
  const { dimension, threshold } = startsWhen;
  return `When mean ${DIMENSIONS[dimension].label} stays above ${formatCount(threshold)} for ten minutes.`;
}

function changesOf({ changes }: Stage): readonly string[] {
  return changes.length > 0 ? changes : ['nothing: what stands carries it'];
}

function supportsText({ fits, supports }: Stage): string {
  if (!fits) return 'does not carry this scale';
  if (supports === null) return 'no limit is known';
  return `carries ${round(supports.scale, 2)}x, then ${labelOf(supports.dimension)} binds`;
}

function labelOf(dimension: Dimension): string {
  return DIMENSIONS[dimension].label;
}

function waysTable({ waysOut }: Plan): Markup | '' {
  if (waysOut.length === 0) return '';
  return html`<details>
    <summary>Ways to carry more</summary>
    ${dataTable(
      [{ name: 'change' }, { name: 'then breaks at' }, { name: 'API cost a month' }],
      waysOut.map(({ apiUsdPerMonth, breaksAt, change, note }): Interpolated[] => [
        html`${change}${note === null ? '' : html`<small>${note}</small>`}`,
        breaksAt === null ? 'no limit left' : `${round(breaksAt.scale, 2)}x`,
        optional(apiUsdPerMonth, (usd) => `${usd > 0 ? '+' : ''}${formatUsd(usd)}`),
      ]),
    )}
  </details>`;
}

function optional(value: number | null | undefined, show: (value: number) => string): string {
  return value === null || value === undefined ? '–' : show(value);
}
