import { expect, test } from 'vitest';

import { sizePool } from '../../src/capacity/gpu-pool.ts';
import { pick, readGpus, readModels } from '../../src/catalog/gpus.ts';
import { renderPool } from '../../src/report/gpu-pool.ts';

test('a sized pool in words: every number with its interval, the basis said', async () => {
  const [gpus, models] = [await readGpus(), await readModels()];
  const plan = sizePool(
    {
      model: pick(models, 'Llama-3.1-8B', 'model'),
      gpu: pick(gpus, 'H100-SXM-80GB', 'GPU'),
      priceUsdPerGpuHour: 2.5,
      slo: { ttftMs: 1000, itlMs: 30 },
    },
    {
      requestsPerSecond: 20,
      peakRequestsPerSecond: 20,
      inputTokens: 4000,
      uncachedTokens: 1500,
      outputTokens: 300,
      concurrency: 0,
    },
  );
  expect(renderPool(plan, 'Llama-3.1-8B on H100-SXM-80GB')).toMatchInlineSnapshot(`
    "Llama-3.1-8B on H100-SXM-80GB
      replicas                     4 (3 to 6), 1 GPU each
      GPUs                         4 (3 to 6)
      cost per month               $7,300 ($5,475 to $10,950)
      time to first token, mean    151 ms (72.2 ms to 465 ms)
      time per output token, mean  18.4 ms (11.8 ms to 37.8 ms)
      one replica carries          6.24/s (4.66/s to 8.18/s), 1,873 output tokens/s
      in flight at the peak        114
      used at the peak             80.1%
      binds first                  reading the KV cache
      basis                        modelled; intervals of about 80 %
    note: Uncalibrated: kernel constants scaled by the median of public runs. One load-test point of your own engine narrows the interval several times.
    "
  `);
});
