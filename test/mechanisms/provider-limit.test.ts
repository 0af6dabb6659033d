import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { NO_TOKENS } from '../../src/core/tokens.ts';
import type { TokenRecord } from '../../src/core/tokens.ts';
import type {
  CallEstimate,
  Debit,
  DebitOptions,
  DebitRule,
} from '../../src/mechanisms/debits/debit-rule.ts';
import { DEBIT_RULES } from '../../src/mechanisms/debits/debit-rules.ts';
import type { ProviderRule } from '../../src/mechanisms/debits/debit-rules.ts';
import type { Amounts, RateLimit } from '../../src/mechanisms/rate-limit.ts';
import { createProviderLimit } from '../../src/mechanisms/provider-limit.ts';
import type { LimitValues } from '../../src/mechanisms/provider-limit.ts';
import { admitInOrder } from '../../src/mechanisms/spillover.ts';
import { readExamples } from './worked-examples.ts';

const RULES = Object.keys(DEBIT_RULES) as ProviderRule[];

// 1,000 input tokens, 800 of them read from a cache, 100 written to it; cap 500, real output 200.
const call: CallEstimate = {
  inputTokens: 1000,
  cacheReadTokens: 800,
  maxOutputTokens: 500,
  usd: 0.02,
};
const tokens: TokenRecord = {
  ...NO_TOKENS,
  uncached: 100,
  cacheRead: 800,
  cacheWrite5m: 100,
  output: 200,
  reasoning: 50,
};
const usage = { tokens, usd: 0.01 };

describe('debits of one call', () => {
  test.for<{
    rule: ProviderRule;
    why: string;
    options?: DebitOptions;
    reserve: Debit;
    settle: Debit;
  }>([
    {
      rule: 'openai',
      why: 'estimate + cap, unused output is not given back',
      reserve: { requests: 1, tokens: 1500 },
      settle: { tokens: 1500 },
    },
    {
      rule: 'openai',
      why: "the docs' wording: the larger of the two",
      options: { requested: 'max' },
      reserve: { requests: 1, tokens: 1000 },
      settle: { tokens: 1000 },
    },
    {
      rule: 'openai',
      why: 'with the switch unused output comes back',
      options: { refundUnusedOutput: true },
      reserve: { requests: 1, tokens: 1500 },
      settle: { tokens: 1200 },
    },
    {
      rule: 'anthropic',
      why: 'cache reads are free, max_tokens is ignored',
      reserve: { requests: 1, inputTokens: 200, outputTokens: 0, usd: 0.02 },
      settle: { inputTokens: 200, outputTokens: 200, usd: 0.01 },
    },
    {
      rule: 'anthropic',
      why: 'Haiku 3.5 counts cache reads',
      options: { cacheReadsCount: true },
      reserve: { requests: 1, inputTokens: 1000, outputTokens: 0, usd: 0.02 },
      settle: { inputTokens: 1000, outputTokens: 200, usd: 0.01 },
    },
    {
      rule: 'azure-standard',
      why: 'never corrected',
      reserve: { requests: 1, tokens: 1500 },
      settle: {},
    },
    {
      rule: 'azure-ptu',
      why: 'cached input free, output weighted',
      options: { outputWeight: 8 },
      reserve: { requests: 1, work: 200 + 8 * 500 },
      settle: { work: 200 + 8 * 200 },
    },
    {
      rule: 'bedrock-runtime',
      why: 'reserved at 1x, settled with the burndown',
      options: { outputWeight: 5 },
      reserve: { requests: 1, tokens: 700 },
      settle: { tokens: 1200 },
    },
    {
      rule: 'bedrock-runtime',
      why: 'cache reads in the reservation, by the other reading of the docs',
      options: { outputWeight: 5, cacheReadsCount: true },
      reserve: { requests: 1, tokens: 1500 },
      settle: { tokens: 1200 },
    },
    {
      rule: 'bedrock-mantle',
      why: 'input and output apart',
      reserve: { requests: 1, inputTokens: 1000, outputTokens: 0 },
      settle: { inputTokens: 1000, outputTokens: 200 },
    },
    {
      rule: 'gemini',
      why: 'input tokens and dollars',
      reserve: { requests: 1, inputTokens: 1000, usd: 0.02 },
      settle: { inputTokens: 1000, usd: 0.01 },
    },
    {
      rule: 'vertex',
      why: 'cached input at a tenth',
      options: { outputWeight: 5 },
      reserve: { requests: 1, tokens: 1500, work: 200 + 80 + 2500 },
      settle: { tokens: 1200, work: 200 + 80 + 1000 },
    },
    {
      rule: 'groq',
      why: 'as OpenAI without cached tokens',
      reserve: { requests: 1, tokens: 700 },
      settle: { tokens: 700 },
    },
    {
      rule: 'xai',
      why: 'everything counts',
      reserve: { requests: 1, tokens: 1500 },
      settle: { tokens: 1200 },
    },
    {
      rule: 'cerebras',
      why: 'a total and an uncached bucket',
      reserve: { requests: 1, tokens: 1500, uncachedTokens: 700 },
      settle: { tokens: 1200, uncachedTokens: 400 },
    },
    {
      rule: 'fireworks',
      why: 'three buckets',
      reserve: { requests: 1, inputTokens: 1000, uncachedTokens: 200, outputTokens: 0 },
      settle: { inputTokens: 1000, uncachedTokens: 200, outputTokens: 200 },
    },
    { rule: 'deepseek', why: 'calls in flight only', reserve: { inFlight: 1 }, settle: {} },
    {
      rule: 'mistral',
      why: 'input + output',
      reserve: { requests: 1, tokens: 1500 },
      settle: { tokens: 1200 },
    },
    {
      rule: 'moonshot',
      why: 'in flight and tokens',
      reserve: { requests: 1, tokens: 1500, inFlight: 1 },
      settle: { tokens: 1200 },
    },
  ])('$rule: $why', ({ rule, options = {}, reserve, settle }) => {
    const { reserve: before, settle: after } = DEBIT_RULES[rule];
    expect(before(call, options)).toEqual(reserve);
    expect(after(usage, call, options)).toEqual(settle);
  });

  test('the cap counts once per choice: n = 100 × 5,000 is refused against 180K', () => {
    const limit = createProviderLimit('openai', { tpm: 180_000 }, 0);
    const asked = { inputTokens: 10, maxOutputTokens: 5000, choices: 100 };
    expect(limit.reserve(0, DEBIT_RULES.openai.reserve(asked, {}))).toMatchObject({
      admitted: false,
      waitMs: Infinity,
      requested: 500_010,
    });
  });

  test('OpenAI: output beyond the guess of a call without a cap counts at the end', () => {
    const asked = { inputTokens: 100, expectedOutputTokens: 50 };
    const { reserve, settle } = DEBIT_RULES.openai;
    const used = (output: number): TokenRecord => ({ ...NO_TOKENS, uncached: 100, output });
    expect(reserve(asked, {}).tokens).toBe(150);
    expect(settle({ tokens: used(400) }, asked, {}).tokens).toBe(500);
    expect(settle({ tokens: used(20) }, asked, {}).tokens).toBe(150);
  });

  test('Bedrock without a cap reserves what the model could give', () => {
    const asked = { inputTokens: 500, modelMaxOutputTokens: 64_000 };
    expect(DEBIT_RULES['bedrock-runtime'].reserve(asked, {})).toMatchObject({ tokens: 64_500 });
  });
});

