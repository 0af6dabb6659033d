import { assert, integer, array, property } from 'fast-check';
import { describe, expect, it, test } from 'vitest';

import type { LlmCall, Session } from '../../src/core/trace.ts';
import { NO_TOKENS } from '../../src/core/tokens.ts';
import { readTraces } from '../../src/traces/read.ts';
import { betterTtl } from '../../src/workload/cache-lifetime.ts';
import { CacheFold } from '../../src/workload/cacheability.ts';
import { ReuseDistances } from '../../src/workload/reuse-distance.ts';
import { LruBlocks } from '../../src/workload/lru-blocks.ts';
import { noTraces, sharedTrace } from '../traces/collected.ts';
import { llm, session } from './trace-builders.ts';

const MINUTE = 60_000;

function prefixed(startMs: number, ids: number[], fields: Partial<LlmCall> = {}): LlmCall {
  const input = ids.length * 10;
  return llm({
    startMs,
    endMs: startMs,
    tokens: { ...NO_TOKENS, uncached: input, output: 1 },
    prefix: { blockTokens: 10, ids },
    ...fields,
  });
}

describe('prefix reuse', () => {
  test('the Mooncake figures to the printed digits', { skip: noTraces }, async () => {
    const capacities = [1000, 10_000, 30_000, 50_000, 100_000, 5859];
    const fold = new CacheFold(capacities);
    await readTraces([sharedTrace('mooncake-fast25/conversation_trace.jsonl')], {
      call: (call) => fold.call(call),
      session: () => {},
      read: () => {},
      skip: () => {},
      duplicate: () => {},
    });
    const { potentialHitRate, prefix, scope } = fold.figures(null);
    expect(scope).toBe('trace');
    expect(potentialHitRate!.toFixed(6)).toBe('0.373624');
    expect(prefix!.blockHitRate.toFixed(6)).toBe('0.366412');
    expect([prefix!.blocks, prefix!.uniqueBlocks]).toEqual([288_500, 182_790]);
    expect((prefix!.usedOnceShare * 100).toFixed(2)).toBe('75.85');
    expect(prefix!.meanCallHitRate.toFixed(4)).toBe('0.4094');
    expect(prefix!.lru.slice(0, 5).map(({ hitRate }) => hitRate.toFixed(6))).toEqual([
      '0.045356',
      '0.215306',
      '0.332114',
      '0.361530',
      '0.370844',
    ]);
    // 3 M tokens reach 37.0 % of the maximum.
    expect(prefix!.lru[5]!.tokens).toBe(5859 * 512);
    expect((prefix!.lru[5]!.hitRate / potentialHitRate!).toFixed(3)).toBe('0.370');
  });

  test.for([
    { why: 'the first call misses', calls: [prefixed(0, [1, 2])], hit: 0 },
    {
      why: 'equal prefix hits, the new tail does not',
      calls: [prefixed(0, [1, 2]), prefixed(1, [1, 2, 3])],
      hit: 20 / 50,
    },
    {
      why: 'nothing counts after the first unknown block',
      calls: [prefixed(0, [1, 2, 3]), prefixed(1, [9, 2, 3])],
      hit: 0,
    },
    {
      why: 'a partial last block counts only the tokens that exist',
      calls: [
        prefixed(0, [1, 2], { tokens: { ...NO_TOKENS, uncached: 15 } }),
        prefixed(1, [1, 2], { tokens: { ...NO_TOKENS, uncached: 15 } }),
      ],
      hit: 15 / 30,
    },
  ])('$why', ({ calls, hit }) => {
    const fold = new CacheFold();
    for (const call of calls) fold.call(call);
    expect(fold.figures(null).potentialHitRate).toBeCloseTo(hit, 12);
  });

  test('lifetimes: refreshed by use, counted from the end of the last use', () => {
    const fold = new CacheFold();
    fold.call(prefixed(0, [1, 2], { endMs: 2 * MINUTE }));
    fold.call(prefixed(7 * MINUTE, [1, 2])); // 5 min after the end: still valid
    fold.call(prefixed(13 * MINUTE, [1, 2])); // 6 min: lapsed for 5 min, valid for 1 h
    fold.call(prefixed(80 * MINUTE, [1, 2])); // lapsed for both
    const { prefix } = fold.figures(null);
    expect(prefix!.ttl).toEqual({ m5: 1 / 4, h1: 2 / 4 });
    expect(prefix!.writes).toEqual({ h1Tokens: 40, rewrittenTokens: 20, cheaper: '5m' });
  });

  test('session prefixes do not meet across sessions unless the trace says so', () => {
    const build = (scope: 'trace' | 'session' | undefined): Session[] =>
      ['a', 'b'].map((id) =>
        session(id, [[prefixed(0, [1, 2], { prefix: { blockTokens: 10, ids: [1, 2], scope } })]]),
      );
    const hitOf = (scope: 'trace' | 'session' | undefined): number | null => {
      const fold = new CacheFold();
      for (const one of build(scope)) fold.session(one);
      return fold.figures(null).potentialHitRate;
    };
    expect(hitOf(undefined)).toBe(0);
    expect(hitOf('session')).toBe(0);
    expect(hitOf('trace')).toBe(0.5);
  });

  it('knows nothing without prefixes', () => {
    const fold = new CacheFold();
    fold.call(llm({}));
    expect(fold.figures(null)).toMatchObject({ potentialHitRate: null, prefix: null });
  });

  test('break-even of the two lifetimes lies at L/W = 0.652', () => {
    expect(betterTtl(1000, 651)).toBe('5m');
    expect(betterTtl(1000, 653)).toBe('1h');
    expect(betterTtl(0, 0)).toBeNull();
  });
});

