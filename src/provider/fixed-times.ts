import type { FixedTimingSettings } from '../config/provider.ts';
import type { DrawTimes } from './paced-timing.ts';
import { drawSpread } from './spread.ts';

/** Times drawn from constants or log-normals. */
export function fixedTimes({ ttft, itl, prefillPerToken }: FixedTimingSettings): DrawTimes {
  return (job) => {
    const prefillMs = (job.inputTokens - job.cachedTokens) * prefillPerToken;
    return {
      firstMs: () => drawSpread(ttft, job.random) + prefillMs,
      gapsMs: (count) => {
        if (typeof itl === 'number') return itl * count;
        let sum = 0;
        for (let gap = 0; gap < count; gap += 1) sum += drawSpread(itl, job.random);
        return sum;
      },
    };
  };
}
