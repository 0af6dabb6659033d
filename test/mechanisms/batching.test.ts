import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { Random } from '../../src/core/random.ts';
import { BatchingEngine } from '../../src/mechanisms/batching.ts';
import type { BatchEvent, BatchingOptions, BatchRequest } from '../../src/mechanisms/batching.ts';
import { meanAccepted } from '../../src/mechanisms/speculation.ts';
import { constantTiming, linearTiming } from '../../src/mechanisms/step-timing.ts';
import type { StepShape } from '../../src/mechanisms/step-timing.ts';

interface Named extends BatchRequest {
  readonly name: string;
}

function engine(options: Partial<BatchingOptions> = {}): BatchingEngine<Named> {
  return new BatchingEngine<Named>({
    maxNumSeqs: 8,
    maxNumBatchedTokens: 256,
    kvBlocks: 1000,
    stepTimeMs: constantTiming({ ttftMs: 100, itlMs: 10 }),
    ...options,
  });
}

const ask = (name: string, promptTokens: number, outputTokens: number, more = {}): Named => ({
  name,
  promptTokens,
  outputTokens,
  ...more,
});

function drain(target: BatchingEngine<Named>): BatchEvent<Named>[] {
  const events: BatchEvent<Named>[] = [];
  for (let guard = 0; guard < 100_000; guard += 1) {
    const nextMs = target.nextEventMs();
    if (nextMs === undefined) return events;
    events.push(...target.advance(nextMs));
  }
  throw new Error('the engine never comes to rest');
}

const line = (event: BatchEvent<Named>): string =>
  `${event.atMs} ${event.request.name} ${event.kind}`;

describe('one request', () => {
  test('TTFT, then one token per ITL, then the end', () => {
    const target = engine();
    expect(target.nextEventMs()).toBeUndefined();
    expect(target.submit(5, ask('a', 100, 3))).toBe('queued');
    expect(drain(target).map(line)).toEqual([
      '105 a token',
      '115 a token',
      '125 a token',
      '125 a finish',
    ]);
    expect(target.counters()).toMatchObject({ running: 0, waiting: 0, kvUsage: 0, steps: 3 });
  });

  test('a prompt longer than the token budget takes several steps', () => {
    const target = engine();
    target.submit(0, ask('a', 1000, 1));
    expect(drain(target).map(line)).toEqual(['400 a token', '400 a finish']);
    expect(target.counters().computedTokens).toBe(1000);
  });

  test('no output ends with the prompt', () => {
    const target = engine();
    target.submit(0, ask('embedding', 10, 0));
    expect(drain(target).map(line)).toEqual(['100 embedding finish']);
  });

  test('larger than the KV cache is refused for good', () => {
    expect(engine({ kvBlocks: 4 }).submit(0, ask('a', 60, 4))).toBe('queued');
    expect(engine({ kvBlocks: 4 }).submit(0, ask('a', 60, 5))).toBe('too-large');
  });
});

