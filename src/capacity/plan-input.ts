import type { RetryPolicy } from '../mechanisms/backoff.ts';
import type { CountingRule } from './debit.ts';
import type { PoolSpec } from './gpu-pool.ts';
import type { HoursOfDay } from './day-hours.ts';
import type { InfraLine, OpsLine } from './infra.ts';
import type { Limits } from './limit.ts';
import type { ModelPrice } from './price.ts';
import type { ProvisionedOffer } from './provisioned-base.ts';
import type { StackInput } from './stack-plan.ts';
import type { Traffic } from './traffic.ts';

/** Everything the planner computes from: no file names, no catalog look-ups, all values decided. */
export interface PlanInput {
  readonly name: string;
  readonly seed: string | number;
  readonly traffic: Traffic;
  readonly volume: Volume;
  /** Load by hour of the day, when it is known. */
  readonly day?: HoursOfDay | undefined;
  /** Multiples of the target, ascending; the first is normally 1. */
  readonly scales: readonly number[];
  readonly routes: readonly Route[];
  /** Providers that could take a share of the calls. */
  readonly alternatives: readonly Route[];
  readonly pool?: SelfHosted | undefined;
  /** Busiest minute over mean minute of the measured trace, in calls; undefined when not measured. */
  readonly measuredPeakRatio?: number | undefined;
  /** Share of the calls that response caches answer; shares of routes and pool are without them. */
  readonly answeredFromCache?: number | undefined;
  /** Prompt-cache keys that all traffic shares; undefined: one per session. */
  readonly promptKeys?: number | undefined;
  /** What clients do after a 429. */
  readonly retry: RetryPolicy;
  readonly infra: readonly InfraLine[];
  readonly ops: readonly OpsLine[];
  /** Components to choose and size; undefined: the plan has only the lines above. */
  readonly stack?: StackInput | undefined;
  readonly goals: Goals;
  /** What a turn, a task or a user is worth; undefined when the plan does not say. */
  readonly business?: Business | undefined;
  /** Ranges of the sensitivity analysis that replace ours, as shares. */
  readonly sensitivity?: Readonly<Record<string, number | undefined>> | undefined;
  /** Ages of the prices, when the user bounds them. */
  readonly priceAge?: PriceAge | undefined;
  /** What the plan leaves out, in words. */
  readonly notCounted?: readonly string[] | undefined;
  /** What the reader should know before they trust the plan. */
  readonly warnings?: readonly string[] | undefined;
  /** What the document left open and what was taken instead. */
  readonly assumptions: readonly Assumption[];
  readonly sources: readonly Source[];
}

/** Traffic at 1x. */
export interface Volume {
  /** In the busy period that limits must carry. */
  readonly turnsPerMinute: number;
  /** On a day, for daily and monthly volumes. */
  readonly turnsPerDay: number;
  readonly daysPerMonth: number;
  /** Users active at once in the busy period; null when the target is not told in users. */
  readonly concurrentUsers: number | null;
}

/** One provider, model and tier that takes a share of the LLM calls. */
export interface Route {
  readonly provider: string;
  readonly model: string;
  readonly tier: string | null;
  /** Of all LLM calls. */
  readonly share: number;
  /** Of this route's calls that may wait for the batch interface. */
  readonly batchShare: number;
  readonly rule: CountingRule;
  /** Empty when nothing is known: the verdict is then unknown, never a pass. */
  readonly limits: Limits;
  /** Routes with the same key draw from the same limits. */
  readonly limitPool: string;
  /** The rule whose calls it takes, as written; absent: calls that no rule takes. */
  readonly callClass?: string | undefined;
  /**
   * Per call of the traffic, how much likelier than the average call it goes here (mean 1).
   * Absent: all alike.
   */
  readonly selection?: Float64Array | undefined;
  /**
   * Index of the route whose answers are not always good enough and that asks this one again; the
   * share then counts calls beyond those of the workload.
   */
  readonly escalatedFrom?: number | undefined;
  /** Tokens of this model's tokenizer per token of the workload. Default 1. */
  readonly tokenFactor?: number | undefined;
  /** Shorter prompts are silently not cached. */
  readonly minCacheableTokens?: number | undefined;
  /** Requests a minute to one prompt-cache key above which the cache may miss; absent: not stated. */
  readonly cacheKeyRpm?: number | undefined;
  /** Share of the cache reads that is left at the scale in question; absent: all. */
  readonly cacheKept?: number | undefined;
  /** Reserved capacity to weigh against pay-as-you-go. */
  readonly provisioned?: ProvisionedOffer | undefined;
  /** Null when no price is known: cost is then null. */
  readonly price: ModelPrice | null;
  readonly maxOutputTokens?: number | undefined;
  /** The most the model gives: what some providers reserve when `max_tokens` is not sent. */
  readonly modelMaxOutputTokens?: number | undefined;
  /** Tiers above this one, lowest first. */
  readonly higherTiers: readonly TierOption[];
}

export interface TierOption {
  readonly tier: string;
  readonly limits: Limits;
  /** What the provider asks for, such as "$250 paid and 14 days". */
  readonly qualify: string | null;
  readonly source: Source;
}

export interface SelfHosted {
  /** Of all LLM calls. */
  readonly share: number;
  readonly modelName: string;
  readonly gpuName: string;
  readonly spec: PoolSpec;
  /** Per call of the traffic, as for routes. */
  readonly selection?: Float64Array | undefined;
}

export interface Goals {
  /** The scale the plan must carry for `plan check` to pass. */
  readonly fitsAtScale: number;
  /** Share of each limit to leave free at the peak minute. */
  readonly headroom: number;
  /** Whether less headroom fails the check; false when the headroom is our default. */
  readonly headroomRequired: boolean;
  readonly maxMonthlyUsd?: number | undefined;
  readonly maxPerTurnUsd?: number | undefined;
  /** Largest share of calls that may get a 429 at first, under the documented windows. */
  readonly maxRejected?: number | undefined;
  /** Longest time of 95 % of the turns, waiting for limits included. */
  readonly maxTurnMs?: number | undefined;
  /** Share of a stage's capacity at which work on the next stage starts. */
  readonly nextStageAt: number;
}

/** Revenue or value, in US dollars. */
export interface Business {
  readonly usdPerTurn?: number | undefined;
  readonly usdPerTask?: number | undefined;
  readonly usdPerUserMonth?: number | undefined;
  /** Paying users at 1x. */
  readonly users?: number | undefined;
  /** Share of sessions that complete their task. */
  readonly taskSuccess: number;
}

/** Prices against the oldest a plan may rest on. */
export interface PriceAge {
  readonly maxDays: number;
  readonly stale: readonly { readonly of: string; readonly date: string; readonly days: number }[];
}

export interface Assumption {
  /** The document's key, such as activity.hoursPerDay. */
  readonly key: string;
  readonly value: string;
  readonly why: string;
}

export interface Source {
  /** What the number is, such as "limits openai/gpt-5.6-sol tier3". */
  readonly of: string;
  readonly page: string;
  /** ISO date of the page, or the part of it that is known. */
  readonly date: string;
  /** `listed`: the page states it; `inferred`: computed or concluded; `third-party`: unverified; `given`: by the plan's author. */
  readonly basis: 'listed' | 'inferred' | 'third-party' | 'given' | 'measured' | 'calibrated';
}
