import { array, assert, integer, property, shuffledSubarray } from 'fast-check';
import { describe, expect, it, test } from 'vitest';

import { workloadProfileYaml } from '../../src/config/workload-profile.ts';
import type { LlmCall, TraceSink } from '../../src/core/trace.ts';
import { NO_TOKENS } from '../../src/core/tokens.ts';
import { profileText } from '../../src/report/profile-text.ts';
import { ProfileFold } from '../../src/workload/profile-fold.ts';
import type { ProfileOptions } from '../../src/workload/profile-fold.ts';
import type { WorkloadProfile } from '../../src/workload/workload-profile.ts';
import { sessions } from './session-arbitrary.ts';
import { llm, session, tool } from './trace-builders.ts';

function folded(add: (fold: ProfileFold) => void, options?: ProfileOptions): WorkloadProfile {
  const fold = new ProfileFold(options);
  add(fold);
  return fold.profile({ name: 'test', format: 'test', files: [] });
}

function profileOf(...calls: readonly Partial<LlmCall>[]): WorkloadProfile {
  return folded((fold) => calls.forEach((call) => fold.call(llm(call))));
}

describe('ProfileFold', () => {
  it('says unknown, not zero, for an empty trace', () => {
    const profile = profileOf();
    expect(profile.calls.count).toBe(0);
    expect(profile.arrivals).toBeNull();
    expect(profile.tokens.input).toBeNull();
    expect(profile.latency.e2eMs).toBeNull();
    expect(profile.sessions.count).toBeNull();
    expect(profile.cache).toMatchObject({ realisedHitRate: null, potentialHitRate: null });
    expect(profile.concurrency).toEqual({ calls: null, sessions: null, fanOut: null });
  });

  it('accounts for every record', () => {
    const { source } = folded((fold) => {
      fold.read(10);
      fold.skip('broken line');
      fold.skip('broken line');
      fold.skip('other');
      fold.duplicate('split message', 3);
    });
    expect(source.records).toEqual({
      read: 10,
      used: 4,
      skipped: [
        { reason: 'broken line', count: 2 },
        { reason: 'other', count: 1 },
      ],
      duplicatesSuppressed: 3,
      duplicates: [{ reason: 'split message', count: 3 }],
    });
  });

  it('gives the same figures whatever the order of the rows', () => {
    const rows = Array.from({ length: 40 }, (_, index) =>
      llm({
        startMs: 1.7e12 + index * index * 13.7,
        tokens: { ...NO_TOKENS, uncached: (index * 37) % 101, output: (index * 17) % 53 },
      }),
    );
    const inOrder = profileOf(...rows);
    assert(
      property(shuffledSubarray(rows, { minLength: rows.length }), (shuffled) => {
        expect(profileOf(...shuffled)).toEqual(inOrder);
      }),
      { numRuns: 30 },
    );
  });

  it('keeps the same sessions whatever their order, and others with another seed', () => {
    const all = Array.from({ length: 60 }, (_, index) =>
      session(`s${index}`, [[llm({ tokens: { ...NO_TOKENS, uncached: index } })]]),
    );
    const keep = (list: typeof all, seed: string): unknown =>
      folded((fold) => list.forEach((one) => fold.session(one)), { skeletons: 7, seed }).skeletons;
    const kept = keep(all, 'a');
    expect(kept).toHaveLength(7);
    expect(keep(all.toReversed(), 'a')).toEqual(kept);
    expect(keep(all, 'b')).not.toEqual(kept);
  });

  test.for([
    { why: 'few calls', calls: [{}], warning: 'NOT ENOUGH DATA: only 1 LLM call' },
    {
      why: 'missing tokens',
      calls: [{ tokensBasis: 'missing' as const }],
      warning: '100% of the calls have no token counts',
    },
    {
      why: 'estimated tokens',
      calls: [{ tokensBasis: 'estimated' as const }, {}],
      warning: '50% of the token counts are estimates',
    },
    { why: 'no clock', calls: [{ startMs: Number.NaN }], warning: 'no common clock' },
    { why: 'one instant', calls: [{}, {}], warning: 'All calls start at the same instant' },
    {
      why: 'less than a minute',
      calls: [{}, { startMs: 9500 }],
      warning: 'The calls start within 9.5 s: means per minute are scaled up',
    },
    {
      why: 'a few moments of a year',
      calls: [{}, { startMs: 365 * 24 * 3_600_000 }],
      warning: 'IDLE NEARLY ALL OF THE TIME: the calls lie scattered over 365 d',
    },
    { why: 'no sessions', calls: [{}], warning: 'The trace knows no sessions' },
  ])('warns: $why', ({ calls, warning }) => {
    expect(profileOf(...calls).warnings.join('\n')).toContain(warning);
  });

  test.for([
    { why: 'one instant without an end', starts: [0], durationMs: null },
    { why: 'from the first start to the last, at least', starts: [0, 4000], durationMs: 4000 },
  ])('session time of calls without ends: $why', ({ starts, durationMs }) => {
    const calls = starts.map((startMs) => llm({ startMs, endMs: undefined }));
    const { sessions } = folded((fold) => fold.session(session('s', [calls])));
    expect(sessions.durationMs?.mean ?? null).toBe(durationMs);
  });

  it('does not warn about few calls from 100 on', () => {
    const calls = Array.from({ length: 100 }, (_, index) => ({ startMs: index * 7000 }));
    expect(profileOf(...calls).warnings.join()).not.toContain('NOT ENOUGH DATA');
  });

  it('counts missing tokens as unknown in every figure', () => {
    const { tokens, calls } = profileOf(
      { tokens: { ...NO_TOKENS, uncached: 50 } },
      { tokensBasis: 'missing', tokens: NO_TOKENS },
    );
    expect(calls.count).toBe(2);
    expect(tokens.input).toMatchObject({ n: 1, mean: 50 });
  });

  it('does not take unreported cache use for a hit rate of zero', () => {
    expect(profileOf({}).cache.realisedHitRate).toBeNull();
    const wrote = profileOf({ tokens: { ...NO_TOKENS, cacheWrite5m: 10 } });
    expect(wrote.cache.realisedHitRate).toBe(0);
    const read = profileOf({ tokens: { ...NO_TOKENS, uncached: 1, cacheRead: 3 } });
    expect(read.cache.realisedHitRate).toBe(0.75);
  });

  it('separates embeddings, attempts and errors', () => {
    const { calls } = profileOf(
      { operation: 'embedding' },
      { attempts: [{ startMs: 0, status: 429 }, { startMs: 5 }] },
      { error: 'overloaded' },
    );
    expect(calls).toMatchObject({ count: 2, attempts: 3, errors: 1, embeddings: 1 });
  });

  it('measures time per token after the first', () => {
    const { latency } = profileOf({
      startMs: 0,
      endMs: 1100,
      ttftMs: 100,
      tokens: { ...NO_TOKENS, output: 11 },
    });
    expect(latency.itlMs).toMatchObject({ n: 1, mean: 100 });
    expect(profileOf({ tokens: { ...NO_TOKENS, output: 1 }, ttftMs: 1 }).latency.itlMs).toBeNull();
  });

  it('says nothing about arrivals across sessions that count from their own start', () => {
    const { arrivals, concurrency, turns } = folded((fold) => {
      fold.session(session('a', [[llm({ startMs: 0 })]], { relativeTime: true }));
      fold.session(session('b', [[llm({ startMs: 0 })]], { relativeTime: true }));
    });
    expect(arrivals).toBeNull();
    expect(concurrency.sessions).toBeNull();
    expect(concurrency.calls).toBeNull();
    expect(turns.llmCallsPerTurn).toMatchObject({ n: 2, mean: 1 });
  });

  it('gives times from the start of the trace no calendar', () => {
    expect(profileOf({ startMs: 0 }, { startMs: 3000 }).window).toEqual({
      start: null,
      end: null,
      durationSeconds: 3,
    });
    expect(profileOf({ startMs: 1_700_158_623_979.96 }).window.start).toBe(
      '2023-11-16T18:17:03.979Z',
    );
  });

  it('counts turns, tools, state, waits and fan-out', () => {
    const profile = folded((fold) =>
      fold.session({
        id: 'a',
        turns: [
          {
            startMs: 0,
            endMs: 5000,
            steps: [
              llm({ id: 'a', startMs: 0, endMs: 1000 }),
              tool({ id: 'b', after: ['a'], startMs: 1000, endMs: 1200 }),
              tool({ id: 'c', after: ['a'], startMs: 1000, endMs: 1400, error: true }),
              llm({ id: 'd', after: ['b'], startMs: 2000, endMs: 3000 }),
              llm({ id: 'e', after: ['c'], startMs: 2500, endMs: 3500 }),
              { kind: 'state', id: 'f', after: [], operation: 'write', startMs: 3500 },
            ],
          },
          { startMs: 9000, steps: [llm({ startMs: 9000, endMs: 9500 })] },
        ],
      }),
    );
    expect(profile.sessions.thinkMs).toMatchObject({ n: 1, mean: 4000 });
    expect(profile.sessions.durationMs).toMatchObject({ mean: 9500 });
    expect(profile.turns.llmCallsPerTurn).toMatchObject({ n: 2, mean: 2, max: 3 });
    expect(profile.turns.toolCallsPerTurn).toMatchObject({ n: 2, mean: 1 });
    expect(profile.turns.durationMs).toMatchObject({ n: 2, max: 5000, min: 500 });
    expect(profile.concurrency.fanOut).toMatchObject({ max: 2, min: 1 });
    expect(profile.tools).toMatchObject({ search: { calls: 2, errors: 1 } });
    expect(profile.tools['search']!.durationMs).toMatchObject({ n: 2, mean: 300 });
    expect(profile.state).toEqual({ reads: 0, writes: 1, sizes: null });
  });

  it('holds for any sessions: consistent counts, no NaN, dependencies point back', () => {
    assert(
      property(sessions(), (list) => {
        const profile = folded((fold) => list.forEach((one) => fold.session(one)));
        const steps = list.flatMap(({ turns }) => turns.flatMap((turn) => turn.steps));
        expect(profile.calls.count).toBe(steps.filter(({ kind }) => kind === 'llm').length);
        let tools = 0;
        for (const { calls } of Object.values(profile.tools)) tools += calls;
        expect(tools).toBe(steps.filter(({ kind }) => kind === 'tool').length);
        expect(nonFinite(profile)).toEqual([]);
        for (const turn of profile.skeletons.flatMap(({ turns }) => turns)) {
          const seen = new Set<string>();
          for (const { id, after } of turn.steps) {
            for (const name of after) expect(seen).toContain(name);
            seen.add(id);
          }
          expect(turn.thinkMs).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('carries no id, hash, error text or place of the input', () => {
    const profile = folded((fold) => {
      fold.session(
        session(
          'CANARY-session',
          [
            [
              llm({ id: 'CANARY-a', error: 'CANARY', finishReason: 'CANARY', agent: 'CANARY' }),
              tool({ id: 'CANARY-b', after: ['CANARY-a'], argumentsHash: 'CANARY' }),
            ],
          ],
          { user: 'CANARY', agent: 'CANARY' },
        ),
      );
      const sink: TraceSink = fold;
      sink.skip('broken line', 'CANARY.jsonl:7');
    });
    expect(workloadProfileYaml(profile)).not.toContain('CANARY');
    expect(profileText(profile)).not.toContain('CANARY');
  });

  it('continues as a sketch beyond its limit without losing a call', () => {
    assert(
      property(
        array(integer({ min: 0, max: 1e6 }), { minLength: 30, maxLength: 60 }),
        (offsets) => {
          const calls = offsets.map((offset) =>
            llm({ startMs: 1.7e12 + offset, tokens: { ...NO_TOKENS, uncached: offset % 997 } }),
          );
          const add = (fold: ProfileFold): void => calls.forEach((call) => fold.call(call));
          const exact = folded(add);
          const sketch = folded(add, { exactCalls: 10 });
          expect(sketch.calls).toEqual(exact.calls);
          expect(sketch.tokens.input!.exact).toBe(false);
          expect(sketch.tokens.input!.sum).toBe(exact.tokens.input!.sum);
          expect(sketch.window).toEqual(exact.window);
          expect(sketch.arrivals!.ratePerSecond).toBeCloseTo(exact.arrivals!.ratePerSecond, 6);
          expect(nonFinite(sketch)).toEqual([]);
        },
      ),
      { numRuns: 50 },
    );
  });
});

/** Paths of numbers that JSON cannot carry. */
function nonFinite(value: unknown, path = ''): string[] {
  if (typeof value === 'number') return Number.isFinite(value) ? [] : [path];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) => nonFinite(part, `${path}.${key}`));
}
