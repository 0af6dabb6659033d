import { expect, it } from 'vitest';

import { Random } from '../../src/core/random.ts';
import { NO_TOKENS } from '../../src/core/tokens.ts';
import { profileDiffText } from '../../src/report/profile-diff.ts';
import { diffProfiles } from '../../src/workload/profile-diff.ts';
import type { MetricDifference } from '../../src/workload/profile-diff.ts';
import { ProfileFold } from '../../src/workload/profile-fold.ts';
import type { WorkloadProfile } from '../../src/workload/workload-profile.ts';
import { llm } from './trace-builders.ts';

function profile(name: string, scale: number): WorkloadProfile {
  const fold = new ProfileFold();
  const random = new Random(name);
  for (let index = 0; index < 1000; index += 1) {
    const uncached = Math.round(scale * random.logNormal(5, 0.5));
    const output = Math.round(random.logNormal(3, 0.5));
    fold.call(llm({ startMs: 1.7e12 + index * 500, tokens: { ...NO_TOKENS, uncached, output } }));
  }
  return fold.profile({ name, format: 'test', files: [] });
}

function named(differences: readonly MetricDifference[], metric: string): MetricDifference {
  return differences.find((one) => one.metric === metric)!;
}

const before = profile('before', 1);
const after = profile('after', 1.5);

it('calls a change only what the intervals keep apart', () => {
  const differences = diffProfiles(before, after);
  expect(named(differences, 'input, mean')).toMatchObject({ verdict: 'higher' });
  const change = after.tokens.input!.mean / before.tokens.input!.mean - 1;
  expect(named(differences, 'input, mean').change).toBeCloseTo(change, 12);
  expect(Math.abs(change - 0.5)).toBeLessThan(0.1);
  expect(named(differences, 'input, p95').verdict).toBe('higher');
  expect(named(differences, 'output, mean').verdict).toBe('unclear');
  expect(named(diffProfiles(after, before), 'input, mean').verdict).toBe('lower');
});

it('finds nothing between a profile and itself', () => {
  for (const { change, verdict } of diffProfiles(before, before)) {
    expect(change ?? 0).toBe(0);
    expect(['unclear', 'single', 'unknown']).toContain(verdict);
  }
});

it('does not invent figures that one side lacks', () => {
  const lacking = { ...after, arrivals: null };
  const difference = named(diffProfiles(before, lacking), 'peak calls per minute');
  expect(difference).toMatchObject({ before: 120, after: null, change: null, verdict: 'unknown' });
  expect(named(diffProfiles(before, after), 'turn time, mean').verdict).toBe('unknown');
});

it('reads as a table', () => {
  const small = diffProfiles(before, after).filter(({ metric }) => metric.startsWith('input'));
  expect(profileDiffText({ before: 'a', after: 'b' }, small)).toMatchInlineSnapshot(`
    "a against b
                     a    b  change
      input, mean  176  252  +43.2%  higher
      input, p95   366  491  +34.1%  higher
      higher and lower: the 95 % intervals do not meet. Figures of the whole trace have no interval.
    "
  `);
});
