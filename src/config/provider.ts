import { dirname, resolve } from 'node:path';

import { z } from 'zod';

import type { ProviderRule } from '../mechanisms/debits/debit-rules.ts';
import { header, loadDocument } from './document.ts';
import type { LoadOptions } from './document.ts';
import { count, duration, oneOf, share, strict, usd } from './fields.ts';
import { faultListSchema } from './provider-fault.ts';

export type { Fault } from './provider-fault.ts';

/** A constant, or a log-normal given by its median and 95th percentile. */
const durationSpread = z.union([duration(), percentiles(duration)], {
  error: 'expected a duration such as 200ms, or a spread such as {p50: 200ms, p95: 800ms}',
});
const countSpread = z.union([count(), percentiles(count)], {
  error: 'expected a count such as 200, or a spread such as {p50: 200, p95: 900}',
});

/**
 * A constant, or a log-normal given by its median and 95th percentile; with p90 or p99 too, the
 * quantiles between are interpolated (log value over normal score).
 */
export type Spread = number | Percentiles;

export interface Percentiles {
  readonly p50: number;
  readonly p90?: number | undefined;
  readonly p95: number;
  readonly p99?: number | undefined;
}

function percentiles<I>(value: () => z.ZodType<number, I>) {
  return strict({
    p50: value(),
    p90: value().optional(),
    p95: value(),
    p99: value().optional(),
  }).refine(({ p50, p90 = p50, p95, p99 = p95 }) => p50 <= p90 && p90 <= p95 && p95 <= p99, {
    error: 'percentiles must not fall: p50 <= p90 <= p95 <= p99',
  });
}

/** Every call takes its own time, whatever else runs. */
const fixedTiming = strict({
  kind: z.literal('fixed'),
  /** Request accepted to first token. */
  ttft: durationSpread.prefault('200ms'),
  /** Between output tokens. */
  itl: durationSpread.prefault('20ms'),
  /** Added to the first token for each input token that is not cached. */
  prefillPerToken: duration().prefault('0ms'),
  /** All times grow in a line with the calls under way: `factor` times at `at` calls and above. */
  underLoad: strict({ factor: z.number().min(1), at: z.int().min(2) }).optional(),
});

/** Every call takes the times of a recorded one, drawn by the seed. */
const replayTiming = strict({
  kind: z.literal('replay'),
  /** JSON lines with send times, from the document's folder on: see docs of the provider. */
  file: z.string().min(1),
  /** 2 plays twice as fast. */
  speed: z.number().min(0.001).max(1000).default(1),
});

/** Calls share one continuous-batching engine (mechanisms/batching.ts). */
const batchingTiming = strict({
  kind: z.literal('batching'),
  /** Sequences decoded together at most (vLLM max_num_seqs). */
  maxSeqs: count().prefault(256),
  /** Token budget of one step (vLLM max_num_batched_tokens). */
  maxBatchedTokens: count().prefault(8192),
  kvBlocks: count().prefault(16_384),
  blockTokens: count().prefault(16),
  /** Waiting requests beyond this are refused with 503; no bound when absent, as in vLLM. */
  maxWaiting: count().optional(),
  /** Step time = base + per decoding sequence + per 1,000 tokens of their context + prompt tokens. */
  stepBase: duration().prefault('6ms'),
  stepPerSequence: duration().prefault('50us'),
  stepPerThousandContextTokens: duration().prefault('0us'),
  prefillTokensPerSecond: count().prefault(20_000),
  /** Time outside the engine (network, tokenizer) before a request is queued. */
  overhead: duration().prefault('0ms'),
});

/** One replica of a model on GPUs of the catalog: the plan's own step and memory models. */
const hardwareTiming = strict({
  kind: z.literal('hardware'),
  /** Names of `agent-infra plan gpu --list`. */
  model: z.string().min(1),
  gpu: z.string().min(1),
  tensorParallel: z.int().min(1).default(1),
  /** As published when absent. */
  weights: oneOf(['bf16', 'fp8', 'nvfp4', 'mxfp4', 'int4']).optional(),
  kv: oneOf(['bf16', 'fp8']).default('bf16'),
  engine: oneOf(['vllm', 'trtllm', 'sglang']).default('vllm'),
  /** The engine's defaults when absent. */
  maxSeqs: count().optional(),
  maxBatchedTokens: count().optional(),
  maxWaiting: count().optional(),
  /** The engine's own "GPU KV cache size", when known. */
  kvTokens: count().optional(),
  /** Measured over predicted step time. */
  stepScale: z.number().min(0.01).max(100).default(1),
});

/** Rules of mechanisms/debits: how a provider counts a call against its limits. */
const RULES = [
  'generic',
  'openai',
  'anthropic',
  'azure-standard',
  'azure-ptu',
  'bedrock-runtime',
  'bedrock-mantle',
  'gemini',
  'vertex',
  'groq',
  'xai',
  'cerebras',
  'fireworks',
  'deepseek',
  'mistral',
  'moonshot',
] as const satisfies readonly ProviderRule[];

