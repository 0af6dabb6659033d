import { nextMonthMs, nextPacificMidnightMs } from '../core/calendar.ts';
import { MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE, MS_PER_SECOND } from '../core/units.ts';
import { CalendarLimit } from './calendar-limit.ts';
import { ConcurrencyLimit } from './concurrency-limit.ts';
import type { DebitUnit } from './debits/debit-rule.ts';
import { DEBIT_RULES } from './debits/debit-rules.ts';
import type { ProviderRule } from './debits/debit-rules.ts';
import { LateMeter } from './late-meter.ts';
import type { Meter } from './meter.ts';
import { RateLimit } from './rate-limit.ts';
import type { Dimension } from './rate-limit.ts';
import { TokenBucket } from './token-bucket.ts';
import { FixedWindow, SlidingWindow } from './windows.ts';

/** Each limit a provider may state: what it counts and over how long. 0: a level, not a rate. */
export const LIMITS = {
  rps: { unit: 'requests', periodMs: MS_PER_SECOND },
  rpm: { unit: 'requests', periodMs: MS_PER_MINUTE },
  rph: { unit: 'requests', periodMs: MS_PER_HOUR },
  rpd: { unit: 'requests', periodMs: MS_PER_DAY },
  tpm: { unit: 'tokens', periodMs: MS_PER_MINUTE },
  tph: { unit: 'tokens', periodMs: MS_PER_HOUR },
  tpd: { unit: 'tokens', periodMs: MS_PER_DAY },
  itpm: { unit: 'inputTokens', periodMs: MS_PER_MINUTE },
  otpm: { unit: 'outputTokens', periodMs: MS_PER_MINUTE },
  uncachedTpm: { unit: 'uncachedTokens', periodMs: MS_PER_MINUTE },
  /** Weighted tokens: TPM per PTU × PTUs, or tokens/s per GSU × GSUs × 60. */
  workPerMinute: { unit: 'work', periodMs: MS_PER_MINUTE },
  spendPer10Min: { unit: 'usd', periodMs: 10 * MS_PER_MINUTE },
  spendPerMonth: { unit: 'usd', periodMs: Number.NaN },
  tokensPerMonth: { unit: 'tokens', periodMs: Number.NaN },
  concurrency: { unit: 'inFlight', periodMs: 0 },
} as const satisfies Record<string, { readonly unit: DebitUnit; readonly periodMs: number }>;

export type LimitName = keyof typeof LIMITS;
export type LimitValues = Readonly<Partial<Record<LimitName, number | undefined>>>;

/** How a limit is enforced below its period. */
export type Enforcement =
  /** Continuous refill; `burstMs` of refill may come at once (default: the whole period). */
  | { readonly kind: 'bucket'; readonly burstMs?: number | undefined }
  /** The bucket admits while it is not in debt and counts afterwards. */
  | { readonly kind: 'late-bucket'; readonly burstMs?: number | undefined }
  /** Windows of `windowMs` that may hold ceil(limit × window / period). */
  | { readonly kind: 'fixed'; readonly windowMs: number; readonly startMs?: number | undefined }
  /** A day that ends at midnight US Pacific; a day of `windowStartMs` without a wall clock. */
  | { readonly kind: 'pacific-day' }
  | { readonly kind: 'sliding'; readonly windowMs: number; readonly sliceMs?: number | undefined };

export type Enforcements = Readonly<Partial<Record<LimitName, Enforcement>>>;

const LATE: Enforcement = { kind: 'late-bucket' };
const PER_SECOND: Enforcement = { kind: 'fixed', windowMs: MS_PER_SECOND };

/** Everything not named here is a bucket of its whole period. Inferred where it says [inf]. */
const enforcements = {
  generic: {},
  openai: {},
  anthropic: { otpm: LATE },
  /** RPM over 1 s or 10 s (the wider is taken); TPM is reset each minute. */
  'azure-standard': {
    rpm: { kind: 'fixed', windowMs: 10 * MS_PER_SECOND },
    tpm: { kind: 'fixed', windowMs: MS_PER_MINUTE },
  },
  'azure-ptu': { workPerMinute: LATE },
  'bedrock-runtime': {},
  'bedrock-mantle': { otpm: LATE },
  gemini: {
    rpd: { kind: 'pacific-day' },
    spendPer10Min: { kind: 'sliding', windowMs: 10 * MS_PER_MINUTE, sliceMs: MS_PER_SECOND },
  },
  /** GSUs are checked over windows of up to 30 s. */
  vertex: { workPerMinute: { kind: 'fixed', windowMs: 30 * MS_PER_SECOND } },
  groq: {},
  xai: { rps: PER_SECOND, rpm: PER_SECOND },
  cerebras: {},
  fireworks: { otpm: LATE },
  deepseek: {},
  mistral: { rps: PER_SECOND },
  moonshot: {},
} as const satisfies Record<ProviderRule, Enforcements>;