describe('sharing a step', () => {
  test('requests of one instant start together; a later one joins the next step', () => {
    const target = engine();
    target.submit(0, ask('a', 10, 3));
    target.submit(0, ask('b', 10, 3));
    expect(target.advance(0)).toEqual([]);
    target.submit(50, ask('c', 10, 1));
    expect(drain(target).map(line)).toEqual([
      '100 a token',
      '100 b token',
      '200 a token', // the step of c's prompt
      '200 b token',
      '200 c token',
      '200 c finish',
      '210 a token',
      '210 a finish',
      '210 b token',
      '210 b finish',
    ]);
  });

  test('a caller that submits late still gets the steps that were due before', () => {
    const target = engine();
    target.submit(0, ask('a', 10, 2));
    target.submit(105, ask('b', 10, 1));
    expect(target.nextEventMs()).toBe(100);
    expect(drain(target).map(line)).toEqual([
      '100 a token',
      '110 a token',
      '110 a finish',
      '210 b token',
      '210 b finish',
    ]);
  });

  test('at most maxNumSeqs run; the queue is served in order and bounded', () => {
    const target = engine({ maxNumSeqs: 1, maxWaiting: 2 });
    target.submit(0, ask('a', 10, 1));
    target.submit(0, ask('b', 10, 1));
    expect(target.submit(0, ask('c', 10, 1))).toBe('queue-full');
    expect(
      drain(target)
        .filter(({ kind }) => kind === 'finish')
        .map(line),
    ).toEqual(['100 a finish', '200 b finish']);
  });

  test('the step is described to the timing function', () => {
    const shapes: StepShape[] = [];
    const target = engine({
      stepTimeMs: (step) => {
        shapes.push({ ...step });
        return 1;
      },
    });
    target.submit(0, ask('a', 300, 2));
    drain(target);
    const none = { decodeSeqs: 0, decodeTokens: 0, meanContext: 0 };
    expect(shapes).toEqual([
      { ...none, prefillSeqs: 1, prefillTokens: 256, prefillContext: 128 },
      { ...none, prefillSeqs: 1, prefillTokens: 44, prefillContext: 278 },
      {
        decodeSeqs: 1,
        decodeTokens: 1,
        meanContext: 300,
        prefillSeqs: 0,
        prefillTokens: 0,
        prefillContext: 0,
      },
    ]);
  });

  test('decoding comes before prompts in the token budget', () => {
    const shapes: number[][] = [];
    const target = engine({
      maxNumBatchedTokens: 10,
      stepTimeMs: (step) => {
        shapes.push([step.decodeTokens, step.prefillTokens]);
        return 1;
      },
    });
    for (const name of ['a', 'b', 'c']) target.submit(0, ask(name, 3, 5));
    target.submit(0, ask('d', 20, 1));
    drain(target);
    expect(shapes.slice(0, 4)).toEqual([
      [0, 10], // 3 + 3 + 3, and the first token of d
      [3, 7],
      [3, 7],
      [3, 5],
    ]);
  });

  test('a step time that is no time is a programming error', () => {
    const target = engine({ stepTimeMs: () => Number.NaN });
    target.submit(0, ask('a', 1, 1));
    expect(() => target.advance(0)).toThrow(RangeError);
  });
});

describe('priorities and cancellation', () => {
  test('the more urgent request is admitted first', () => {
    const target = engine({ maxNumSeqs: 1 });
    target.submit(0, ask('background', 10, 1, { priority: 5 }));
    target.submit(0, ask('batch', 10, 1, { priority: 9 }));
    target.submit(0, ask('interactive', 10, 1, { priority: -1 }));
    const finished = drain(target).filter(({ kind }) => kind === 'finish');
    expect(finished.map(({ request }) => request.name)).toEqual([
      'interactive',
      'background',
      'batch',
    ]);
  });

  test('the least urgent is preempted, though it is older', () => {
    const target = engine({ kvBlocks: 4, prefixCache: false });
    target.submit(0, ask('batch', 30, 10, { priority: 9 }));
    target.submit(0, ask('interactive', 30, 20, { priority: 0 }));
    const finished = drain(target).filter(({ kind }) => kind === 'finish');
    expect(finished.map(({ request }) => request.name)).toEqual(['interactive', 'batch']);
    expect(target.counters().preemptions).toBe(1);
  });

  test('a client that leaves frees its place, waiting or running', () => {
    const target = engine({ maxNumSeqs: 1 });
    const [a, b, c] = [ask('a', 10, 50), ask('b', 10, 1), ask('c', 10, 1)];
    for (const request of [a, b, c]) target.submit(0, request);
    target.advance(0);
    expect(target.cancel(50, b)).toBe(true);
    expect(target.cancel(50, a)).toBe(true);
    expect(target.cancel(50, a)).toBe(false);
    expect(target.counters()).toMatchObject({ running: 0, waiting: 1, kvUsage: 0 });
    expect(drain(target).map(line)).toEqual(['200 c token', '200 c finish']);
  });
});