/** Limits of one key, counted by the provider's own rule. A limit that is absent does not exist. */
const limits = strict({
  style: oneOf(RULES),
  rps: count().optional(),
  rpm: count().optional(),
  rph: count().optional(),
  rpd: count().optional(),
  tpm: count().optional(),
  tph: count().optional(),
  tpd: count().optional(),
  tokensPerMonth: count().optional(),
  itpm: count().optional(),
  otpm: count().optional(),
  uncachedTpm: count().optional(),
  /** Weighted tokens per minute: TPM per PTU × PTUs, or tokens/s per GSU × GSUs × 60. */
  workPerMinute: count().optional(),
  concurrency: count().optional(),
  /** So much of rpm may come at once, e.g. 1s ("60 RPM may be enforced as 1 per second"). */
  requestBurst: duration().optional(),
  /** rpm is counted in windows of this length: Azure checks 1s or 10s (its default here). */
  requestWindow: duration().optional(),
  /** Dollars: what calls cost counts against the calendar month (UTC) or ten rolling minutes. */
  spend: strict({
    perMonth: usd().optional(),
    per10Minutes: usd().optional(),
    /** Spent of this month before the start. */
    spent: usd().prefault('$0'),
    /** Dollars per million tokens. */
    prices: strict({
      input: usd(),
      output: usd(),
      /** When absent 0.1, 1.25 and 2 times the input's. */
      cacheRead: usd().optional(),
      cacheWrite5m: usd().optional(),
      cacheWrite1h: usd().optional(),
    }),
  }).optional(),
  /** Input tokens may grow by `factor` over the busiest minute of the period before. */
  ramp: strict({
    floorPerMinute: count(),
    factor: z.number().min(1),
    period: duration(),
  }).optional(),
  /** OpenAI: what a call asks of the token bucket, estimate + cap or the larger of the two. */
  requested: oneOf(['sum', 'max']).default('sum'),
  /** Whether unused output is given back where the provider does not say; a switch. */
  refundUnusedOutput: z.boolean().default(false),
  /** Anthropic: cache reads count (Haiku 3.5). */
  cacheReadsCount: z.boolean().default(false),
  /** Weight of an output token: PTU 4, 6 or 8 by model, GSU 4 to 9, Bedrock 5. */
  outputWeight: z.number().min(0).default(1),
  headers: oneOf(['exact', 'absent']).default('exact'),
});
export type LimitSettings = z.output<typeof limits>;

const promptCache = z.discriminatedUnion('kind', [
  strict({ kind: z.literal('none') }),
  /** OpenAI: any prefix seen before, in steps from a minimum on. */
  strict({
    kind: z.literal('automatic'),
    minTokens: count().prefault(1024),
    stepTokens: count().prefault(128),
    ttl: duration().prefault('5m'),
    capacityTokens: count().prefault(20_000_000),
  }),
  /** Anthropic: prefixes marked by cache_control breakpoints, 5 minutes or 1 hour. */
  strict({
    kind: z.literal('breakpoints'),
    minTokens: count().prefault(1024),
    capacityTokens: count().prefault(20_000_000),
  }),
  /** The KV cache of the batching engine. */
  strict({ kind: z.literal('engine') }),
]);
export type CacheSettings = z.output<typeof promptCache>;

const model = strict({
  id: z.string().min(1),
  /** Other names it answers to. */
  aliases: z.array(z.string().min(1)).default([]),
  /** APIs that serve it. */
  apis: z
    .array(oneOf(['openai', 'anthropic']))
    .min(1)
    .default(['openai', 'anthropic']),
  contextWindow: count().prefault(200_000),
  maxOutput: count().prefault(32_000),
  limits: limits.optional(),
  /** Model that takes the calls this one's limits refuse (Azure spilloverDeploymentName). */
  spillover: z.string().min(1).optional(),
  /** When absent: the engine's with batching, else automatic (OpenAI) or breakpoints (Anthropic). */
  cache: promptCache.optional(),
  timing: z
    .discriminatedUnion('kind', [fixedTiming, replayTiming, batchingTiming, hardwareTiming])
    .prefault({ kind: 'fixed' }),
  output: strict({
    /** Length of an answer; `max` makes every answer as long as the request's cap (replay). */
    tokens: z
      .union([z.literal('max'), countSpread], { error: 'expected max, a count or {p50, p95}' })
      .prefault({ p50: 150, p95: 600 }),
    /** Tokens in one frame of a stream. */
    tokensPerFrame: z.int().min(1).default(1),
  }).prefault({}),
  reasoning: strict({
    /** Thinking before the answer; 0 for a model that does not reason. */
    tokens: countSpread.prefault(0),
    /** Stream it as `reasoning_content` even unasked, as vLLM does. */
    visible: z.boolean().default(false),
  }).prefault({}),
  tools: strict({
    /** How likely a request with tools (tool_choice auto) is answered by calls. */
    probability: share().prefault(0),
    /** Calls in one answer at most, when the request allows parallel calls. */
    parallel: z.int().min(1).default(1),
    /** After so many rounds of calls for one user message the model always answers in text. */
    maxRounds: z.int().min(0).default(8),
  }).prefault({}),
});
export type ModelSettings = z.output<typeof model>;
export type FixedTimingSettings = z.output<typeof fixedTiming>;
export type HardwareSettings = z.output<typeof hardwareTiming>;
export type BatchingSettings = z.output<typeof batchingTiming>;

