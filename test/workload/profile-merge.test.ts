import { array, assert, boolean, integer, option, property, record, tuple } from 'fast-check';
import type { Arbitrary } from 'fast-check';
import { describe, expect, it, test } from 'vitest';

import type {
  CallDetails,
  EstimateReport,
  LlmCall,
  Session,
  UsageBucket,
} from '../../src/core/trace.ts';
import { NO_TOKENS } from '../../src/core/tokens.ts';
import { ProfileFold } from '../../src/workload/profile-fold.ts';
import type { ProfileOptions } from '../../src/workload/profile-fold.ts';
import type { WorkloadProfile } from '../../src/workload/workload-profile.ts';
import { sessions } from './session-arbitrary.ts';
import { llm, session, tool } from './trace-builders.ts';

type Item =
  | { readonly kind: 'call'; readonly call: LlmCall }
  | { readonly kind: 'session'; readonly session: Session }
  | { readonly kind: 'bucket'; readonly bucket: UsageBucket }
  | { readonly kind: 'estimate'; readonly report: EstimateReport }
  | { readonly kind: 'skip' | 'duplicate'; readonly reason: string };

const amount = integer({ min: 0, max: 5000 });

/** Bare calls: fractional times, ties, no time at all, prefixes of few blocks (so that they repeat). */
function calls(ties: boolean): Arbitrary<LlmCall[]> {
  const one = record({
    at: integer({ min: 0, max: 900_000 }),
    ms: option(integer({ min: 0, max: 90_000 }), { nil: undefined }),
    uncached: amount,
    cacheRead: amount,
    output: amount,
    model: integer({ min: 0, max: 3 }),
    blocks: option(array(integer({ min: 0, max: 4 }), { maxLength: 5 }), { nil: undefined }),
    isTimed: integer({ min: 0, max: 9 }),
  });
  return array(one, { maxLength: 40, size: 'max' }).map((list) =>
    list.map(({ at, ms, uncached, cacheRead, output, model, blocks, isTimed }, index) => {
      const startMs = 1.7e12 + (ties ? Math.floor(at / 30_000) * 30_000 : at * 40 + index) + 0.123;
      const isKnown = isTimed > 0 || blocks !== undefined;
      return llm({
        startMs: isKnown ? startMs : Number.NaN,
        endMs: ms === undefined || !isKnown ? undefined : startMs + ms / 7,
        tokens: { ...NO_TOKENS, uncached, cacheRead, output },
        model: `model-${model}`,
        details: detailsOf(uncached, model),
        ...(blocks === undefined ? {} : { prefix: { blockTokens: 16, ids: blocks } }),
      });
    }),
  );
}

/** Few clients, prompts, routes and messages, so that all of them repeat. */
function detailsOf(number: number, client: number): CallDetails {
  const shingles = Uint32Array.from([number % 3, 5 + (number % 4), 10, 11]);
  const before = number % 5 === 0 ? undefined : number % 2;
  return {
    client: client === 0 ? undefined : `client-${client}`,
    route: `route-${number % 2}`,
    queueMs: number % 7,
    promptHash: number % 9 === 0 ? undefined : number % 11,
    ask: number % 3 === 0 ? undefined : { text: number % 6, shingles, before },
  };
}

function items(ties: boolean): Arbitrary<Item[]> {
  return tuple(calls(ties), sessions(), sessions(), boolean()).map(([bare, timed, other, mix]) => {
    // Ids repeat: parts of one session may lie in two shards.
    const relative = other.map((one, index) => ({
      ...looping({ ...one, relativeTime: true }, index),
      id: `${index}`,
    }));
    const all: Item[] = [
      ...bare.map((call) => ({ kind: 'call', call }) as const),
      ...timed.map(
        (one, index) =>
          ({ kind: 'session', session: { ...looping(one, index), id: `${index}` } }) as const,
      ),
      ...(mix ? relative : []).map((one) => ({ kind: 'session', session: one }) as const),
      ...bare.slice(0, 5).map(({ tokens, startMs }, index): Item => ({
        kind: 'bucket',
        bucket: {
          startMs: 1.7e12 + (index % 3) * 60_000,
          endMs: 1.7e12 + (index % 3) * 60_000 + 60_000,
          client: `key-${index % 2}`,
          requests: index === 4 && Number.isNaN(startMs) ? undefined : index,
          tokens,
        },
      })),
      ...(['input', 'answers'] as const).map((role): Item => ({
        kind: 'estimate',
        report: {
          role,
          calls: bare.length,
          basis: 'calibrated',
          samples: 20,
          low: 0.9,
          high: 1.1 + bare.length / 100,
        },
      })),
      { kind: 'skip', reason: 'line is not JSON' },
      { kind: 'duplicate', reason: 'seen before' },
    ];
    return all;
  });
}

