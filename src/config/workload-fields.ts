import { z } from 'zod';

import { clients, lifetimes, repeats, usage } from './workload-parts.ts';

/**
 * The fields of a workload profile (workload/workload-profile.ts says what they mean). A figure
 * that is left out is unknown (null). Unknown keys are dropped: newer profiles may have more.
 */

const number = z.number();
const whole = z.number().int().min(0);
const optional = <T extends z.ZodType>(type: T): z.ZodOptional<z.ZodNullable<T>> =>
  type.nullable().optional();
const known = <T extends z.ZodType>(type: T): z.ZodDefault<z.ZodNullable<T>> =>
  type.nullable().default(null as never);

const summary = z.object({
  n: whole,
  sum: number,
  mean: number,
  std: number.min(0),
  min: number,
  p10: number.optional(),
  p50: number,
  p90: number,
  p95: number,
  p99: number,
  max: number,
  ci95: z
    .object({
      mean: z.tuple([number, number]).nullable(),
      p95: z.tuple([number, number.nullable()]).nullable(),
    })
    .default({ mean: null, p95: null }),
  exact: z.boolean().default(true),
});

const peakRate = z.object({
  mean: number.min(0),
  peakTumbling: number.min(0),
  peakSliding: number.min(0),
});
const windows = z.object({ s1: known(number), s10: known(number), s60: known(number) });

const family = z.enum(['exponential', 'gamma', 'weibull', 'lognormal']);

const fit = z.object({
  family,
  ks: number,
  fit: z.enum(['good', 'fair', 'poor']),
  shape: number,
  scale: number,
  values: whole.optional(),
  fitted: whole.optional(),
  tried: z.array(z.object({ family, ks: number })),
});
const lengthFit = fit.extend({
  tail: known(z.object({ alpha: number, from: number, ks: number })),
});

const windowPeak = z.object({ tumbling: number, sliding: number });
const windowPeaks = z.object({
  calls: windowPeak,
  allIn: windowPeak,
  uncached: windowPeak,
  output: windowPeak,
});

const arrivals = z.object({
  ratePerSecond: number.min(0),
  iatCv: known(number),
  idc: windows,
  rpm: peakRate,
  tpm: z.object({ allIn: peakRate, uncached: peakRate, output: peakRate }),
  iatMs: optional(summary),
  peakToMean: windows.optional(),
  burstiness: optional(number),
  burstFactor: optional(number),
  tickMs: optional(number),
  timeline: z
    .object({ bucketSeconds: number, calls: z.array(number), tokens: z.array(number) })
    .optional(),
  model: optional(fit),
  peaks: z.object({ s1: known(windowPeaks), s10: known(windowPeaks) }).optional(),
  pattern: optional(
    z.object({
      kind: z.enum(['periodic', 'batch', 'event-driven']),
      basis: z.enum(['turns', 'calls']),
      periodMs: known(number),
      bursts: whole,
      burstSize: z.object({ mean: number, p95: number, max: number }),
    }),
  ),
  day: optional(
    z.object({
      callsPerHour: z.array(number).length(24),
      peakHourUtc: whole.max(23),
      peakToMean: number,
      days: number,
    }),
  ),
});

const count = z.object({ calls: whole, tokens: number });
const cache = z.object({
  realisedHitRate: known(number),
  potentialHitRate: known(number),
  scope: z.enum(['trace', 'session', 'mixed']).optional(),
  prefix: optional(
    z.object({
      calls: whole,
      blocks: whole,
      uniqueBlocks: whole,
      usedOnceShare: number,
      blockHitRate: number,
      meanCallHitRate: number,
      consecutiveHitRate: number,
      bySession: optional(z.object({ same: number, others: number })),
      ttl: z.object({ m5: number, h1: number }),
      reuseTimes: z.array(z.object({ seconds: number, share: number })).optional(),
      reuseDistances: z.array(z.object({ blocks: whole, share: number })).optional(),
      lru: z.array(z.object({ blocks: whole, tokens: number, hitRate: number })),
      writes: z.object({
        h1Tokens: number,
        rewrittenTokens: number,
        cheaper: z.enum(['5m', '1h']).nullable(),
      }),
    }),
  ),
  misses: optional(
    z.object({
      calls: whole,
      hitTokens: number,
      reads: z.object({ sameSession: number, otherSessions: number, unclear: number }).optional(),
      causes: z.object({
        coldStart: count,
        modelSwitched: count,
        routeSwitched: count.optional(),
        toolsChanged: count.optional(),
        systemChanged: count.optional(),
        contextCut: count,
        messagesChanged: count.optional(),
        ttlLapsed: count,
        prefixTooShort: count,
        unexplained: count,
      }),
    }),
  ),
  lifetimes: optional(lifetimes),
});

