import { formatScale } from '../capacity/limit.ts';
import type { Plan } from '../capacity/plan.ts';
import type { SensitivityEnd, SensitivityRow } from '../capacity/sensitivity.ts';
import { formatCount, formatShare, formatUsd, round } from '../core/units.ts';
import { heading, paint, plain, table } from './text.ts';
import type { TextStyle } from './text.ts';

/** Cells of one side of the tornado, and on a narrow terminal. */
const SIDE_CELLS = 14;
const FEW_SIDE_CELLS = 7;
const NARROW_COLUMNS = 110;
/** Rows that the text shows; the JSON has all. */
const MOST_ROWS = 8;

/** The tornado: what each assumption does to the bill, widest first. */
export function sensitivityText(plan: Plan, style: TextStyle): string {
  const { rows, usdPerMonth, breaksAt, scale } = plan.sensitivity;
  if (rows.length === 0) return '';
  const shown = rows.slice(0, MOST_ROWS);
  const widest = Math.max(...shown.flatMap((row) => moves(row, usdPerMonth).map(Math.abs)));
  const cells = shown.map((row) => [
    row.label,
    rangeText(row),
    tornado(row, usdPerMonth, widest, style),
    ...endCells(row, usdPerMonth),
    breakCell(row, breaksAt),
    paint(plain(row.basis, 80), 'dim', style),
  ]);
  const head = ['', 'range', `cost at ${formatScale(scale)}`, 'low', 'high', 'breaks at', 'why'];
  const align = ['left', 'right', 'left', 'right', 'right', 'right', 'left'] as const;
  const base = usdPerMonth === null ? 'unknown' : `${formatUsd(usdPerMonth)} a month`;
  const title = `Sensitivity: one assumption at a time, around ${base}`;
  return `${heading(title, style)}\n${table(cells, { head, align, ...style })}`;
}

function rangeText({ range, unit }: SensitivityRow): string {
  return unit === 'points' ? `±${round(range * 100, 1)} points` : `±${formatShare(range)}`;
}

/** Change of the bill at both ends. */
function moves({ low, high }: SensitivityRow, base: number | null): [number, number] {
  const move = (end: SensitivityEnd): number =>
    base === null || end.usdPerMonth === null ? 0 : end.usdPerMonth - base;
  return [move(low), move(high)];
}

/** A bar to the left for what makes it cheaper, to the right for what makes it dearer. */
function tornado(
  row: SensitivityRow,
  base: number | null,
  widest: number,
  style: TextStyle,
): string {
  const side = (style.columns ?? NARROW_COLUMNS) < NARROW_COLUMNS ? FEW_SIDE_CELLS : SIDE_CELLS;
  const ends = moves(row, base);
  const cells = (usd: number): number =>
    widest === 0 ? 0 : Math.round((Math.abs(usd) / widest) * side);
  const less = cells(Math.min(0, ...ends));
  const more = cells(Math.max(0, ...ends));
  const left = ' '.repeat(side - less) + paint('█'.repeat(less), 'green', style);
  return `${left}│${paint('█'.repeat(more), 'red', style)}`;
}

function endCells(row: SensitivityRow, base: number | null): string[] {
  return moves(row, base).map((usd) => {
    if (base === null) return '?';
    if (Math.abs(usd) < 0.005) return '±$0';
    return `${usd > 0 ? '+' : ''}${formatUsd(usd)}`;
  });
}

function breakCell({ low, high }: SensitivityRow, base: number | null): string {
  if (low.breaksAt === null || high.breaksAt === null || base === null) return '-';
  const moved = (end: number): boolean => Math.abs(end / base - 1) > 0.001;
  if (!moved(low.breaksAt) && !moved(high.breaksAt)) return '=';
  return `${formatScale(low.breaksAt)} … ${formatScale(high.breaksAt)}`;
}

/** Value against cost per scale, when the plan says what a unit is worth. */
export function marginText(plan: Plan, style: TextStyle): string {
  const rows = plan.scales.flatMap(({ scale, margin }) => {
    if (margin === null) return [];
    const { costPerUnitUsd, marginUsdPerMonth, marginShare } = margin;
    const text = marginUsdPerMonth === null ? '?' : formatUsd(marginUsdPerMonth);
    return [
      [
        formatScale(scale),
        `${formatCount(margin.unitsPerMonth)} ${margin.unit}s`,
        formatUsd(margin.valuePerUnitUsd),
        costPerUnitUsd === null ? '?' : formatUsd(costPerUnitUsd),
        formatUsd(margin.valueUsdPerMonth),
        paint(text, (marginUsdPerMonth ?? -1) < 0 ? 'red' : 'green', style),
        marginShare === null ? '?' : formatShare(round(marginShare, 3)),
      ],
    ];
  });
  if (rows.length === 0) return '';
  const head = [
    '',
    'per month',
    'value each',
    'cost each',
    'value/month',
    'margin/month',
    'margin',
  ];
  return `${heading('Margin', style)}\n${table(rows, { head, ...style })}`;
}