/**
 * With tools that repeat their arguments, retries, and times that are no whole milliseconds: no two
 * calls of a session or of two sessions start at the same instant. Some know their prefixes, in the
 * trace or in the session, some an agent.
 */
function looping(one: Session, number: number): Session {
  let calls = 0;
  const turns = one.turns.map((turn) => ({
    ...turn,
    steps: turn.steps.map((step) => {
      if (step.kind === 'state') return { ...step, bytes: step.after.length * 100, records: 2 };
      if (step.kind === 'tool') return { ...step, name: 'search', argumentsHash: step.id };
      const { startMs } = step;
      const attempts = [{ startMs, status: 429 }, { startMs: startMs + 900 }];
      const details = detailsOf(startMs, 0);
      const error = startMs % 4 === 0 ? '500' : undefined;
      calls += 1;
      const ids = Array.from({ length: startMs % 4 }, (_, at) => at * (startMs % 2));
      // Without a clock of their own, prefixes of several sessions have no order but that of input.
      const scope: 'trace' | 'session' =
        number % 2 === 0 && one.relativeTime !== true ? 'trace' : 'session';
      return {
        ...step,
        startMs: startMs + 1 / 3 + number / 64 + calls / 4096,
        attempts,
        details,
        error,
        ...(number % 3 === 0 ? {} : { prefix: { blockTokens: 16, ids, scope } }),
      };
    }),
  }));
  return {
    ...one,
    turns,
    user: `user-${one.turns.length}`,
    agent: number % 4 === 3 ? 'planner' : undefined,
  };
}

function fold(list: readonly Item[], options?: ProfileOptions): ProfileFold {
  const result = new ProfileFold({ skeletons: 3, ...options });
  for (const item of list) {
    result.read(1);
    if (item.kind === 'call') result.call(item.call);
    else if (item.kind === 'session') result.session(item.session);
    else if (item.kind === 'bucket') result.bucket(item.bucket);
    else if (item.kind === 'estimate') result.estimates([item.report]);
    else if (item.kind === 'skip') result.skip(item.reason);
    else result.duplicate(item.reason, 1);
  }
  return result;
}

function profile(of: ProfileFold): WorkloadProfile {
  return of.profile({ name: 'test', format: 'test', files: [] });
}

function merged(parts: readonly (readonly Item[])[], options?: ProfileOptions): WorkloadProfile {
  const whole = new ProfileFold({ skeletons: 3, ...options });
  // Between threads and files states are copied, never shared.
  for (const part of parts) whole.merge(structuredClone(fold(part, options).state()));
  return profile(whole);
}

/** Deals items to parts: item i goes to parts[deal[i % deal.length] % count]. */
function dealt(list: readonly Item[], deal: readonly number[], count: number): Item[][] {
  const parts: Item[][] = Array.from({ length: count }, () => []);
  for (const [index, item] of list.entries()) parts[deal[index % deal.length]! % count]!.push(item);
  return parts;
}

const deals = array(integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 30 });
const counts = integer({ min: 1, max: 5 });

