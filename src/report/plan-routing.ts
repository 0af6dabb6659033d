import { DIMENSIONS, formatScale, SPEND_DIMENSIONS } from '../capacity/limit.ts';
import type { Plan } from '../capacity/plan.ts';
import type { BindingLimit } from '../capacity/split.ts';
import type { ScaleSplit, SplitPlan } from '../capacity/split-plan.ts';
import { formatCount, formatShare, formatUsd, round } from '../core/units.ts';
import { heading, paint, plain, table } from './text.ts';
import type { TextStyle } from './text.ts';

/** The cheapest sharing of calls over what the plan names, and what its limits are worth. */
export function splitText(plan: Plan, style: TextStyle): string {
  const { split } = plan;
  if (split === null || split.scales.length === 0) return '';
  const rows = split.scales.map((one) => [
    formatScale(one.scale),
    sharesText(one, split),
    one.unserved > 0 ? paint(formatShare(round(one.unserved, 3)), 'red', style) : '-',
    formatUsd(one.usdPerMonth),
    one.plannedUsdPerMonth === null ? '?' : formatUsd(one.plannedUsdPerMonth),
    one.verdict,
  ]);
  const head = ['', 'share of the calls', 'unserved', 'API/month', 'as planned', 'busiest minute'];
  const align = ['left', 'left', 'right', 'right', 'right', 'left'] as const;
  const worth = split.scales.flatMap((one) => one.binding.map((row) => worthText(one.scale, row)));
  const leftOut = split.leftOut.map(
    ({ provider, model, why }) => `  ${plain(`${provider} ${model}`)} is left out: ${why}`,
  );
  return [
    heading('Cheapest split under all limits', style),
    table(rows, { head, align, ...style }),
    ...worth,
    ...leftOut,
  ].join('\n');
}

function sharesText({ shares }: ScaleSplit, { options }: SplitPlan): string {
  const parts = shares.map(({ option, callClass, share }) => {
    const { provider, model } = options[option]!;
    const rule = callClass === undefined ? '' : ` (${plain(callClass)})`;
    return `${formatShare(round(share, 3))} ${plain(`${provider}/${model}`)}${rule}`;
  });
  return parts.length === 0 ? 'none' : parts.join(', ');
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
      formatUsd(one.baseUsdPerMonth),
      formatUsd(one.spillUsdPerMonth),
      formatUsd(one.payAsYouGoUsdPerMonth),
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