const examples = readExamples();

/** Simulated answers to the shared vectors this folder can answer; undefined for other kinds. */
function answer(kind: string, input: Record<string, number>): number | undefined {
  if (kind === 'bedrock_settle') {
    const record = {
      ...NO_TOKENS,
      uncached: input['input']!,
      cacheWrite5m: input['cache_write']!,
      output: input['output']!,
    };
    const options = { outputWeight: input['burn']! };
    return DEBIT_RULES['bedrock-runtime'].settle({ tokens: record }, { inputTokens: 0 }, options)
      .tokens;
  }
  if (kind === 'bedrock_concurrency') {
    const limit = createProviderLimit('bedrock-runtime', { tpm: input['tpm']! }, 0);
    const asked = { inputTokens: input['input']!, maxOutputTokens: input['max_tokens']! };
    return passes(limit, DEBIT_RULES['bedrock-runtime'].reserve(asked, {}));
  }
  if (kind !== 'per_window') return undefined;
  const windowMs = input['window_s']! * 1000;
  const limit = createProviderLimit('generic', { rpm: input['rpm']! }, 0, {
    enforcement: { rpm: { kind: 'fixed', windowMs } },
  });
  return passes(limit, { requests: 1 });
}

function passes(limit: RateLimit, amounts: Amounts): number {
  let passed = 0;
  while (limit.reserve(0, amounts).admitted) passed += 1;
  return passed;
}

test.skipIf(examples === undefined)(
  'shared vectors: Bedrock reservations and settlements, requests per window',
  () => {
    const rows = examples!.flatMap(({ id, kind, in: given, out }) => {
      const got = answer(kind, given as Record<string, number>);
      return got === undefined ? [] : [{ id, got, out }];
    });
    expect(rows).toHaveLength(5);
    for (const { id, got, out } of rows) expect({ id, got }).toEqual({ id, got: out });
  },
);

