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

it('gives shares and intervals of both sides', () => {
  const failing = { ...after, calls: { ...after.calls, errors: 200 } };
  const { beforeInterval, ...failed } = named(diffProfiles(before, failing), 'failed calls');
  expect(failed).toMatchObject({ before: 0, after: 0.2, change: null, verdict: 'higher' });
  // Wilson, none of 1,000.
  expect(beforeInterval![0]).toBe(0);
  expect(beforeInterval![1]).toBeCloseTo(0.003827, 6);
  const mean = named(diffProfiles(before, after), 'input, mean');
  expect(mean.afterInterval).toEqual(after.tokens.input!.ci95.mean);
});

it('leaves the intervals out where the terminal has no room for them', () => {
  const names = { before: 'monday', after: 'tuesday' };
  const text = profileDiffText(names, diffProfiles(before, after), { colour: false, columns: 80 });
  expect(text).not.toContain('95 % interval  ');
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
});

it('reads as a table', () => {
  const small = diffProfiles(before, after).filter(({ metric }) => metric.startsWith('input'));
  expect(profileDiffText({ before: 'a', after: 'b' }, small)).toMatchInlineSnapshot(`
    "a against b
                            a  95 % interval    b  95 % interval  change  verdict
      input tokens, mean  176  169 to 182     252  240 to 263     +43.2%  higher
      input tokens, p95   366  331 to 391     491  470 to 518     +34.1%  higher
      higher and lower: the 95 % intervals do not meet. Figures of the whole trace have no interval.
    "
  `);
});
