import { describe, expect, test } from 'vitest';

import { providerConfigSchema } from '../../src/config/provider.ts';
import { Random } from '../../src/core/random.ts';
import { drawSpread } from '../../src/provider/spread.ts';
import { VirtualProvider, config } from './virtual-provider.ts';

describe('spreads', () => {
  test.for([
    { why: 'a log-normal by two percentiles', spread: { p50: 200, p95: 800 } },
    {
      why: 'a long tail that no log-normal has',
      spread: { p50: 200, p90: 300, p95: 800, p99: 9000 },
    },
    { why: 'p99 alone', spread: { p50: 200, p95: 300, p99: 3000 } },
  ])('$why: the sample has the given percentiles', ({ spread }) => {
    const random = new Random('spread');
    const draws = 200_000;
    const sample = Array.from({ length: draws }, () => drawSpread(spread, () => random));
    for (const [name, value] of Object.entries(spread)) {
      const share = Number(name.slice(1)) / 100;
      const below = sample.filter((drawn) => drawn <= value).length / draws;
      // Five standard errors of a share.
      const tolerance = 5 * Math.sqrt((share * (1 - share)) / draws);
      expect(Math.abs(below - share)).toBeLessThan(tolerance);
    }
  });

  test('percentiles that fall are a problem of the document', () => {
    const read = providerConfigSchema.safeParse({
      apiVersion: 'agent-infra/v1',
      kind: 'ProviderConfig',
      models: [{ id: 'm', timing: { kind: 'fixed', ttft: { p50: '1s', p90: '3s', p95: '2s' } } }],
    });
    expect(read.success).toBe(false);
  });
});

test('under load all times grow in a line with the calls under way', async () => {
  const provider = new VirtualProvider(
    config({
      timing: {
        kind: 'fixed',
        ttft: '100ms',
        itl: '10ms',
        underLoad: { factor: 3, at: 5 },
      },
      output: { tokens: 'max' },
    }),
  );
  const body = { messages: [{ role: 'user', content: 'x' }], max_tokens: 1 };
  const sent = Array.from({ length: 7 }, () => provider.send(body));
  await provider.clock.run();
  // 1 + 2 × (running - 1) / 4, and never above 3.
  expect(sent.map(({ reply }) => reply.endedAtMs)).toEqual([100, 150, 200, 250, 300, 300, 300]);
  const alone = provider.clock.now();
  expect((await provider.ask({ ...body, max_tokens: 3 })).reply.endedAtMs).toBe(alone + 120);
});
