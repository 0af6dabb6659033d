import { array, assert, integer, property, record } from 'fast-check';
import { describe, expect, it, test } from 'vitest';

import { hashOfText } from '../../src/core/text-hash.ts';
import { NO_TOKENS } from '../../src/core/tokens.ts';
import type { TokenRecord } from '../../src/core/tokens.ts';
import type { LlmCall, Session } from '../../src/core/trace.ts';
import { randomStreams } from '../../src/core/random.ts';
import { CacheFold } from '../../src/workload/cacheability.ts';
import type { CacheLifetimes, Patterns } from '../../src/workload/lifetime-fold.ts';
import { LifetimePart, LifetimeSums } from '../../src/workload/lifetime-sums.ts';
import { llm, session } from './trace-builders.ts';

const MINUTE = 60_000;

function used(
  minute: number,
  tokens: Partial<TokenRecord>,
  fields: Partial<LlmCall> = {},
): LlmCall {
  return llm({
    startMs: minute * MINUTE,
    tokens: { ...NO_TOKENS, ...tokens, output: 1 },
    ...fields,
  });
}

function prefixed(minute: number, ids: number[], fields: Partial<LlmCall> = {}): LlmCall {
  const scope = fields.prefix?.scope;
  const startMs = minute * MINUTE;
  return llm({
    startMs,
    endMs: startMs,
    tokens: { ...NO_TOKENS, uncached: ids.length * 10, output: 1 },
    ...fields,
    prefix: { blockTokens: 10, ids, ...(scope === undefined ? {} : { scope }) },
  });
}

function lifetimesOf(sessions: readonly Session[], patterns?: Patterns): CacheLifetimes | null {
  const fold = new CacheFold();
  for (const one of sessions) fold.session(one);
  return fold.figures(0.5, patterns).lifetimes ?? null;
}

/** First call writes 5,000 tokens for five minutes; the second reads or writes as told. */
function pair(
  minute: number,
  tokens: Partial<TokenRecord>,
  first: Partial<TokenRecord> = {},
): Session {
  const before = used(0, { uncached: 10, cacheWrite5m: 5000, ...first });
  return session('s', [[before, used(minute, tokens)]]);
}

describe('what either lifetime makes of reported usage', () => {
  test.for([
    {
      why: 'a warm call is read with either',
      of: pair(2, { cacheRead: 5000, cacheWrite5m: 100 }),
      tokens: { written: 5100, rewritten: 0, read: 5000, uncached: 10 },
    },
    {
      why: 'lost after 6 minutes: an hour would have read it, the new tail is written anyway',
      of: pair(6, { cacheWrite5m: 5100 }),
      tokens: { written: 5100, rewritten: 5000, read: 0, uncached: 10 },
    },
    {
      why: 'lost after two hours: neither keeps it',
      of: pair(120, { cacheWrite5m: 5100 }),
      tokens: { written: 10_100, rewritten: 0, read: 0, uncached: 10 },
    },
    {
      why: 'an hour paid and used after 6 minutes: five minutes would write again',
      of: pair(6, { cacheRead: 5000, cacheWrite1h: 100 }, { cacheWrite5m: 0, cacheWrite1h: 5000 }),
      tokens: { written: 5100, rewritten: 5000, read: 0, uncached: 10 },
    },
    {
      why: 'five minutes paid, yet warm after 6: others kept it so',
      of: pair(6, { cacheRead: 5000, cacheWrite5m: 100 }),
      tokens: { written: 5100, rewritten: 0, read: 5000, uncached: 10 },
    },
    {
      why: 'lost to another model: no lifetime helps',
      of: session('s', [
        [used(0, { cacheWrite5m: 5000 }), used(6, { cacheWrite5m: 5100 }, { model: 'other' })],
      ]),
      tokens: { written: 10_100, rewritten: 0, read: 0, uncached: 0 },
    },
    {
      why: 'a source without writes caches the whole prompt; a read after 6 minutes outlived five',
      of: session('s', [
        [used(0, { uncached: 5000 }), used(6, { uncached: 100, cacheRead: 5000 })],
      ]),
      tokens: { written: 5100, rewritten: 5000, read: 0, uncached: 0 },
    },
  ])('$why', ({ of, tokens }) => {
    const { all, basis } = lifetimesOf([of])!;
    expect(basis).toBe('usage');
    expect(all.tokens).toEqual(tokens);
  });

  it('says nothing of a source without cache figures, nor of calls without times', () => {
    expect(lifetimesOf([session('s', [[used(0, { uncached: 100 })]])])).toBeNull();
    const untimed = [used(Number.NaN, { cacheWrite5m: 100 }), used(Number.NaN, { cacheRead: 100 })];
    expect(lifetimesOf([session('s', [untimed])])).toBeNull();
  });
});

