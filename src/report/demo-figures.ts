import { formatCount, formatDuration, formatShare } from '../core/units.ts';
import type { Comparison, FigureUnit } from './demo.ts';

/** A figure in its unit. */
export function showFigure(value: number | null, unit: FigureUnit): string {
  if (value === null) return '–';
  switch (unit) {
    case 'perMinute':
      return `${formatCount(value)}/min`;
    case 'ms':
      return formatDuration(value);
    case 'share':
      return formatShare(value);
  }
}

/** `212 (198 to 231)/min`: the forecast with its interval. */
export function showPrediction({ predicted, unit }: Comparison): string {
  if (predicted === null) return '–';
  const { high, low, value } = predicted;
  return `${showFigure(value, unit)} (${showFigure(low, unit)} to ${showFigure(high, unit)})`;
}

/** How far the measurement is from the forecast's median: `+4%`, or in points for shares. */
export function showDifference({ measured, predicted, unit }: Comparison): string {
  if (measured === null || predicted === null) return '–';
  const isShare = unit === 'share';
  const change = isShare ? measured - predicted.value : measured / predicted.value - 1;
  if (!Number.isFinite(change)) return '–';
  const text = Math.abs(change * 100).toFixed(1);
  const sign = text === '0.0' ? '' : change > 0 ? '+' : '−';
  return `${sign}${text}${isShare ? ' points' : '%'}`;
}

/** `±10%` or `±3 points`. */
export function showTolerance({ tolerance, unit }: Comparison): string {
  const text = Number((tolerance * 100).toPrecision(3));
  return unit === 'share' ? `±${text} points` : `±${text}%`;
}
