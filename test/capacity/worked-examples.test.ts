import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { describe, expect, test } from 'vitest';

import {
  bedrockSettlement,
  concurrentReservations,
  effectiveInputLimit,
  requestsFromTokenQuota,
  requestsPerWindow,
} from '../../src/capacity/debit.ts';
import {
  batchPrice,
  cachedUses,
  cachePaybackReads,
  creditUnits,
  priceRequest,
  selfHostedPricePerMillion,
  steppedPrice,
  withMinimum,
} from '../../src/capacity/price.ts';
import {
  gsuSize,
  gsuThroughput,
  monthlyMachineCost,
  ptuBreakEven,
  ptuSize,
  reservationCover,
  weightedTokens,
} from '../../src/capacity/provisioned.ts';
import { inputTokens, NO_TOKENS } from '../../src/core/tokens.ts';
import { MS_PER_MINUTE, MS_PER_SECOND } from '../../src/core/units.ts';
import { openaiWaitMs } from '../../src/mechanisms/limit-message.ts';
import { missingSharedData, sharedData } from '../support/requirements.ts';

/** Every published worked example, through the planner's own functions, to the printed digits. */
interface Example {
  readonly id: string;
  readonly kind: string;
  readonly in: never;
  readonly out: unknown;
}

const file = 'providers/worked_examples.json';
const absent = missingSharedData(file);
const examples: readonly Example[] = absent
  ? []
  : (JSON.parse(readFileSync(resolve(sharedData, file), 'utf8')) as { examples: Example[] })
      .examples;

const half = (value: number, digits: number): number =>
  Math.round(value * 10 ** digits + 1e-9) / 10 ** digits;

type Calculate = (input: never) => unknown;

const kinds: Readonly<Record<string, Calculate>> = {
  ptu: (i: {
    rpm: number;
    prompt: number;
    response: number;
    cache: number;
    tpm_per_ptu: number;
    ratio: number;
    min: number;
    inc: number;
  }) => {
    const size = ptuSize(
      {
        inputTokensPerMinutePerPtu: i.tpm_per_ptu,
        outputRatio: i.ratio,
        minimum: i.min,
        increment: i.inc,
      },
      {
        requestsPerMinute: i.rpm,
        promptTokens: i.prompt,
        responseTokens: i.response,
        cachedShare: i.cache,
      },
    );
    return {
      normalized_tpm: size.normalisedTokensPerMinute,
      raw: half(size.exactPtus, 2),
      ptu: size.ptus,
    };
  },
  ptu_breakeven: (i: {
    tpm_per_ptu: number;
    input_usd_mtok: number;
    month_usd_per_ptu: number;
    hours: number;
  }) => {
    const result = ptuBreakEven({
      inputTokensPerMinutePerPtu: i.tpm_per_ptu,
      inputUsdPerMillion: i.input_usd_mtok,
      usdPerPtuMonth: i.month_usd_per_ptu,
      hoursPerMonth: i.hours,
    });
    return {
      payg_month_per_ptu: half(result.payAsYouGoUsdPerMonth, 0),
      breakeven_utilization: half(result.utilisation, 2),
    };
  },
  reservation: (i: { reserved: number; deployed: number[] }) =>
    reservationCover(i.reserved, i.deployed),
  gsu: (i: { qps: number; units: [number, number][]; per_gsu: number; inc: number }) => {
    const size = gsuSize({
      queriesPerSecond: i.qps,
      parts: i.units.map(([tokens, weight]) => ({ tokens, weight })),
      tokensPerSecondPerGsu: i.per_gsu,
      increment: i.inc,
    });
    return {
      per_query: size.tokensPerQuery,
      tps: size.tokensPerSecond,
      raw: half(size.exactGsus, 2),
      gsu: size.gsus,
    };
  },
  gsu_cached: (i: { cached: number; weight: number }) => ({
    burndown: weightedTokens([{ tokens: i.cached, weight: i.weight }]),
  }),
  // The two items of these examples are input and output of one request (or one sum of input).
  cost: (i: { items: [number, number][]; extra: number }) => {
    const [input, output] = i.items;
    const usd = priceRequest(
      { inputUsd: input![1], outputUsd: output?.[1] ?? 0 },
      { ...NO_TOKENS, uncached: input![0], output: output?.[0] ?? 0 },
    );
    return half(usd + i.extra, 6);
  },
  itpm_effective: (i: { itpm: number; hit: number }) => half(effectiveInputLimit(i.itpm, i.hit), 3),
  sum: ([cacheRead, cacheWrite5m, uncached]: number[]) =>
    inputTokens({
      ...NO_TOKENS,
      cacheRead: cacheRead!,
      cacheWrite5m: cacheWrite5m!,
      uncached: uncached!,
    }),
  cache_payback: (i: { write: number; read: number }) => cachePaybackReads(i),
  cache_multiple: (i: { write: number; read: number; n: number }) => half(cachedUses(i, i.n), 2),
  batch: (i: { price: number[]; factor: number }) =>
    i.price.map((usd) => batchPrice(usd, i.factor)),
  ccu: (i: { usd: number }) => creditUnits(i.usd),
  retry: (i: { limit: number; used: number; requested: number }) =>
    half(openaiWaitMs(i, MS_PER_MINUTE) / MS_PER_SECOND, 3),
  oversize: (i: { limit: number; requested: number }) =>
    openaiWaitMs({ ...i, used: 0 }, MS_PER_MINUTE) === Infinity ? 'never' : 'sometimes',
  per_window: (i: { rpm: number; window_s: number }) => requestsPerWindow(i.rpm, i.window_s),
  azure_units: (i: { tpm: number; rpm_per_1k: number }) =>
    requestsFromTokenQuota(i.tpm, i.rpm_per_1k),
  bedrock_concurrency: (i: { tpm: number; input: number; max_tokens: number }) =>
    concurrentReservations(i.tpm, { inputTokens: i.input, maxOutputTokens: i.max_tokens }),
  bedrock_settle: (i: { input: number; cache_write: number; output: number; burn: number }) =>
    bedrockSettlement({ input: i.input, cacheWrite: i.cache_write, output: i.output }, i.burn),
  selfhost: (i: { usd_h: number; tps: number; util: number }) =>
    half(
      selfHostedPricePerMillion({
        usdPerHour: i.usd_h,
        tokensPerSecond: i.tps,
        utilisation: i.util,
      }),
      2,
    ),
  tier: (i: { qty: number; tiers: [number | null, number][] }) =>
    half(
      steppedPrice(
        i.qty,
        i.tiers.map(([width, usd]) => ({ width: width ?? undefined, usd })),
      ),
      2,
    ),
  mult: ([gsus, perGsu]: number[]) => gsuThroughput(gsus!, perGsu!),
  max: ([usage, minimum]: number[]) => withMinimum(usage!, minimum!),
  round: ([usdPerHour, hours]: number[]) => half(monthlyMachineCost(usdPerHour!, hours), 0),
};

describe.skipIf(absent)('worked examples', () => {
  test('all 33 are there', () => {
    expect(examples).toHaveLength(33);
  });

  test.for(examples)('$id', ({ kind, in: input, out }) => {
    expect(kinds[kind]!(input)).toEqual(out);
  });
});