describe('LruBlocks', () => {
  it('holds what a plain list would hold', () => {
    assert(
      property(
        integer({ min: 1, max: 6 }),
        array(integer({ min: 0, max: 9 })),
        (capacity, uses) => {
          const cache = new LruBlocks(capacity);
          let list: number[] = [];
          for (const id of uses) {
            cache.use(id);
            list = [...list.filter((other) => other !== id), id].slice(-capacity);
            for (let other = 0; other <= 9; other += 1) {
              expect(cache.has(other)).toBe(list.includes(other));
            }
          }
        },
      ),
    );
  });
});

describe('miss causes', () => {
  const details = { route: 'a', toolsHash: 't', systemHash: 's' };
  const used = (
    startMs: number,
    [uncached, cacheRead, cacheWrite5m]: readonly [number, number, number],
    fields: Partial<LlmCall> = {},
  ): LlmCall =>
    llm({
      startMs,
      endMs: startMs + 1000,
      tokens: { ...NO_TOKENS, uncached, cacheRead, cacheWrite5m, output: 1 },
      ...fields,
    });

  test.for([
    { why: 'a warm call is no miss', next: used(10_000, [500, 5000, 0]), cause: undefined },
    { why: 'late by more than 5 min', next: used(6 * MINUTE, [500, 0, 5000]), cause: 'ttlLapsed' },
    {
      why: 'another model comes before the lapse',
      next: used(6 * MINUTE, [500, 0, 5000], { model: 'other' }),
      cause: 'modelSwitched',
    },
    { why: 'a shorter prompt was cut', next: used(10_000, [2000, 0, 0]), cause: 'contextCut' },
    {
      why: 'another deployment has a cache of its own',
      next: used(6 * MINUTE, [500, 0, 5000], { details: { ...details, route: 'b' } }),
      cause: 'routeSwitched',
    },
    {
      why: 'other tools change the prompt from its start',
      next: used(10_000, [5500, 0, 0], {
        details: { ...details, toolsHash: 'u', systemHash: 't' },
      }),
      cause: 'toolsChanged',
    },
    {
      why: 'another system prompt',
      next: used(10_000, [5500, 0, 0], { details: { ...details, systemHash: 't' } }),
      cause: 'systemChanged',
    },
    {
      why: 'a source that does not tell the route says nothing of it',
      next: used(6 * MINUTE, [500, 0, 5000], { details: { toolsHash: 't' } }),
      cause: 'ttlLapsed',
    },
    {
      why: 'a provider that says why is believed before any guess',
      next: used(6 * MINUTE, [500, 0, 5000], { details: { missReason: 'tools' } }),
      cause: 'toolsChanged',
    },
    {
      why: 'blocks that leave those before show an edit',
      next: used(6 * MINUTE, [5500, 0, 0], { prefix: { blockTokens: 1000, ids: [1, 9, 8, 7, 6] } }),
      cause: 'messagesChanged',
    },
    {
      why: 'the last block before was partial: a new one in its place is no edit',
      next: used(6 * MINUTE, [5500, 0, 0], {
        prefix: { blockTokens: 1000, ids: [1, 2, 3, 4, 9, 10] },
      }),
      cause: 'ttlLapsed',
    },
    { why: 'nothing explains it', next: used(10_000, [5500, 0, 0]), cause: 'unexplained' },
    {
      why: 'another agent starts cold',
      next: used(10_000, [5500, 0, 0], { agent: 'sub' }),
      cause: 'coldStart',
    },
  ])('$why', ({ next, cause }) => {
    const fold = new CacheFold();
    const prefix = { blockTokens: 1000, ids: [1, 2, 3, 4, 5] };
    const first = used(0, [0, 0, 5000], { model: 'm', details, prefix });
    fold.session(session('a', [[first, { model: 'm', ...next, id: 'b' }]]));
    const { causes } = fold.figures(0.5).misses!;
    const found = Object.entries(causes).flatMap(([name, count]) =>
      Array.from({ length: count!.calls }, () => name),
    );
    expect(found.toSorted()).toEqual(
      ['coldStart', ...(cause === undefined ? [] : [cause])].toSorted(),
    );
  });

  it('says nothing when the source reports no cache', () => {
    const fold = new CacheFold();
    fold.session(session('a', [[used(0, [100, 0, 0])]]));
    expect(fold.figures(null).misses).toBeNull();
  });
});