describe('the choice per agent', () => {
  it('tells a waiting main agent from its quick sub-agents', () => {
    const one = session(
      's',
      [
        [
          used(0, { cacheWrite5m: 1000 }),
          used(1, { cacheWrite5m: 1000 }, { agent: 'Explore' }),
          used(2, { cacheRead: 1000, cacheWrite5m: 1000 }, { agent: 'Explore' }),
          used(3, { cacheWrite5m: 500 }, { agent: 'Explore 2' }),
          used(20, { cacheWrite5m: 1100 }),
          used(50, { cacheWrite5m: 1200 }),
        ],
      ],
      { agent: 'claude-code' },
    );
    const { agents, agentCount, all, own } = lifetimesOf([one])!;
    expect(agentCount).toBe(2);
    expect(agents).toMatchObject([
      {
        agent: 'Explore',
        calls: 3,
        tokens: { written: 2500, rewritten: 0, read: 1000, uncached: 0 },
        cheaper: '5m',
      },
      {
        agent: 'claude-code',
        calls: 3,
        samples: 1,
        tokens: { written: 1200, rewritten: 2100, read: 0, uncached: 0 },
        rewrittenPerWritten: 1.75,
        cheaper: '1h',
        ci95: null,
      },
    ]);
    // 1.25 (W + L) + 0.1 R against 2 W + 0.1 (L + R), over W + L + R.
    expect(agents[1]!.bill!.m5).toBeCloseTo(1.25, 12);
    expect(agents[1]!.bill!.h1).toBeCloseTo((2 * 1200 + 0.1 * 2100) / 3300, 12);
    expect(agents[1]!.hourSaves).toBeCloseTo(1 - (2 * 1200 + 0.1 * 2100) / (1.25 * 3300), 12);
    expect(all.calls).toBe(6);
    // Explore at 1.25 · 2,500 + 0.1 · 1,000, claude-code at 2 · 1,200 + 0.1 · 2,100.
    expect(own!.bill).toBeCloseTo((3225 + 2610) / 6800, 12);
    expect(own!.saves).toBeCloseTo(1 - 5835 / (1.25 * 5800 + 0.1 * 1000), 12);
  });

  test.for([
    { why: 'one of several of a kind', agent: 'Explore 12', shown: 'Explore' },
    { why: 'an id of hexadecimal digits', agent: 'agent-a1b2c3d4', shown: 'sub-agent' },
    { why: 'a UUID', agent: '5f3c9d1e-0000-4000-8000-7f1b2c3d4e5f', shown: 'sub-agent' },
    { why: 'a name with a number in it', agent: 'gpt-4o researcher', shown: 'gpt-4o researcher' },
  ])('names agents by kind, never by id: $why', ({ agent, shown }) => {
    const one = session('s', [[used(0, { cacheWrite5m: 100 }, { agent })]]);
    expect(lifetimesOf([one])!.agents[0]!.agent).toBe(shown);
  });

  it('groups agents without names by what sets their user off', () => {
    const of = (user: string): Session => ({
      ...session(user, [[used(0, { cacheWrite5m: 100 })]]),
      user,
    });
    const fold = new CacheFold();
    for (const user of ['a', 'b', 'c']) fold.session(of(user));
    const numbers: number[] = [];
    fold.sharedState((client) => numbers.push(client));
    const { agents } = fold.figures(null, {
      whole: 'batch',
      ofClients: () => new Map(numbers.slice(0, 2).map((client) => [client, 'periodic'] as const)),
    }).lifetimes!;
    expect(agents.map(({ agent, pattern, calls }) => ({ agent, pattern, calls }))).toEqual([
      { agent: null, pattern: 'periodic', calls: 2 },
      { agent: null, pattern: null, calls: 1 },
    ]);
  });

  it('keeps a limited number of users apart, the same ones in parts as in the whole', () => {
    const all = Array.from({ length: 5000 }, (_, index) => ({
      ...session(`s${index}`, [[used(0, { cacheWrite5m: index + 1 })]]),
      user: `user ${index}`,
    }));
    const folded = (sessions: readonly Session[]): CacheFold => {
      const fold = new CacheFold();
      for (const one of sessions) fold.session(one);
      return fold;
    };
    const whole = folded(all);
    const merged = new CacheFold();
    for (const part of [all.slice(3000), all.slice(0, 3000)]) {
      merged.merge(structuredClone(folded(part).state()));
    }
    expect(merged.state().lifetimes).toEqual(whole.state().lifetimes);
    expect(whole.state().lifetimes.agents).toHaveLength(4097);
    expect(merged.figures(null)).toEqual(whole.figures(null));
  });

  it('lets no user leave in a shared state, by name or by its plain hash', () => {
    const fold = new CacheFold();
    const trace = { blockTokens: 10, ids: [1], scope: 'trace' } as const;
    for (const call of [used(0, { cacheWrite5m: 9 }), prefixed(0, [1], { prefix: trace })]) {
      fold.session({ ...session('s', [[call]]), user: 'CANARY' });
    }
    const state = JSON.stringify(fold.sharedState(() => 4711));
    expect(state).not.toContain('CANARY');
    expect(state).not.toContain(String(hashOfText('CANARY')));
    expect(state.match(/u:4711/g)).toHaveLength(2);
  });

  it('adds up over agents and equals the whole of the prefixes, whatever their scope', () => {
    const one = record({
      minute: integer({ min: 0, max: 200 }),
      ids: array(integer({ min: 0, max: 3 }), { maxLength: 4 }),
      agent: integer({ min: 0, max: 2 }),
    });
    assert(
      property(
        array(array(one, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 5 }),
        integer({ min: 0, max: 1 }),
        (lists, isTrace) => {
          const scope = isTrace === 1 ? 'trace' : 'session';
          const sessions = lists.map((list, index) =>
            session(`s${index}`, [
              list.map(({ minute, ids, agent }, at) =>
                prefixed(minute + index / 7 + at / 100, ids, {
                  agent: ['Plan', 'Explore', undefined][agent],
                  prefix: { blockTokens: 10, ids, scope },
                }),
              ),
            ]),
          );
          const fold = new CacheFold();
          for (const each of sessions) fold.session(each);
          const { prefix, lifetimes } = fold.figures(null);
          const { agents, all } = lifetimes!;
          expect(all.tokens.written).toBe(prefix!.writes.h1Tokens);
          expect(all.tokens.rewritten).toBe(prefix!.writes.rewrittenTokens);
          expect(all.cheaper).toBe(prefix!.writes.cheaper);
          expect(all.samples).toBe(sessions.length);
          for (const name of ['written', 'rewritten', 'read'] as const) {
            expect(agents.reduce((sum, { tokens }) => sum + tokens[name], 0)).toBe(
              all.tokens[name],
            );
          }
        },
      ),
    );
  });

  it('takes tenths of a trace without sessions as samples', () => {
    const fold = new CacheFold();
    for (let minute = 0; minute < 100; minute += 1) fold.call(prefixed(minute, [1, minute + 2]));
    const { all } = fold.figures(null).lifetimes!;
    expect(all).toMatchObject({ calls: 100, samples: 10, cheaper: '5m' });
    expect(all.ci95![0]).toBeLessThan(all.hourSaves!);
    expect(all.ci95![1]).toBeGreaterThan(all.hourSaves!);
  });
});