describe('KV blocks', () => {
  test('the newest is preempted, recomputed and still gives exactly its tokens', () => {
    // Two prompts of 2 blocks fill 4; the first decode past a block boundary needs a fifth.
    const target = engine({ kvBlocks: 4, prefixCache: false });
    target.submit(0, ask('old', 32, 10));
    target.submit(0, ask('new', 32, 10));
    const events = drain(target);
    expect(target.counters().preemptions).toBe(1);
    const tokens = (name: string): number =>
      events.filter(({ kind, request }) => kind === 'token' && request.name === name).length;
    expect([tokens('old'), tokens('new')]).toEqual([10, 10]);
    const finished = events
      .filter(({ kind }) => kind === 'finish')
      .map(({ request }) => request.name);
    expect(finished).toEqual(['old', 'new']);
    // Prompt of both, and the preempted one again with its first generated token.
    expect(target.counters().computedTokens).toBe(32 + 32 + 33);
  });

  test('nobody is admitted in a step that had to preempt', () => {
    const shapes: number[][] = [];
    const target: BatchingEngine<Named> = engine({
      kvBlocks: 20,
      maxNumBatchedTokens: 64,
      prefixCache: false,
      stepTimeMs: (step) => {
        shapes.push([target.counters().preemptions, step.decodeSeqs, step.prefillSeqs]);
        return 1;
      },
    });
    target.submit(0, ask('old', 160, 3));
    target.submit(0, ask('new', 160, 3));
    drain(target);
    // The first step with a preemption only decodes, though the victim's first piece would fit.
    expect(shapes.find(([preemptions]) => preemptions === 1)).toEqual([1, 1, 0]);
  });

  test('what a victim had planned in the same step goes to the others', () => {
    const shapes: string[] = [];
    const target: BatchingEngine<Named> = engine({
      kvBlocks: 11,
      maxNumBatchedTokens: 64,
      prefixCache: false,
      stepTimeMs: ({ decodeTokens, prefillTokens }) => {
        shapes.push(`${target.counters().preemptions}: ${decodeTokens} + ${prefillTokens}`);
        return 1;
      },
    });
    // Alone for 80 steps: the batch call holds 6 full blocks when the two others come.
    target.submit(0, ask('batch', 16, 100, { priority: 9 }));
    target.advance(79.5);
    target.submit(80, ask('chat', 16, 5));
    target.submit(80, ask('long', 150, 1));
    drain(target);
    // The batch call decodes first, then has to leave for the chat call's second block: its token of
    // the budget must not be lost to the long prompt.
    expect(shapes.find((shape) => shape.startsWith('1: '))).toBe('1: 1 + 63');
  });

  test('two prompts under way that fill the cache do not block each other for ever', () => {
    const target = engine({ kvBlocks: 4, maxNumBatchedTokens: 20, prefixCache: false });
    target.submit(0, ask('a', 60, 1));
    target.submit(0, ask('b', 60, 1));
    const finished = drain(target).filter(({ kind }) => kind === 'finish');
    expect(finished.map(({ request }) => request.name)).toEqual(['a', 'b']);
  });
});