describe('reuse', () => {
  it('counts blocks by the time they lay idle, and by what came between', () => {
    const fold = new CacheFold([1, 2, 3]);
    // Blocks 1 and 2 come back after 5 s (one block between them), block 1 again after 2 minutes.
    for (const call of [
      prefixed(0, [1, 2]),
      prefixed(1000, [3]),
      prefixed(5000, [1, 2]),
      prefixed(125_000, [1]),
    ]) {
      fold.call(call);
    }
    const { reuseTimes, reuseDistances } = fold.figures(null).prefix!;
    const share = Object.fromEntries(
      reuseTimes!.map(({ seconds, share: part }) => [seconds, part]),
    );
    expect(share).toEqual({ 1: 0, 10: 2 / 3, 60: 2 / 3, 300: 1, 3600: 1 });
    expect(reuseDistances).toEqual([
      { blocks: 1, share: 0 },
      { blocks: 2, share: 1 / 3 },
      { blocks: 3, share: 1 },
    ]);
  });

  it('has the distances that a list of recent blocks gives', () => {
    assert(
      property(array(integer({ min: 0, max: 8 }), { maxLength: 60 }), (blocks) => {
        const limits = [1, 2, 3, 5, 8];
        const distances = new ReuseDistances(blocks.length, limits);
        const found: number[] = [];
        let recent: number[] = [];
        for (const block of blocks) {
          distances.use(block);
          const at = recent.indexOf(block);
          if (at !== -1) found.push(at + 1);
          recent = [block, ...recent.filter((one) => one !== block)];
        }
        expect(distances.shares()).toEqual(
          found.length === 0
            ? []
            : limits.map((limit) => ({
                blocks: limit,
                share: found.filter((distance) => distance <= limit).length / found.length,
              })),
        );
      }),
    );
  });
});
