import { describe, expect, it } from 'vitest';

import type { LlmCall } from '../../src/core/trace.ts';
import { ClientFold } from '../../src/workload/clients.ts';
import { llm, session } from './trace-builders.ts';

const START = 1.7e12;

function by(client: string, startMs: number): LlmCall {
  return llm({ startMs: START + startMs, details: { client } });
}

describe('clients', () => {
  it('are told apart with their own patterns, hidden in the sum', () => {
    const fold = new ClientFold();
    // One polls every 10 s, one sends batches of 20 a minute apart, one calls 7 times.
    for (let at = 0; at < 60; at += 1) fold.call(by('poller', at * 10_000));
    for (let at = 0; at < 200; at += 1) {
      fold.call(by('batch', Math.floor(at / 20) * 60_000 + (at % 20) * 10));
    }
    for (let at = 0; at < 7; at += 1) fold.call(by('rare', at * 31_337));
    const profile = fold.figures()!;
    expect([profile.count, profile.clientsOf90]).toEqual([3, 2]);
    expect(profile.topShares.map((share) => share.toFixed(3))).toEqual(['0.749', '1.000', '1.000']);
    expect(
      profile.top.map(({ calls, pattern, periodMs, burstMean }) => [
        calls,
        pattern,
        periodMs,
        burstMean,
      ]),
    ).toEqual([
      [200, 'batch', 60_000, 20],
      [60, 'periodic', 10_000, 1],
      [7, null, null, null],
    ]);
    expect(profile.top[1]!.iatCv).toBe(0);
    expect(profile.patterns!.batch.toFixed(3)).toBe('0.749');
    expect(profile.patterns!.unclear.toFixed(3)).toBe('0.026');
  });

  it('of sessions are set off by turns, not by the calls inside them', () => {
    const fold = new ClientFold();
    for (let at = 0; at < 30; at += 1) {
      const startMs = START + at * 60_000;
      const calls = [0, 1, 2, 3].map((step) => llm({ id: String(step), startMs: startMs + step }));
      fold.session(session(`s${at}`, [calls], { user: 'someone' }));
    }
    const [only] = fold.figures()!.top;
    expect(only).toMatchObject({ calls: 120, share: 1, pattern: 'periodic', periodMs: 60_000 });
    expect(only).toMatchObject({ inputMean: 100, outputMean: 10 });
  });

  it('are unknown when the source names none, or so many that they are ids of something else', () => {
    const fold = new ClientFold();
    fold.call(llm({ startMs: START }));
    fold.session(session('a', [[llm({})]]));
    expect(fold.figures()).toBeNull();
    for (let at = 0; at <= 2 ** 16; at += 1) fold.call(by(`request-${at}`, Number.NaN));
    expect(fold.figures()).toBeNull();
  });

  it('say nothing of gaps without a common clock', () => {
    const fold = new ClientFold();
    fold.session(session('a', [[llm({})], [llm({})]], { user: 'u', relativeTime: true }));
    expect(fold.figures()).toMatchObject({ count: 1, iatCv: null, patterns: null });
  });
});