const embeddingModel = strict({
  id: z.string().min(1),
  dimensions: z.int().min(1).max(8192).default(1536),
  /** Whole answer, whatever the size. */
  latency: durationSpread.prefault('50ms'),
  limits: limits.optional(),
});
export type EmbeddingSettings = z.output<typeof embeddingModel>;

/** Schema of `kind: ProviderConfig`: what the simulated provider serves and how it behaves. */
export const providerConfigSchema = strict({
  ...header('ProviderConfig'),
  name: z.string().min(1).default('provider'),
  /** The same seed gives the same texts, ids and drawn times for the same requests. */
  seed: z
    .union([z.string(), z.number()])
    .transform((seed) => String(seed))
    .default('1'),
  /** Creation time that every reply states, so that replies repeat byte by byte; the real time when absent. */
  createdAt: z.iso
    .datetime({ error: 'expected a time in UTC such as 2026-01-01T00:00:00Z' })
    .transform((text) => Date.parse(text))
    .optional(),
  listen: strict({
    host: z.string().min(1).default('127.0.0.1'),
    port: z.int().min(0).max(65_535).default(8080),
  }).prefault({}),
  /** Accepted keys. Absent: any key is accepted, but none is 401. */
  keys: z.array(strict({ name: z.string().min(1), key: z.string().min(1) })).optional(),
  models: z.array(model).min(1),
  embeddings: z.array(embeddingModel).default([]),
  faults: faultListSchema.default([]),
  /** What requests may steer by x-sim-* headers and [[sim …]] marks: nothing, the reply's shape, or faults too. */
  overrides: oneOf(['none', 'shape', 'all']).default('shape'),
  stream: strict({
    /** The first frame (role, message_start) at once, or with the first token. */
    prelude: oneOf(['immediate', 'first-token']).default('first-token'),
    /** Put the send time (CLOCK_MONOTONIC, ns) into each token frame as an extra field `t`. */
    stamp: z.boolean().default(false),
  }).prefault({}),
}).superRefine((config, context) => {
  const seen = new Set<string>();
  const ids = config.models.map(({ id }) => id);
  for (const [
    index,
    { id, aliases, timing, cache, limits: own, spillover },
  ] of config.models.entries()) {
    if (spillover !== undefined && (spillover === id || !ids.includes(spillover))) {
      const message = `spillover: "${spillover}" is not another model of this document`;
      context.addIssue({ code: 'custom', path: ['models', index, 'spillover'], message });
    }
    if (own?.requestBurst !== undefined && own.requestWindow !== undefined) {
      const message =
        'requestBurst (a bucket) and requestWindow (fixed windows) exclude each other';
      context.addIssue({
        code: 'custom',
        path: ['models', index, 'limits', 'requestWindow'],
        message,
      });
    }
    // Usage, limits and prefill time must come from one hit count.
    const isEngine = cache?.kind === 'engine';
    if (cache !== undefined && cache.kind !== 'none' && isEngine !== hasEngine(timing)) {
      const message =
        'cache kind engine goes with a batching engine, the others with timing kind: fixed or replay';
      context.addIssue({ code: 'custom', path: ['models', index, 'cache', 'kind'], message });
    }
    for (const name of [id, ...aliases]) {
      if (seen.has(name)) {
        const path = ['models', index, 'id'];
        context.addIssue({ code: 'custom', path, message: `model "${name}" is defined twice` });
      }
      seen.add(name);
    }
  }
});

export type ProviderConfig = z.output<typeof providerConfigSchema>;
export type ProviderConfigInput = z.input<typeof providerConfigSchema>;

/** Whether calls share an engine, which has a cache of its own. */
export function hasEngine({ kind }: Pick<ModelSettings['timing'], 'kind'>): boolean {
  return kind === 'batching' || kind === 'hardware';
}

/** Reads and checks a ProviderConfig document; its files are found from its folder on. */
export async function loadProviderConfig(
  file: string,
  options: LoadOptions = {},
): Promise<ProviderConfig> {
  const config = await loadDocument(providerConfigSchema, file, options);
  const models = config.models.map((model) => {
    const { timing } = model;
    if (timing.kind !== 'replay') return model;
    return { ...model, timing: { ...timing, file: resolve(dirname(file), timing.file) } };
  });
  return { ...config, models };
}
