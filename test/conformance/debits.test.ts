import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { COUNTING_RULES, admissionDebit, settledDebit } from '../../src/capacity/debit.ts';
import type { CountingRule, CountingRuleId } from '../../src/capacity/debit.ts';
import { providerConfigSchema } from '../../src/config/provider.ts';
import type { LimitSettings } from '../../src/config/provider.ts';
import { inputTokens } from '../../src/core/tokens.ts';
import type { TokenRecord } from '../../src/core/tokens.ts';
import { DEBIT_RULES } from '../../src/mechanisms/debits/debit-rules.ts';
import { createProviderLimit } from '../../src/mechanisms/provider-limit.ts';
import { createKeyLimits } from '../../src/provider/key-limits.ts';

/**
 * What the planner adds up per minute is what the limiter counts: for each rule of the catalog, a
 * call is put through the planner's debit, a bare limiter and the simulated provider's key.
 */

const IDS = Object.keys(COUNTING_RULES) as CountingRuleId[];

/** So large that nothing is ever refused, so that only counting is compared. */
const LARGE = 1e12;

const call = fc
  .record({
    uncached: fc.integer({ min: 0, max: 50_000 }),
    cacheRead: fc.integer({ min: 0, max: 50_000 }),
    cacheWrite5m: fc.integer({ min: 0, max: 5000 }),
    cacheWrite1h: fc.integer({ min: 0, max: 5000 }),
    output: fc.integer({ min: 1, max: 8000 }),
    spare: fc.option(fc.integer({ min: 0, max: 20_000 }), { nil: undefined }),
  })
  .map(({ spare, ...sizes }) => ({
    tokens: { ...sizes, reasoning: 0 } satisfies TokenRecord,
    // A cap is never below the real output.
    maxOutputTokens: spare === undefined ? undefined : sizes.output + spare,
  }));

/** Dimensions that a rule counts, with the planner's name for the amount. */
const UNITS = {
  rpm: 'requests',
  tpm: 'tokens',
  itpm: 'inputTokens',
  otpm: 'outputTokens',
  uncachedTpm: 'uncachedTokens',
} as const;

function countedUnits({ rule }: CountingRule): (keyof typeof UNITS)[] {
  const reserved = DEBIT_RULES[rule].reserve({ inputTokens: 10, maxOutputTokens: 5 }, {});
  return (Object.keys(UNITS) as (keyof typeof UNITS)[]).filter(
    (name) => reserved[UNITS[name]] !== undefined,
  );
}

describe.each(IDS)('%s', (id) => {
  const counting: CountingRule = COUNTING_RULES[id];
  const names = countedUnits(counting);
  const values = Object.fromEntries(names.map((name) => [name, LARGE]));

  test('the limiter counts what the planner debits, at admission and in the end', () => {
    fc.assert(
      fc.property(call, ({ tokens, maxOutputTokens }) => {
        const limit = createProviderLimit(counting.rule, values, 0);
        const estimate = {
          inputTokens: inputTokens(tokens),
          cacheReadTokens: tokens.cacheRead,
          maxOutputTokens,
          expectedOutputTokens: tokens.output,
        };
        const { reserve, settle } = DEBIT_RULES[counting.rule];
        const used = (): Record<string, number> =>
          Object.fromEntries(
            limit.dimensions.map(({ name, meter }) => [name, Math.round(meter.used(0))]),
          );
        const planned = (debits: ReturnType<typeof settledDebit>): Record<string, number> =>
          Object.fromEntries(names.map((name) => [name, Math.round(debits[UNITS[name]])]));

        const decision = limit.reserve(0, reserve(estimate, counting.options));
        if (!decision.admitted) throw new Error('refused below a limit without end');
        expect(used()).toEqual(planned(admissionDebit(counting, { tokens, maxOutputTokens })));
        limit.settle(0, decision.reservation, settle({ tokens }, estimate, counting.options));
        expect(used()).toEqual(planned(settledDebit(counting, { tokens, maxOutputTokens })));
      }),
    );
  });

  test('the simulated provider refuses the call after as many as the planner says fit', () => {
    fc.assert(
      fc.property(call, fc.constantFrom(1, 3, 7), ({ tokens, maxOutputTokens }, fits) => {
        const one = admissionDebit(counting, { tokens, maxOutputTokens });
        // The limit that holds `fits` calls under way together; those without a reservation pass.
        const [name] = names.filter((each) => each !== 'rpm' && one[UNITS[each]] > 0);
        if (name === undefined || name === 'otpm') return;
        const amount = one[UNITS[name]];
        const limits = createKeyLimits(
          settings(counting, { [name]: amount * fits + Math.floor(amount / 2) }),
          0,
          0,
        );
        const request = {
          model: 'm',
          input: tokens,
          outputCap: maxOutputTokens,
          choices: 1,
          // Bedrock reserves it for calls without a cap; the planner has no such figure.
          modelMaxOutput: tokens.output,
          expectedOutput: tokens.output,
        };
        const asked = Array.from({ length: fits + 1 }, () => limits.admit(0, request).admitted);
        expect(asked).toEqual([...Array.from({ length: fits }, () => true), false]);
      }),
    );
  });
});

function settings({ rule, options }: CountingRule, values: object): LimitSettings {
  const config = providerConfigSchema.parse({
    apiVersion: 'agent-infra/v1',
    kind: 'ProviderConfig',
    models: [{ id: 'm', limits: { style: rule, ...options, ...values } }],
  });
  return config.models[0]!.limits!;
}