export interface ProviderLimitOptions {
  /** Replaces the provider's own windows, for what-ifs: burst is an input, not a fact. */
  readonly enforcement?: Enforcements | undefined;
  /** Wall time at nowMs = 0; needed for limits that follow the calendar. */
  readonly epochAtZeroMs?: number | undefined;
  readonly reservationTtlMs?: number | undefined;
  /** Further dimensions, for example a GrowthLimit on input tokens. */
  readonly extra?: readonly Dimension[] | undefined;
  /** A moment at which fixed windows begin that do not say themselves. Default 0. */
  readonly windowStartMs?: number | undefined;
  /** Whether refused calls count where the provider says so. Default true. */
  readonly countRefused?: boolean | undefined;
}

/**
 * The limits of one key (or shared pool) as its provider enforces them. Reserve and settle with
 * the amounts of `DEBIT_RULES[rule]`.
 */
export function createProviderLimit(
  rule: ProviderRule,
  values: LimitValues,
  nowMs: number,
  options: ProviderLimitOptions = {},
): RateLimit {
  const own: Enforcements = { ...enforcements[rule], ...options.enforcement };
  const dimensions: Dimension[] = [];
  for (const name of Object.keys(LIMITS) as LimitName[]) {
    const value = values[name];
    if (value === undefined) continue;
    const meter = createMeter(name, value, own[name] ?? { kind: 'bucket' }, nowMs, options);
    dimensions.push({ name, unit: LIMITS[name].unit, meter });
  }
  return new RateLimit([...dimensions, ...(options.extra ?? [])], {
    held: ['inFlight'],
    countRefused: options.countRefused === false ? [] : DEBIT_RULES[rule].countRefused,
    reservationTtlMs: options.reservationTtlMs,
  });
}

function createMeter(
  name: LimitName,
  value: number,
  enforcement: Enforcement,
  nowMs: number,
  options: ProviderLimitOptions,
): Meter {
  const { periodMs } = LIMITS[name];
  if (periodMs === 0) return new ConcurrencyLimit({ limit: value });
  if (Number.isNaN(periodMs)) {
    return new CalendarLimit({
      limit: value,
      epochAtZeroMs: options.epochAtZeroMs ?? 0,
      nextMs: nextMonthMs,
    });
  }
  switch (enforcement.kind) {
    case 'bucket':
      return bucket(value, periodMs, enforcement.burstMs, nowMs);
    case 'late-bucket':
      return new LateMeter(bucket(value, periodMs, enforcement.burstMs, nowMs));
    case 'pacific-day': {
      const { epochAtZeroMs, windowStartMs: startMs } = options;
      if (epochAtZeroMs === undefined) {
        return new FixedWindow({ limit: value, windowMs: MS_PER_DAY, startMs });
      }
      return new CalendarLimit({ limit: value, epochAtZeroMs, nextMs: nextPacificMidnightMs });
    }
    case 'fixed': {
      const { startMs = options.windowStartMs, windowMs } = enforcement;
      return new FixedWindow({
        limit: Math.ceil((value * windowMs) / periodMs),
        windowMs,
        startMs,
      });
    }
    case 'sliding': {
      const { windowMs, sliceMs } = enforcement;
      return new SlidingWindow({ limit: (value * windowMs) / periodMs, windowMs, sliceMs });
    }
  }
}

function bucket(
  value: number,
  periodMs: number,
  burstMs: number | undefined,
  nowMs: number,
): TokenBucket {
  return new TokenBucket(
    {
      capacity: (value * (burstMs ?? periodMs)) / periodMs,
      refillPerSecond: (value * MS_PER_SECOND) / periodMs,
    },
    nowMs,
  );
}