describe('enforcement', () => {
  test.for<{
    why: string;
    rule: ProviderRule;
    values: LimitValues;
    passes: number;
    waitMs: number;
  }>([
    {
      why: 'OpenAI: a full minute at once',
      rule: 'openai',
      values: { rpm: 60 },
      passes: 60,
      waitMs: 1000,
    },
    {
      why: 'Azure: 600 RPM is 100 per 10 s',
      rule: 'azure-standard',
      values: { rpm: 600 },
      passes: 100,
      waitMs: 10_000,
    },
    {
      why: 'xAI: 120 RPM is 2 per second',
      rule: 'xai',
      values: { rpm: 120 },
      passes: 2,
      waitMs: 1000,
    },
    { why: 'Mistral: per second', rule: 'mistral', values: { rps: 5 }, passes: 5, waitMs: 1000 },
    {
      why: 'the day binds behind the minute',
      rule: 'openai',
      values: { rpm: 100, rpd: 3 },
      passes: 3,
      waitMs: 28_800_000,
    },
  ])('$why', ({ rule, values, passes, waitMs }) => {
    const limit = createProviderLimit(rule, values, 0);
    let passed = 0;
    let decision = limit.reserve(0, { requests: 1 });
    while (decision.admitted) {
      passed += 1;
      decision = limit.reserve(0, { requests: 1 });
    }
    expect(passed).toBe(passes);
    expect(decision.waitMs).toBeCloseTo(waitMs, 6);
  });

  test('Anthropic: output is counted live, and only a bucket in debt refuses', () => {
    const limit = createProviderLimit('anthropic', { rpm: 60, itpm: 10_000, otpm: 600 }, 0);
    const first = limit.reserve(0, DEBIT_RULES.anthropic.reserve(call, {}));
    if (!first.admitted) throw new Error('refused');
    limit.extend(0, first.reservation, 'outputTokens', 500);
    const second = limit.reserve(0, DEBIT_RULES.anthropic.reserve(call, {}));
    if (!second.admitted) throw new Error('refused');
    limit.extend(0, second.reservation, 'outputTokens', 200);
    // 700 of 600: 100 over, at 10 tokens per second.
    expect(limit.reserve(0, DEBIT_RULES.anthropic.reserve(call, {}))).toMatchObject({
      admitted: false,
      dimension: 'otpm',
      waitMs: 10_000,
    });
    limit.settle(0, first.reservation, { inputTokens: 200, outputTokens: 500 });
    expect(limit.reserve(10_000, DEBIT_RULES.anthropic.reserve(call, {})).admitted).toBe(true);
  });

  test('Anthropic: 80 % cache hits make 2M ITPM worth 10M input tokens', () => {
    const limit = createProviderLimit('anthropic', { itpm: 2_000_000 }, 0);
    const cached = { inputTokens: 10_000, cacheReadTokens: 8000 };
    let input = 0;
    while (limit.reserve(0, DEBIT_RULES.anthropic.reserve(cached, {})).admitted) input += 10_000;
    expect(input).toBe(10_000_000);
  });

  test('PTU: admits while utilisation is at most 100 %, then spills over', () => {
    const ptu = createProviderLimit('azure-ptu', { workPerMinute: 6000 }, 0);
    const standard = createProviderLimit('azure-standard', { tpm: 2000 }, 0);
    const ask = { inputTokens: 1000, maxOutputTokens: 500 };
    const served = [1, 2, 3, 4].map(() => {
      const { decision, target } = admitInOrder([
        () => ptu.reserve(0, DEBIT_RULES['azure-ptu'].reserve(ask, { outputWeight: 8 })),
        () => standard.reserve(0, DEBIT_RULES['azure-standard'].reserve(ask, {})),
      ]);
      return decision.admitted ? target : `refused by ${decision.dimension}`;
    });
    // 5,000 per call: the second one takes utilisation above 100 % and is still admitted.
    expect(served).toEqual([0, 0, 1, 'refused by tpm']);
  });

  test('Gemini: dollars over a rolling ten minutes', () => {
    const limit = createProviderLimit('gemini', { spendPer10Min: 10 }, 0);
    for (let index = 0; index < 10; index += 1)
      expect(limit.reserve(index * 1000, { usd: 1 }).admitted).toBe(true);
    expect(limit.reserve(10_000, { usd: 1 })).toMatchObject({
      dimension: 'spendPer10Min',
      waitMs: 590_000,
    });
    expect(limit.reserve(600_000, { usd: 1 }).admitted).toBe(true);
  });

  test('monthly spend is gone until the first of the next month', () => {
    const epochAtZeroMs = Date.UTC(2026, 10, 20, 12);
    const limit = createProviderLimit('anthropic', { spendPerMonth: 500 }, 0, { epochAtZeroMs });
    expect(limit.reserve(0, { usd: 500 }).admitted).toBe(true);
    const firstMs = Date.UTC(2026, 11, 1) - epochAtZeroMs;
    expect(limit.reserve(1000, { usd: 1 })).toMatchObject({ waitMs: firstMs - 1000 });
    expect(limit.reserve(firstMs, { usd: 1 }).admitted).toBe(true);
    expect(limit.reserve(firstMs, { usd: 501 })).toMatchObject({ waitMs: Infinity });
  });

  test('a refund of last month does not make room in this one', () => {
    const limit = createProviderLimit('anthropic', { spendPerMonth: 10 }, 0);
    const old = limit.reserve(0, { usd: 10 });
    const nextMonthMs = Date.UTC(1970, 1, 1);
    limit.reserve(nextMonthMs, { usd: 10 });
    if (old.admitted) limit.refund(nextMonthMs, old.reservation);
    expect(limit.reserve(nextMonthMs, { usd: 1 }).admitted).toBe(false);
  });

  test('DeepSeek: calls in flight', () => {
    const limit = createProviderLimit('deepseek', { concurrency: 2 }, 0);
    const ask = DEBIT_RULES.deepseek.reserve({ inputTokens: 10 }, {});
    const first = limit.reserve(0, ask);
    limit.reserve(0, ask);
    expect(limit.reserve(0, ask).admitted).toBe(false);
    if (first.admitted)
      limit.settle(0, first.reservation, DEBIT_RULES.deepseek.settle(usage, call, {}));
    expect(limit.reserve(0, ask).admitted).toBe(true);
  });

  test('a refused call counts at OpenAI and Azure, not at Anthropic', () => {
    const refusals = (rule: ProviderRule): number => {
      const limit = createProviderLimit(rule, { rpm: 10, tpm: 100, itpm: 100 }, 0);
      const large = { requests: 1, tokens: 101, inputTokens: 101 };
      for (let index = 0; index < 9; index += 1) limit.reserve(0, large);
      let passed = 0;
      while (limit.reserve(0, { requests: 1 }).admitted) passed += 1;
      return passed;
    };
    expect([refusals('openai'), refusals('anthropic')]).toEqual([1, 10]);
  });
});

