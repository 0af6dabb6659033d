import { describe, expect, it } from 'vitest';

import { NO_TOKENS } from '../../src/core/tokens.ts';
import type { UsageBucket } from '../../src/core/trace.ts';
import { ProfileFold } from '../../src/workload/profile-fold.ts';
import type { WorkloadProfile } from '../../src/workload/workload-profile.ts';
import { llm } from './trace-builders.ts';

const START = 1.79e12;
const MINUTE = 60_000;

function bucket(minute: number, fields: Partial<UsageBucket> = {}): UsageBucket {
  return {
    startMs: START + minute * MINUTE,
    endMs: START + (minute + 1) * MINUTE,
    requests: 4,
    tokens: { ...NO_TOKENS, uncached: 300, cacheRead: 100, output: 40 },
    ...fields,
  };
}

function profileOf(fill: (fold: ProfileFold) => void): WorkloadProfile {
  const fold = new ProfileFold();
  fill(fold);
  return fold.profile({ name: 'test', format: 'test', files: [] });
}

describe('usage windows', () => {
  it('add up over models and keys, and give rates per minute', () => {
    const { usage, warnings, calls } = profileOf((fold) => {
      fold.bucket(bucket(0, { model: 'a' }));
      fold.bucket(bucket(0, { model: 'b' }));
      fold.bucket(bucket(1));
    });
    expect(usage).toMatchObject({
      windows: 2,
      windowSeconds: 60,
      requests: 12,
      input: 1200,
      cacheRead: 300,
      output: 120,
      rpm: { mean: 6, peak: 8 },
      tpm: { allIn: { mean: 660, peak: 880 }, uncached: { mean: 450, peak: 600 } },
      overlaps: 0,
      held: null,
    });
    expect(calls.count).toBe(0);
    expect(warnings).toEqual([expect.stringContaining('usage totals only')]);
  });

  it('do not know requests when one window does not count them', () => {
    const { usage } = profileOf((fold) => {
      fold.bucket(bucket(0));
      fold.bucket(bucket(1, { requests: undefined }));
    });
    expect([usage!.requests, usage!.rpm]).toEqual([null, null]);
  });

  it('of two lengths for one time are counted twice, and the report says so', () => {
    const { usage, warnings } = profileOf((fold) => {
      fold.bucket(bucket(0, { endMs: START + 60 * MINUTE }));
      fold.bucket(bucket(0));
    });
    expect(usage!.overlaps).toBe(1);
    expect(warnings.join('\n')).toContain('counted more than once');
  });

  it.for([
    { why: 'all of it', calls: 4, says: undefined },
    { why: 'calls are missing', calls: 2, says: 'hold 50% of its input' },
    { why: 'calls are counted twice', calls: 8, says: 'hold 200% of its input' },
  ])('hold traces against the provider: $why', ({ calls, says }) => {
    const { usage, warnings } = profileOf((fold) => {
      fold.bucket(bucket(0));
      for (let at = 0; at < calls; at += 1) {
        fold.call(
          llm({ startMs: START + at * 1000, tokens: { ...NO_TOKENS, uncached: 100, output: 10 } }),
        );
      }
    });
    const share = calls / 4;
    expect(usage!.held).toEqual({ calls: share, input: share, output: share });
    const found = warnings.filter((warning) => warning.includes("provider's usage export differ"));
    expect(found.join().includes(says ?? 'nothing')).toBe(says !== undefined);
  });

  it('cannot be compared with traces of another time', () => {
    const { usage, warnings } = profileOf((fold) => {
      fold.bucket(bucket(0));
      fold.call(llm({ startMs: START - MINUTE }));
    });
    expect(usage!.held).toBeNull();
    expect(warnings.join('\n')).toContain('cannot be compared');
  });
});