describe('prefix cache', () => {
  const ids = (count: number, from = 0): { blockTokens: number; ids: number[] } => ({
    blockTokens: 16,
    ids: Array.from({ length: count }, (_, index) => from + index),
  });

  test('a second turn pays only for what is new', () => {
    const target = engine();
    const first = ask('first', 64, 1, { prefix: ids(4) });
    const second = ask('second', 96, 1, { prefix: ids(6) });
    target.submit(0, first);
    drain(target);
    target.submit(1000, second);
    target.advance(1000);
    expect(target.cachedPromptTokens(second)).toBe(64);
    drain(target);
    expect(target.counters()).toMatchObject({ cachedTokens: 64, computedTokens: 64 + 32 });
  });

  test('the last token is always computed: a full repeat misses its tail block', () => {
    const target = engine();
    const request = ask('a', 64, 1, { prefix: ids(4) });
    target.submit(0, request);
    drain(target);
    const again = { ...request, name: 'again' };
    target.submit(1000, again);
    target.advance(1000);
    expect(target.cachedPromptTokens(again)).toBe(48);
  });

  test('a different head misses everything behind it', () => {
    const target = engine();
    target.submit(0, ask('a', 64, 1, { prefix: ids(4) }));
    drain(target);
    const changed = ask('b', 64, 1, { prefix: { blockTokens: 16, ids: [99, 1, 2, 3] } });
    target.submit(1000, changed);
    target.advance(1000);
    expect(target.cachedPromptTokens(changed)).toBe(0);
  });

  test('the reply is cached when its hashes are known', () => {
    const target = engine();
    target.submit(0, ask('a', 16, 33, { prefix: ids(3) }));
    drain(target);
    const next = ask('b', 64, 1, { prefix: ids(4) });
    target.submit(1000, next);
    target.advance(1000);
    expect(target.cachedPromptTokens(next)).toBe(48);
  });

  test('a cold fan-out computes the prefix once per call', () => {
    const target = engine();
    for (const name of ['a', 'b', 'c']) target.submit(0, ask(name, 64, 1, { prefix: ids(4) }));
    drain(target);
    expect(target.counters()).toMatchObject({ cachedTokens: 0, computedTokens: 192 });
  });

  test('a shared prefix is stored once', () => {
    const target = engine();
    target.submit(0, ask('warm', 64, 1, { prefix: ids(4) }));
    drain(target);
    for (const name of ['a', 'b', 'c']) target.submit(1000, ask(name, 80, 5, { prefix: ids(4) }));
    target.advance(1000);
    // 4 shared blocks and one of its own for each.
    expect(target.counters().kvUsage).toBeCloseTo(7 / 1000, 12);
  });

  test('idle prefixes leave in order of last use, tail first', () => {
    const target = engine({ kvBlocks: 8 });
    target.submit(0, ask('a', 64, 0, { prefix: ids(4) }));
    drain(target);
    target.submit(1000, ask('b', 64, 0, { prefix: ids(4, 100) }));
    drain(target);
    // 6 of 8 blocks: the 2 blocks of a's head may stay at most; b was used later.
    target.submit(2000, ask('c', 32, 0, { prefix: ids(2, 200) }));
    drain(target);
    expect(target.counters().evictions).toBe(2);
    const again = ask('again', 64, 0, { prefix: ids(4) });
    target.submit(3000, again);
    target.advance(3000);
    expect(target.cachedPromptTokens(again)).toBe(32);
  });

  test('hashes that are no whole blocks are not used', () => {
    const target = engine();
    for (const atMs of [0, 1000]) {
      target.submit(atMs, ask('a', 60, 1, { prefix: { blockTokens: 10, ids: [1, 2, 3, 4, 5] } }));
      drain(target);
    }
    expect(target.counters().cachedTokens).toBe(0);
  });
});

describe('speculative decoding', () => {
  const speculation = { draftTokens: 3, acceptance: 0.7 };

  test('mean tokens per step is (1 − aᵏ⁺¹) / (1 − a)', () => {
    expect(meanAccepted(speculation)).toBeCloseTo(1 + 0.7 + 0.49 + 0.343, 12);
    expect(meanAccepted({ draftTokens: 3, acceptance: 1 })).toBe(4);
  });

  test.for([
    { why: 'spread evenly', random: undefined, tolerance: 0.002 },
    // Standard deviation of one step is 1.2 tokens; 4 sigma over 4,000 steps.
    { why: 'drawn', random: new Random('drafts'), tolerance: 0.03 },
  ])('steps shrink by that factor when acceptance is $why', ({ random, tolerance }) => {
    const target = engine({ speculation, random, kvBlocks: 10_000 });
    target.submit(0, ask('a', 10, 10_001));
    const events = drain(target);
    const produced = events.reduce(
      (sum, event) => sum + (event.kind === 'token' ? event.count : 0),
      0,
    );
    expect(produced).toBe(10_001);
    const steps = target.counters().steps - 1;
    expect(Math.abs(10_000 / steps / meanAccepted(speculation) - 1)).toBeLessThan(tolerance);
  });
});

describe('timings', () => {
  const step = {
    decodeSeqs: 5,
    decodeTokens: 5,
    prefillTokens: 0,
    prefillSeqs: 0,
    meanContext: 100,
    prefillContext: 0,
  };
  test.for([
    { why: 'the load factor is linear in the batch', loadFactor: 2, itlMs: 15 },
    { why: 'without one the batch costs nothing', loadFactor: 1, itlMs: 10 },
  ])('$why', ({ loadFactor, itlMs }) => {
    const timing = constantTiming({ ttftMs: 100, itlMs: 10, loadFactor, maxNumSeqs: 9 });
    expect(timing(step)).toBe(itlMs);
    expect(timing({ ...step, prefillTokens: 7 })).toBe(100);
  });

  test('linear timing adds its four terms', () => {
    const timing = linearTiming({
      stepMs: 8,
      decodeMsPerSeq: 0.1,
      decodeMsPerContextToken: 0.001,
      prefillTokensPerSecond: 10_000,
    });
    expect(timing({ ...step, prefillTokens: 50 })).toBeCloseTo(8 + 0.5 + 0.5 + 5, 12);
  });
});