describe('merging states', () => {
  it('gives the profile of one fold, whatever goes to which part', () => {
    assert(
      property(items(false), deals, counts, (list, deal, count) => {
        expect(merged(dealt(list, deal, count))).toEqual(profile(fold(list)));
      }),
      { numRuns: 100 },
    );
  });

  it('gives it for parts in a row also when calls with prefixes start at the same instant', () => {
    assert(
      property(items(true), array(integer({ min: 0, max: 60 }), { maxLength: 4 }), (list, cuts) => {
        const at = [0, ...cuts.toSorted((a, b) => a - b), list.length];
        const parts = at.slice(1).map((end, index) => list.slice(at[index], end));
        expect(merged(parts)).toEqual(profile(fold(list)));
      }),
      { numRuns: 100 },
    );
  });

  it('puts calls of one instant in an order of their own', () => {
    const same = (index: number): Item => ({
      kind: 'call',
      call: llm({
        startMs: 1.7e12 + Math.floor(index / 30) * 1000,
        tokens: { ...NO_TOKENS, uncached: (index * 37) % 101, output: index },
      }),
    });
    const list = Array.from({ length: 200 }, (_, index) => same(index));
    expect(merged(dealt(list, [3, 1, 0, 2, 2], 4))).toEqual(profile(fold(list)));
  });

  it('does not depend on the order of the parts', () => {
    assert(
      property(items(false), deals, counts, (list, deal, count) => {
        const parts = dealt(list, deal, count);
        expect(merged(parts.toReversed())).toEqual(merged(parts));
      }),
      { numRuns: 100 },
    );
  });

  it('is exact as a sketch too, but for gaps between arrivals of interleaved parts', () => {
    const options = { exactCalls: 8 };
    const withoutGaps = ({ arrivals, warnings, ...others }: WorkloadProfile): unknown => ({
      ...others,
      warnings: warnings.filter((warning) => !warning.includes('out of order')),
      arrivals: arrivals && {
        ...arrivals,
        iatMs: null,
        iatCv: null,
        burstiness: null,
      },
    });
    assert(
      property(items(false), deals, counts, (list, deal, count) => {
        const parts = merged(dealt(list, deal, count), options);
        expect(withoutGaps(parts)).toEqual(withoutGaps(profile(fold(list, options))));
      }),
      { numRuns: 100 },
    );
  });

  it('is exact as a sketch, gaps included, for parts in a row of an input in order of time', () => {
    const options = { exactCalls: 8 };
    assert(
      property(calls(true), array(integer({ min: 0, max: 40 }), { maxLength: 4 }), (bare, cuts) => {
        const list = bare
          .filter(({ startMs }) => !Number.isNaN(startMs))
          .toSorted((a, b) => a.startMs - b.startMs)
          .map((call): Item => ({ kind: 'call', call: { ...call, prefix: undefined } }));
        const at = [0, ...cuts.toSorted((a, b) => a - b), list.length];
        const parts = at.slice(1).map((end, index) => list.slice(at[index], end));
        const whole = profile(fold(list, options));
        expect(merged(parts, options)).toEqual(whole);
        expect(whole.arrivals?.iatMs === null).toBe(list.length === 1);
      }),
      { numRuns: 100 },
    );
  });

  it('does not know the gaps between calls of parts that overlap in time', () => {
    const at = (minute: number): Item => ({
      kind: 'call',
      call: llm({ startMs: 1.7e12 + minute * 60_000 }),
    });
    const apart = [
      [at(4), at(5), at(6)],
      [at(1), at(2), at(3)],
    ];
    const options = { exactCalls: 2 };
    expect(merged(apart, options).arrivals!.iatMs).toMatchObject({ n: 5, max: 60_000 });
    const across = [
      [at(1), at(2), at(5)],
      [at(3), at(4), at(6)],
    ];
    expect(merged(across, options).arrivals!.iatMs).toBeNull();
  });

  it('keeps the same names apart when there are too many', () => {
    const list = Array.from({ length: 2500 }, (_, index): Item => ({
      kind: 'session',
      session: session(`s${index}`, [
        [llm({ model: `m${index % 1300}` }), tool({ name: `t${index}`, durationMs: index })],
      ]),
    }));
    const whole = profile(fold(list));
    expect(whole.models).toHaveLength(1001);
    expect(Object.keys(whole.tools)).toHaveLength(1001);
    expect(whole.tools['(other)']!.calls).toBe(1500);
    expect(merged(dealt(list, [2, 0, 1, 1], 3))).toEqual(whole);
  });

  test('states carry no id, text or hash of sessions', () => {
    const one = session(
      'CANARY-session',
      [
        [
          llm({ id: 'CANARY-a', error: 'CANARY', finishReason: 'CANARY', agent: 'CANARY' }),
          tool({ id: 'CANARY-b', after: ['CANARY-a'], argumentsHash: 'CANARY' }),
        ],
      ],
      { user: 'CANARY', agent: 'CANARY' },
    );
    const state = fold([{ kind: 'session', session: one }]).state();
    expect(state.skeletons.kept).toHaveLength(1);
    expect(JSON.stringify(state)).not.toContain('CANARY');
  });

  test('samples drawn by different rules do not fit', () => {
    const state = new ProfileFold({ skeletons: 3, seed: 'a' }).state();
    expect(new ProfileFold({ skeletons: 3, seed: 'a' }).fits(state)).toBe(true);
    expect(new ProfileFold({ skeletons: 3, seed: 'b' }).fits(state)).toBe(false);
    expect(new ProfileFold({ skeletons: 4, seed: 'a' }).fits(state)).toBe(false);
  });
});
