import { hasEngine } from '../config/provider.ts';
import type { CacheSettings, ModelSettings } from '../config/provider.ts';
import type { Clock } from '../core/clock.ts';
import type { EngineProfile } from './engine-profile.ts';
import { EngineTiming } from './engine-timing.ts';
import { fixedTimes } from './fixed-times.ts';
import { PacedTiming } from './paced-timing.ts';
import type { Pacer } from './pacer.ts';
import { PromptCache } from './prompt-cache.ts';
import { replayTimes } from './recorded-times.ts';
import type { RecordedCall } from './recorded-times.ts';
import type { Timing } from './timing.ts';

export type Api = 'openai' | 'anthropic';

/** One served model: its settings and what changes while it serves (its limits: limit-gate.ts). */
export interface ModelState {
  readonly settings: ModelSettings;
  readonly timing: Timing;
  /** By the API that asks: OpenAI's prefixes are found, Anthropic's are marked. */
  readonly caches: Readonly<Record<Api, PromptCache>>;
  /** Block size of prompt hashes: the cache's step or the engine's KV block. */
  readonly blockTokens: number;
}

export interface ModelContext {
  readonly clock: Clock;
  readonly pacer: Pacer;
  /** The engine of a model without fixed times. */
  readonly engine: EngineProfile | undefined;
  /** Of a model that replays recorded times. */
  readonly recorded: readonly RecordedCall[] | undefined;
}

/** @throws RangeError when a model without fixed times has no engine */
export function createModelState(settings: ModelSettings, context: ModelContext): ModelState {
  const { engine } = context;
  const openai = settings.cache ?? defaultCache(settings, 'openai');
  const openaiCache = new PromptCache(openai);
  const isShared = settings.cache !== undefined || openai.kind === 'engine';
  return {
    settings,
    timing: timingOf(settings, context),
    caches: {
      openai: openaiCache,
      anthropic: isShared ? openaiCache : new PromptCache(defaultCache(settings, 'anthropic')),
    },
    blockTokens: engine?.blockTokens ?? stepOf(openai),
  };
}

/** Smallest cacheable prefix and step: OpenAI prompt caching guide; most Claude models. */
const MIN_CACHED_TOKENS = 1024;
const CACHE_STEP_TOKENS = 128;
/** OpenAI: "5 to 10 minutes of inactivity". */
const CACHE_TTL_MS = 300_000;
/** Tokens of prefixes one model remembers. */
const CACHE_CAPACITY_TOKENS = 20_000_000;

function defaultCache({ timing }: ModelSettings, api: Api): CacheSettings {
  if (hasEngine(timing)) return { kind: 'engine' };
  const common = { minTokens: MIN_CACHED_TOKENS, capacityTokens: CACHE_CAPACITY_TOKENS };
  if (api === 'anthropic') return { kind: 'breakpoints', ...common };
  return { kind: 'automatic', ...common, stepTokens: CACHE_STEP_TOKENS, ttl: CACHE_TTL_MS };
}

function stepOf(cache: CacheSettings): number {
  return cache.kind === 'automatic' ? cache.stepTokens : CACHE_STEP_TOKENS;
}

function timingOf(settings: ModelSettings, context: ModelContext): Timing {
  const { id, timing } = settings;
  const { clock, engine, pacer, recorded } = context;
  switch (timing.kind) {
    case 'fixed':
      return new PacedTiming(fixedTimes(timing), clock, pacer, timing.underLoad);
    case 'replay':
      if (recorded === undefined) throw new RangeError(`model ${id}: its recording was not read`);
      return new PacedTiming(replayTimes(recorded, timing.speed), clock, pacer);
    case 'batching':
    case 'hardware':
      return new EngineTiming(engineOf(settings, engine), clock, pacer);
  }
}

function engineOf({ id }: ModelSettings, engine: EngineProfile | undefined): EngineProfile {
  if (engine === undefined) throw new RangeError(`model ${id}: its engine was not read`);
  return engine;
}