describe('properties', () => {
  const load = fc.array(
    fc.record({
      gapMs: fc.integer({ min: 0, max: 60 }),
      promptTokens: fc.integer({ min: 0, max: 200 }),
      outputTokens: fc.integer({ min: 0, max: 60 }),
      priority: fc.integer({ min: 0, max: 2 }),
      head: fc.integer({ min: 0, max: 2 }),
    }),
    { minLength: 1, maxLength: 25 },
  );
  const shapes = fc.record({
    maxNumSeqs: fc.integer({ min: 1, max: 6 }),
    maxNumBatchedTokens: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 100 })),
    kvBlocks: fc.integer({ min: 17, max: 40 }),
    drafts: fc.integer({ min: 0, max: 3 }),
  });

  function play(
    calls: typeof load extends fc.Arbitrary<infer T> ? T : never,
    shape: typeof shapes extends fc.Arbitrary<infer T> ? T : never,
    stepwise: boolean,
  ) {
    const { drafts, ...bounds } = shape;
    let overBudget = 0;
    const target = engine({
      ...bounds,
      ...(drafts > 0 ? { speculation: { draftTokens: drafts, acceptance: 0.6 } } : {}),
      stepTimeMs: (step) => {
        if (step.decodeTokens + step.prefillTokens > bounds.maxNumBatchedTokens) overBudget += 1;
        if (step.decodeSeqs + step.prefillSeqs > bounds.maxNumSeqs) overBudget += 1;
        if (step.decodeTokens + step.prefillTokens === 0) overBudget += 1;
        // Whoever runs but is left out of a step was left out for want of tokens.
        const leftOut = target.counters().running - step.decodeSeqs - step.prefillSeqs;
        const spare = bounds.maxNumBatchedTokens - step.decodeTokens - step.prefillTokens;
        if (leftOut > 0 && spare > 0) overBudget += 1;
        return 3 + 0.01 * step.prefillTokens;
      },
    });
    const events: BatchEvent<Named>[] = [];
    let nowMs = 0;
    let highestUsage = 0;
    const advanceTo = (toMs: number): void => {
      for (;;) {
        const nextMs = target.nextEventMs();
        if (nextMs === undefined || nextMs > toMs) return;
        events.push(...target.advance(stepwise ? nextMs : toMs));
        highestUsage = Math.max(highestUsage, target.counters().kvUsage);
      }
    };
    for (const [index, call] of calls.entries()) {
      nowMs += call.gapMs;
      advanceTo(nowMs);
      const prefix = {
        blockTokens: 16,
        ids: Array.from({ length: 20 }, (_, block) => `${call.head}/${block}`),
      };
      target.submit(nowMs, { ...call, name: String(index), prefix });
    }
    advanceTo(Number.POSITIVE_INFINITY);
    return { events, target, highestUsage, overBudget };
  }

  test('every request ends once with exactly its tokens; bounds hold; all blocks come back', () => {
    fc.assert(
      fc.property(load, shapes, (calls, shape) => {
        const { events, target, highestUsage, overBudget } = play(calls, shape, true);
        expect(overBudget).toBe(0);
        expect(highestUsage).toBeLessThanOrEqual(1);
        expect(target.counters()).toMatchObject({ running: 0, waiting: 0, kvUsage: 0 });
        for (const [index, { outputTokens }] of calls.entries()) {
          const own = events.filter(({ request }) => request.name === String(index));
          let tokens = 0;
          for (const event of own) if (event.kind === 'token') tokens += event.count;
          expect(tokens).toBe(outputTokens);
          expect(own.filter(({ kind }) => kind === 'finish')).toHaveLength(1);
          expect(own.at(-1)!.kind).toBe('finish');
        }
      }),
    );
  });

  test('how often the caller looks makes no difference', () => {
    fc.assert(
      fc.property(load, shapes, (calls, shape) => {
        const often = play(calls, shape, true).events.map(line);
        expect(play(calls, shape, false).events.map(line)).toEqual(often);
      }),
    );
  });
});