const structure = z.object({
  contextGrowth: known(summary),
  contextSteps: whole,
  contextShrinks: whole,
  compactions: whole,
  resendFactor: known(summary),
  repeatedToolCalls: known(z.object({ hashed: whole, repeated: whole, longestLoop: whole })),
  retries: z.object({
    callsWithRetry: whole,
    extraAttempts: whole,
    immediate: whole,
    rateLimited: whole,
  }),
  subAgents: z.object({ count: whole, calls: known(summary) }),
  time: z.object({
    queueMs: number.default(0),
    ttftMs: number,
    decodeMs: number,
    llmMs: number,
    toolMs: number,
    approvalMs: number.default(0),
    stateMs: number,
    retryMs: number,
    gapMs: number,
    humanMs: number,
  }),
  parallelism: known(number),
  fanOut: z
    .object({
      toolsPerAnswer: known(summary),
      spawnWidth: known(summary),
      joinWidth: known(summary),
      joinSpike: known(summary),
    })
    .optional(),
  retryWaits: z
    .object({ waitMs: known(summary), failedThenCalled: whole, immediately: whole })
    .optional(),
});

const reasons = z.array(z.object({ reason: z.string(), count: whole }));
const concurrency = known(z.object({ mean: number, peak: whole }));

export const workloadFields = {
  schema: z.literal('agent-infra/workload-profile').default('agent-infra/workload-profile'),
  schemaVersion: z.literal('1.0').default('1.0'),
  name: z.string().min(1),
  source: z
    .object({
      format: z.string(),
      page: z.string().optional(),
      date: z
        .string()
        .regex(/^\d{4}-\d{2}-\d{2}$/, 'expected a date such as 2026-04-14')
        .optional(),
      files: z.array(z.string()),
      records: z.object({
        read: whole,
        used: whole,
        skipped: reasons,
        duplicatesSuppressed: whole,
        duplicates: reasons.optional(),
      }),
    })
    .default({
      format: 'written by hand',
      files: [],
      records: { read: 0, used: 0, skipped: [], duplicatesSuppressed: 0 },
    }),
  window: z.object({
    start: known(z.string()),
    end: known(z.string()),
    durationSeconds: number.min(0),
  }),
  sessions: z.object({
    count: known(whole),
    durationMs: known(summary),
    turnsPerSession: known(summary),
    thinkMs: known(summary),
  }),
  turns: z.object({
    count: known(whole),
    llmCallsPerTurn: known(summary),
    toolCallsPerTurn: known(summary),
    durationMs: known(summary),
  }),
  calls: z.object({
    count: whole,
    attempts: whole,
    errors: whole,
    tokensEstimated: number.min(0).max(1),
    tokensMissing: number.min(0).max(1),
    embeddings: whole.optional(),
  }),
  precision: z
    .array(
      z.object({
        metric: z.enum(['input', 'output', 'e2eMs', 'ttftMs']),
        p95RelativeHalfWidth: known(number),
        moreCallsForP95: known(whole),
      }),
    )
    .optional(),
  models: z
    .array(z.object({ model: z.string(), calls: whole, inputTokens: number, outputTokens: number }))
    .default([]),
  tokens: z.object({
    input: known(summary),
    uncached: known(summary),
    cacheRead: known(summary),
    cacheWrite: known(summary),
    output: known(summary),
    reasoning: known(summary),
    inputFit: optional(lengthFit),
    outputFit: optional(lengthFit),
    spearmanInputOutput: optional(number),
  }),
  latency: z.object({ e2eMs: known(summary), ttftMs: known(summary), itlMs: known(summary) }),
  tools: z
    .record(z.string(), z.object({ calls: whole, errors: whole, durationMs: known(summary) }))
    .default({}),
  state: z
    .object({
      reads: whole,
      writes: whole,
      sizes: optional(
        z.object({
          readSize: known(summary),
          writeSize: known(summary),
          writtenPerSession: known(summary),
          readGrowth: known(summary),
          records: known(summary),
        }),
      ),
    })
    .default({ reads: 0, writes: 0 }),
  arrivals: known(arrivals),
  concurrency: z.object({ calls: concurrency, sessions: concurrency, fanOut: known(summary) }),
  cache,
  structure: optional(structure),
  clients: optional(clients),
  repeats: optional(repeats),
  stated: optional(
    z.object({
      costUsd: known(summary),
      toolTokens: known(summary),
      systemTokens: known(summary),
      subAgentTokens: known(summary),
    }),
  ),
  usage: optional(usage),
  warnings: z.array(z.string()).default([]),
};
