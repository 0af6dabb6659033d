import { DIMENSIONS, formatScale, SPEND_DIMENSIONS } from '../capacity/limit.ts';
import type { Plan } from '../capacity/plan.ts';
import type { BindingLimit } from '../capacity/split.ts';
import type { ScaleSplit, SplitPlan } from '../capacity/split-plan.ts';
import { formatCount, formatShare, formatUsd, round } from '../core/units.ts';
import { heading, paint, plain, table } from './text.ts';
import type { TextStyle } from './text.ts';

/** Shares below this are not worth a line. */
const LEAST_SHARE = 0.0005;

/** The cheapest sharing of calls over what the plan names, and what its limits are worth. */
export function splitText(plan: Plan, style: TextStyle): string {
  const { split, goals } = plan;
  if (split === null || split.scales.length === 0) return '';
  const rows = split.scales.flatMap((one) => splitRows(one, split, style));
  const head = ['', 'share', 'calls', 'to', 'API/month', 'as planned', 'busiest minute'];
  const align = ['left', 'right', 'left', 'left', 'right', 'right', 'left'] as const;
  const asked = split.scales.find(({ scale }) => scale === goals.fitsAtScale) ?? split.scales[0]!;
  const worth = asked.binding.map((row) => worthText(asked.scale, row));
  const leftOut = split.leftOut.map(
    ({ provider, model, why }) => `  ${plain(`${provider} ${model}`)} is left out: ${why}`,
  );
  return [
    heading('Cheapest split over routes and alternatives, under all limits', style),
    table(rows, { head, align, ...style }),
    ...worth,
    ...leftOut,
  ].join('\n');
}

function splitRows(one: ScaleSplit, { options }: SplitPlan, style: TextStyle): string[][] {
  const planned = one.plannedUsdPerMonth;
  const rows = one.shares
    .filter(({ share }) => share >= LEAST_SHARE)
    .map(({ option, callClass, share, usdPerMonth }) => {
      const { provider, model } = options[option]!;
      return [
        '',
        formatShare(round(share, 3)),
        callClass === undefined ? '' : plain(callClass, 60),
        plain(`${provider}/${model}`),
        money(usdPerMonth),
      ];
    });
  // Less than everything where caches answer some, more where answers are asked again.
  const sent = one.shares.reduce((sum, { share }) => sum + share, 0);
  const total = [
    formatScale(one.scale),
    one.unserved >= LEAST_SHARE
      ? paint(formatShare(round(one.unserved, 3)), 'red', style)
      : formatShare(round(sent, 3)),
    one.unserved >= LEAST_SHARE ? paint('fit nowhere', 'red', style) : 'all',
    '',
    paint(money(one.usdPerMonth), 'bold', style),
    planned === null ? '?' : money(planned),
    one.verdict,
  ];
  return [total, ...rows];
}

function money(usd: number): string {
  return usd === 0 ? '$0' : formatUsd(usd);
}

function worthText(scale: number, row: BindingLimit): string {
  const { label } = DIMENSIONS[row.dimension];
  const size = SPEND_DIMENSIONS.has(row.dimension) ? formatUsd(row.limit) : formatCount(row.limit);
  const where = `  ${formatScale(scale)}: ${label} of ${plain(row.provider)} ${plain(row.model)} (${size}) is full`;
  // One unit is little money; a tenth of the limit is what people ask a provider for.
  const tenth = row.limit / 10;
  const amount = SPEND_DIMENSIONS.has(row.dimension) ? formatUsd(tenth) : formatCount(tenth);
  if (row.callsPerMinutePerUnit > 0) {
    return `${where}; +${amount} lets ${formatCount(row.callsPerMinutePerUnit * tenth)} more calls a minute through`;
  }
  return `${where}; +${amount} saves ${formatUsd(row.usdPerUnitMonth * tenth)} a month (${formatUsd(row.usdPerUnitMonth)} per unit)`;
}

/** Reserved units against pay-as-you-go. */
export function provisionedText(plan: Plan, style: TextStyle): string {
  const rows = plan.provisioned.flatMap(({ provider, model, scales }) =>
    scales.map((one, index) => [
      index === 0 ? `${plain(`${provider} ${model}`)}, ${one.unit}, ${one.term}` : '',
      formatScale(one.scale),
      formatCount(one.units),
      formatCount(Math.ceil(one.peakUnits)),
      money(one.baseUsdPerMonth),
      money(one.spillUsdPerMonth),
      money(one.payAsYouGoUsdPerMonth),
      one.utilisation === null ? '-' : formatShare(round(one.utilisation, 3)),
      one.breakEvenUtilisation > 1 ? 'never' : formatShare(round(one.breakEvenUtilisation, 3)),
      one.spilledShare < 0.0005 ? '-' : formatShare(round(one.spilledShare, 3)),
      one.spillFits === null ? '?' : one.spillFits ? 'yes' : paint('no', 'red', style),
    ]),
  );
  if (rows.length === 0) return '';
  const head = [
    '',
    '',
    'cheapest units',
    'for the peak',
    'base/month',
    'spill/month',
    'pay-as-you-go',
    'used',
    'pays from',
    'spilled',
    'spill fits',
  ];
  const refused = plan.provisioned.some(({ overflow }) => overflow === 'refused');
  const note = refused
    ? `\n${paint('  above the units calls are refused: configure spillover, or they fail', 'dim', style)}`
    : '';
  return `${heading('Provisioned base with pay-as-you-go above it', style)}\n${table(rows, { head, ...style })}${note}`;
}