describe('the interval of what an hour saves', () => {
  const sums = (parts: readonly { written: number; rewritten: number; read: number }[]) => {
    const all = new LifetimeSums();
    for (const { written, rewritten, read } of parts) {
      all.add(Object.assign(new LifetimePart(), { calls: 1, written, rewritten, read }));
    }
    return all;
  };

  it('is unknown for fewer than 10 sessions and nil when all are alike', () => {
    const alike = { written: 100, rewritten: 30, read: 1000 };
    expect(sums(Array.from({ length: 9 }, () => alike)).savingInterval()).toBeNull();
    const [low, high] = sums(Array.from({ length: 10 }, () => alike)).savingInterval()!;
    const ratio = (1.15 * 30 - 0.75 * 100) / (1.25 * 130 + 0.1 * 1000);
    expect(low).toBeCloseTo(ratio, 6);
    expect(high).toBeCloseTo(ratio, 6);
  });

  it('holds the truth in nearly 95 of 100 draws of 40 uneven sessions', () => {
    const random = randomStreams('lifetimes')('sessions');
    // Log-normal sizes; of each session a part u² of what is written comes back late.
    const draw = () => {
      const size = Math.exp(random.normal());
      const late = random.uniform() ** 2;
      return { written: 100 * size, rewritten: 180 * size * late, read: 500 * size };
    };
    const truth = (1.15 * 60 - 0.75 * 100) / (1.25 * 160 + 0.1 * 500);
    let held = 0;
    for (let trial = 0; trial < 400; trial += 1) {
      const [low, high] = sums(Array.from({ length: 40 }, draw)).savingInterval()!;
      if (low <= truth && truth <= high) held += 1;
    }
    expect(held / 400).toBeGreaterThan(0.88);
    expect(held / 400).toBeLessThan(0.99);
  });
});