test('property: under any rule and load no limit is exceeded beyond one call per late dimension', () => {
  const values: LimitValues = {
    rpm: 30,
    tpm: 20_000,
    itpm: 15_000,
    otpm: 5000,
    uncachedTpm: 9000,
    workPerMinute: 20_000,
    spendPer10Min: 1,
    concurrency: 4,
  };
  const step = fc.record({
    gapMs: fc.integer({ min: 0, max: 8000 }),
    input: fc.integer({ min: 0, max: 5000 }),
    cachedShare: fc.double({ min: 0, max: 1, noNaN: true }),
    cap: fc.integer({ min: 0, max: 2000 }),
    outputShare: fc.double({ min: 0, max: 1, noNaN: true }),
    ends: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.constantFrom(...RULES), fc.array(step, { maxLength: 80 }), (rule, steps) => {
      const limit = createProviderLimit(rule, values, 0);
      const debit: DebitRule = DEBIT_RULES[rule];
      let nowMs = 0;
      for (const { gapMs, input, cachedShare, cap, outputShare, ends } of steps) {
        nowMs += gapMs;
        const cacheRead = Math.floor(input * cachedShare);
        const asked = {
          inputTokens: input,
          cacheReadTokens: cacheRead,
          maxOutputTokens: cap,
          usd: 0.1,
        };
        const before = limit.dimensions.map(({ meter }) => meter.used(nowMs));
        const decision = limit.reserve(nowMs, debit.reserve(asked, {}));
        for (const [index, { name, meter }] of limit.dimensions.entries()) {
          // Admission never takes a strict dimension above its limit, and refusing never lowers one.
          if (meter.used(nowMs) > meter.limit * (1 + 1e-6) + 1e-2)
            throw new Error(`${rule} ${name}`);
          if (meter.used(nowMs) < before[index]! - 1e-9) throw new Error(`${rule} ${name} fell`);
        }
        if (!decision.admitted || !ends) continue;
        const output = Math.floor(cap * outputShare);
        const record = { ...NO_TOKENS, uncached: input - cacheRead, cacheRead, output };
        limit.settle(
          nowMs,
          decision.reservation,
          debit.settle({ tokens: record, usd: 0.05 }, asked, {}),
        );
      }
      return true;
    }),
  );
});
