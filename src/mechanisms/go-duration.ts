import { MS_PER_HOUR, MS_PER_MINUTE, MS_PER_SECOND } from '../core/units.ts';

/**
 * Milliseconds as OpenAI prints them in reset headers and 429 texts: Go's duration format, rounded
 * to the millisecond. `12ms`, `1s`, `9.816s`, `7m12s`, `1h0m30.5s`, `6m0s`.
 */
export function formatGoDuration(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  if (whole === 0) return '0s';
  if (whole < MS_PER_SECOND) return `${whole}ms`;
  const hours = Math.floor(whole / MS_PER_HOUR);
  const minutes = Math.floor((whole % MS_PER_HOUR) / MS_PER_MINUTE);
  const seconds = (whole % MS_PER_MINUTE) / MS_PER_SECOND;
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}

const UNITS_MS: Readonly<Record<string, number>> = {
  h: MS_PER_HOUR,
  m: MS_PER_MINUTE,
  s: MS_PER_SECOND,
  ms: 1,
  us: 0.001,
  µs: 0.001,
  ns: 0.000_001,
};

/** Reads `6m0s`, `2m59.56s`, `12ms`; undefined for anything else (Azure's `-1` and `0` mean unknown). */
export function parseGoDurationMs(text: string): number | undefined {
  const trimmed = text.trim();
  if (trimmed === '0s') return 0;
  let total = 0;
  let consumed = 0;
  for (const [whole, amount, unit] of trimmed.matchAll(/(\d+(?:\.\d+)?)(h|ms|us|µs|ns|m|s)/gy)) {
    total += Number(amount) * UNITS_MS[unit!]!;
    consumed += whole.length;
  }
  return consumed > 0 && consumed === trimmed.length ? total : undefined;
}
