import { array, assert, integer, property } from 'fast-check';
import { describe, expect, it } from 'vitest';

import { randomStreams } from '../../src/core/random.ts';
import { inputTokens, NO_TOKENS } from '../../src/core/tokens.ts';
import type { LlmSkeleton, SessionSkeleton } from '../../src/core/trace.ts';
import { ProfileFold } from '../../src/workload/profile-fold.ts';
import { quantileFunction } from '../../src/workload/quantile-function.ts';
import { samplingAssumptions, sessionSampler } from '../../src/workload/sessions.ts';
import { summarise } from '../../src/workload/summary.ts';
import type { WorkloadProfile } from '../../src/workload/workload-profile.ts';
import { spearman } from '../../src/workload/rank-correlation.ts';
import { llm, session, tool } from './trace-builders.ts';

function folded(add: (fold: ProfileFold) => void): WorkloadProfile {
  const fold = new ProfileFold();
  add(fold);
  return fold.profile({ name: 'test', format: 'test', files: [] });
}

/** Two kinds of sessions, so that a mixture of their parts would show. */
const withSessions = folded((fold) => {
  for (let index = 0; index < 30; index += 1) {
    const big = index % 3 === 0;
    const size = { tokens: { ...NO_TOKENS, uncached: big ? 9000 : 100, output: big ? 90 : 1 } };
    fold.session(
      session(`s${index}`, [
        [
          llm({ id: 'a', ...size }),
          tool({ id: 'b', after: ['a'], startMs: 1000, durationMs: big ? 7000 : 70 }),
          llm({ id: 'c', after: ['b'], startMs: 9000, ...size }),
        ],
      ]),
    );
  }
});

/** Rows whose output grows with the input. */
const withoutSessions = folded((fold) => {
  const random = randomStreams('rows')('sizes');
  for (let index = 0; index < 2000; index += 1) {
    const input = Math.ceil(random.logNormal(6, 1));
    const output = Math.ceil(input / 10 + random.exponential(20));
    const tokens = { ...NO_TOKENS, uncached: input / 2, cacheRead: input / 2, output };
    fold.call(llm({ startMs: index * 100, tokens, model: index % 4 === 0 ? 'small' : 'large' }));
  }
});

function draw(profile: WorkloadProfile, count: number, seed = 'seed'): SessionSkeleton[] {
  const sample = sessionSampler(profile, randomStreams(seed));
  return Array.from({ length: count }, (_, index) => sample(index));
}

function callsOf(sessions: readonly SessionSkeleton[]): LlmSkeleton[] {
  return sessions.flatMap(({ turns }) =>
    turns.flatMap(({ steps }) => steps.filter((step) => step.kind === 'llm')),
  );
}

describe('resampled sessions', () => {
  it('are whole sessions of the trace, in their proportion', () => {
    const drawn = draw(withSessions, 3000);
    const kinds = new Set(withSessions.skeletons.map((skeleton) => JSON.stringify(skeleton)));
    for (const one of drawn) expect(kinds).toContain(JSON.stringify(one));
    const big = callsOf(drawn).filter(({ tokens }) => tokens.uncached === 9000).length / 6000;
    expect(Math.abs(big - 1 / 3)).toBeLessThan(0.03);
    expect(samplingAssumptions(withSessions)).toEqual([]);
  });

  it('depend on seed and index only, not on the order of asking', () => {
    const sample = sessionSampler(withSessions, randomStreams('a'));
    const later = sessionSampler(withSessions, randomStreams('a'));
    const first = [0, 1, 2, 3].map((index) => sample(index));
    expect([3, 2, 1, 0].map((index) => later(index)).toReversed()).toEqual(first);
    expect(draw(withSessions, 50, 'a')).not.toEqual(draw(withSessions, 50, 'b'));
  });
});