describe('hits by session', () => {
  it('parts the possible hits into those of the session and those of others only', () => {
    const sessions = [
      session('a', [
        [prefixed(0, [1, 2], { prefix: trace }), prefixed(1, [1, 2, 3], { prefix: trace })],
      ]),
      session('b', [
        [prefixed(2, [1, 9], { prefix: trace }), prefixed(3, [1, 9], { prefix: trace })],
      ]),
    ];
    const fold = new CacheFold();
    for (const one of sessions) fold.session(one);
    const { prefix, potentialHitRate } = fold.figures(null);
    // a: 20 of 30 own; b: block 1 of a, then 20 own. Input 20 + 30 + 20 + 20.
    expect(prefix!.bySession).toEqual({ same: 40 / 90, others: 10 / 90 });
    expect(potentialHitRate).toBeCloseTo(50 / 90, 12);
  });

  test.for([
    { why: 'calls belong to no session', calls: [prefixed(0, [1])], sessions: [] },
    {
      why: 'prefixes are known within sessions only',
      calls: [],
      sessions: [session('a', [[prefixed(0, [1]), prefixed(1, [1])]])],
    },
  ])('is unknown when $why', ({ calls, sessions }) => {
    const fold = new CacheFold();
    for (const call of calls) fold.call(call);
    for (const one of sessions) fold.session(one);
    expect(fold.figures(null).prefix!.bySession).toBeNull();
  });

  it('tells from usage who had left what was read', () => {
    const fold = new CacheFold();
    fold.session(
      session('a', [
        [
          used(0, { cacheRead: 700, cacheWrite5m: 300 }),
          used(1, { cacheRead: 1000, cacheWrite5m: 50 }),
          used(2, { cacheRead: 400, cacheWrite5m: 50 }, { agent: 'Explore' }),
          used(9, { cacheRead: 600, cacheWrite5m: 500 }),
        ],
      ]),
    );
    expect(fold.figures(0.5).misses!.reads).toEqual({
      otherSessions: 700,
      sameSession: 1000,
      unclear: 1000,
    });
  });
});

const trace = { blockTokens: 10, ids: [], scope: 'trace' } as const;
