/**
 * Human-written quantities. Parsed once at the edge; inside, the unit is in the name
 * (`durationMs`, `tokensPerMinute`). Every parser returns undefined for text it does not
 * understand, so that the caller can say where it stood.
 */
export const US_PER_MS = 1000;
export const MS_PER_SECOND = 1000;
export const MS_PER_MINUTE = 60_000;
export const MS_PER_HOUR = 3_600_000;
export const MS_PER_DAY = 86_400_000;
/** Hours in the month of cloud price lists: 365 × 24 / 12. */
export const HOURS_PER_MONTH = 730;
/** Days in the same month. */
export const DAYS_PER_MONTH = HOURS_PER_MONTH / 24;

const DURATION_UNITS_MS: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: MS_PER_SECOND,
  m: MS_PER_MINUTE,
  min: MS_PER_MINUTE,
  h: MS_PER_HOUR,
  d: MS_PER_DAY,
};

const COUNT_SUFFIXES: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, b: 1e9 };

const BYTE_UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
};

/** `30s`, `1.5h`, `2m30s`, `250ms` → milliseconds. */
export function parseDurationMs(text: string): number | undefined {
  const parts = text.trim().matchAll(/(\d+(?:\.\d+)?)\s*([a-z]+)\s*/gy);
  let total = 0;
  let consumed = 0;
  for (const [whole, amount, unit] of parts) {
    const factor = DURATION_UNITS_MS[unit!];
    if (factor === undefined) return undefined;
    total += Number(amount) * factor;
    consumed += whole.length;
  }
  return consumed > 0 && consumed === text.trim().length ? total : undefined;
}

/** `200k`, `1.5M`, `2,000`, `8_000` → number. */
export function parseCount(text: string): number | undefined {
  const match = /^(\d[\d,_]*(?:\.\d+)?)\s*([kmb]?)$/i.exec(text.trim());
  if (match === null) return undefined;
  return Number(match[1]!.replaceAll(/[,_]/g, '')) * COUNT_SUFFIXES[match[2]!.toLowerCase()]!;
}

/** `$5`, `$0.25`, `5 USD`, `$1.2k` → US dollars. */
export function parseUsd(text: string): number | undefined {
  const match = /^(?:\$\s*(.+)|(.+?)\s*USD)$/i.exec(text.trim());
  return match === null ? undefined : parseCount(match[1] ?? match[2]!);
}

/** `10/s`, `600/min`, `5k/h`, `200/d` → events per second. */
export function parseRatePerSecond(text: string): number | undefined {
  const match = /^(.+?)\s*(?:\/|per)\s*([a-z]+)$/i.exec(text.trim());
  if (match === null) return undefined;
  const amount = parseCount(match[1]!);
  const unit = match[2]!.toLowerCase();
  const names: Readonly<Record<string, number>> = {
    second: MS_PER_SECOND,
    sec: MS_PER_SECOND,
    minute: MS_PER_MINUTE,
    hour: MS_PER_HOUR,
    day: MS_PER_DAY,
    ms: Number.NaN,
    us: Number.NaN,
  };
  const periodMs = names[unit] ?? DURATION_UNITS_MS[unit];
  if (amount === undefined || periodMs === undefined || Number.isNaN(periodMs)) return undefined;
  return (amount * MS_PER_SECOND) / periodMs;
}

/** `35%` → 0.35; a plain fraction `0.35` is accepted too. */
export function parseShare(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text.trim());
  if (match === null) return undefined;
  return match[2] === '%' ? Number(match[1]) / 100 : Number(match[1]);
}

/** `64KiB`, `1.5 GB` → bytes. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/i.exec(text.trim());
  const factor = match === null ? undefined : BYTE_UNITS[match[2]!.toLowerCase()];
  return factor === undefined ? undefined : Number(match![1]) * factor;
}

/** Milliseconds for people: `850 µs`, `12.3 ms`, `4.2 s`, `3 min 20 s`, `2 h 5 min`. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return String(ms);
  // The unit is chosen by the rounded value: 999.7 ms is 1 s, not 1000 ms.
  if (round(ms * 1000, 0) < 1000) return `${round(ms * 1000, 0)} µs`;
  if (round(ms, 0) < MS_PER_SECOND) return `${round(ms, ms < 100 ? 1 : 0)} ms`;
  if (round(ms / MS_PER_SECOND, 2) < 100) return `${round(ms / MS_PER_SECOND, 2)} s`;
  const seconds = Math.round(ms / MS_PER_SECOND);
  if (seconds < 3600) {
    return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  }
  const minutes = Math.round(ms / MS_PER_MINUTE);
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${round(ms / MS_PER_DAY, 1)} d`;
}

/** `1,234`, `12.3k`, `4.56M`: at most four significant digits above 9,999. */
export function formatCount(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  // The suffix is chosen by the rounded value: 999,960 is 1M, not 1000k.
  if (round(size / 1e6, 2) >= 1000) return `${round(value / 1e9, 2)}B`;
  if (round(size / 1e3, 1) >= 1000) return `${round(value / 1e6, 2)}M`;
  if (round(size, 0) >= 1e4) return `${round(value / 1e3, 1)}k`;
  return groupThousands(round(value, size < 10 ? 2 : size < 100 ? 1 : 0));
}

/** `1 call`, `2 calls`, `12.3k calls`. */
export function formatCounted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** `$1,234`, `$0.0123`: cents matter only for small amounts. */
export function formatUsd(usd: number): string {
  const size = Math.abs(usd);
  const digits = size >= 100 ? 0 : size >= 1 ? 2 : size >= 0.01 ? 3 : 5;
  const [whole, fraction] = size.toFixed(digits).split('.');
  const grouped = groupThousands(Number(whole));
  return `${usd < 0 ? '-' : ''}$${fraction === undefined ? grouped : `${grouped}.${fraction}`}`;
}

/** Bytes for people, in decimal units: `512 B`, `4.2 MB`, `1.23 GB`. */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return String(bytes);
  const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const;
  let value = bytes;
  let index = 0;
  while (Math.abs(value) >= 1000 && index < units.length - 1) {
    value /= 1000;
    index += 1;
  }
  const digits = index === 0 ? 0 : Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0;
  return `${round(value, digits)} ${units[index]}`;
}

export function formatShare(share: number): string {
  const percent = share * 100;
  return `${round(percent, Math.abs(percent) < 10 ? 2 : 1)}%`;
}

/** Rounded to `digits` decimals, without the trailing noise of binary fractions. */
export function round(value: number, digits: number): number {
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor;
}

function groupThousands(value: number): string {
  const [whole, fraction] = String(value).split('.');
  const grouped = whole!.replaceAll(/\B(?=(\d{3})+(?!\d))/g, ',');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}