describe('parametric sessions', () => {
  const calls = callsOf(draw(withoutSessions, 4000));

  it('are one call each when turns are unknown, and say so', () => {
    expect(calls).toHaveLength(4000);
    expect(samplingAssumptions(withoutSessions).join()).toContain('one turn with one LLM call');
  });

  it('follow the measured sizes', () => {
    const inputs = Float64Array.from(calls, ({ tokens }) => inputTokens(tokens));
    const outputs = Float64Array.from(calls, ({ tokens }) => tokens.output);
    for (const [drawn, measured] of [
      [summarise(inputs)!, withoutSessions.tokens.input!],
      [summarise(outputs)!, withoutSessions.tokens.output!],
    ] as const) {
      expect(Math.abs(drawn.mean / measured.mean - 1)).toBeLessThan(0.06);
      expect(Math.abs(drawn.p50 / measured.p50 - 1)).toBeLessThan(0.06);
      expect(Math.abs(drawn.p95 / measured.p95 - 1)).toBeLessThan(0.1);
      expect(drawn.max).toBeLessThanOrEqual(Math.round(measured.max));
    }
    const rho = withoutSessions.tokens.spearmanInputOutput!;
    expect(rho).toBeGreaterThan(0.5);
    expect(Math.abs(spearman(inputs, outputs)! - rho)).toBeLessThan(0.05);
  });

  it('keep the shares of models and cache', () => {
    const small = calls.filter(({ model }) => model === 'small').length / calls.length;
    expect(Math.abs(small - 0.25)).toBeLessThan(0.03);
    for (const { tokens } of calls) {
      expect(Math.abs(tokens.cacheRead - inputTokens(tokens) / 2)).toBeLessThanOrEqual(1);
    }
  });

  it('have turns and tools when their summaries are known', () => {
    const stripped = { ...withSessions, skeletons: [] };
    const drawn = draw(stripped, 400);
    for (const { turns } of drawn) {
      expect(turns).toHaveLength(1);
      expect(turns[0]!.steps.map(({ kind }) => kind)).toEqual(['llm', 'tool', 'llm']);
      expect(turns[0]!.steps.map(({ after }) => after)).toEqual([[], ['s1'], ['s2']]);
    }
  });
});

describe('quantileFunction', () => {
  it('has the mean and the percentiles of the summary', () => {
    const numbers = integer({ min: 0, max: 1_000_000 });
    assert(
      property(numbers, numbers, (seed, spread) => {
        const random = randomStreams(seed)('values');
        const values = Float64Array.from({ length: 200 }, () =>
          random.logNormal(3, (spread % 20) / 10),
        );
        const summary = summarise(values)!;
        const at = quantileFunction(summary);
        for (const [share, value] of [
          [0, summary.min],
          [0.1, summary.p10!],
          [0.5, summary.p50],
          [0.9, summary.p90],
          [0.95, summary.p95],
          [0.99, summary.p99],
          [1, summary.max],
        ] as const) {
          expect(at(share)).toBeCloseTo(value, 9);
        }
        let sum = 0;
        const draws = 20_000;
        for (let index = 0; index < draws; index += 1) sum += at((index + 0.5) / draws);
        expect(Math.abs(sum / draws / summary.mean - 1)).toBeLessThan(0.01);
      }),
      { numRuns: 20 },
    );
  });

  it('lies between the sorted values around each known percentile, and never falls', () => {
    assert(
      property(array(integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 60 }), (list) => {
        const sorted = Float64Array.from(list).toSorted();
        const at = quantileFunction(summarise(Float64Array.from(list))!);
        for (const share of [0, 0.1, 0.5, 0.9, 0.95, 0.99, 1]) {
          const rank = share * (sorted.length - 1);
          expect(at(share)).toBeGreaterThanOrEqual(sorted[Math.floor(rank)]! - 1e-9);
          expect(at(share)).toBeLessThanOrEqual(sorted[Math.ceil(rank)]! + 1e-9);
        }
        let before = Number.NEGATIVE_INFINITY;
        for (let step = 0; step <= 200; step += 1) {
          const value = at(step / 200);
          expect(value).toBeGreaterThanOrEqual(before - 1e-9);
          before = value;
        }
      }),
    );
  });

  it('takes a profile without p10', () => {
    const { p10: _, ...old } = summarise(Float64Array.from({ length: 101 }, (__, at) => at))!;
    const at = quantileFunction(old);
    expect(at(0.5)).toBeCloseTo(50, 9);
    expect(at(0.25)).toBeCloseTo(25, 9);
  });
});
