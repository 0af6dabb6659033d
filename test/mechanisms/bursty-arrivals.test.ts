import { describe, expect, test } from 'vitest';

import { Random } from '../../src/core/random.ts';
import { indexOfDispersion, mean } from '../../src/core/statistics.ts';
import { createArrivals } from '../../src/mechanisms/arrivals.ts';
import type { ArrivalSpec } from '../../src/mechanisms/arrivals.ts';

/** Counts per window over a run of `windows` windows. */
function counts(spec: ArrivalSpec, windowMs: number, windows: number): number[] {
  const arrivals = createArrivals(spec, new Random(`counts/${spec.kind}`));
  const result = Array.from({ length: windows }, () => 0);
  let last = 0;
  for (let atMs = arrivals.next(); atMs !== undefined; atMs = arrivals.next()) {
    if (atMs < last) throw new Error('time went back');
    last = atMs;
    const window = Math.floor(atMs / windowMs);
    if (window >= windows) break;
    result[window]! += 1;
  }
  return result;
}

describe('mean rate and dispersion against theory', () => {
  test('batch: the index of dispersion is the size', () => {
    const sample = counts({ kind: 'batch', perSecond: 80, size: 8 }, 1000, 20_000);
    expect(Math.abs(mean(sample) / 80 - 1)).toBeLessThan(0.01);
    expect(Math.abs(indexOfDispersion(sample) / 8 - 1)).toBeLessThan(0.05);
  });

  test('batch spread over a time: each batch stays together, and order holds', () => {
    const arrivals = createArrivals(
      { kind: 'batch', perSecond: 1, size: 5, spreadMs: 100 },
      new Random('spread'),
    );
    const times = Array.from({ length: 5000 }, () => arrivals.next()!);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    const far = times.filter((atMs, index) => index > 0 && atMs - times[index - 1]! > 100);
    // Batches come 5 s apart on average: almost every fifth gap is a wide one.
    expect(far.length).toBeGreaterThan(940);
    expect(far.length).toBeLessThan(1000);
  });

  test('MMPP: mean by time in state, dispersion by the two-state formula', () => {
    const states = [
      { perSecond: 100, meanMs: 2000 },
      { perSecond: 10, meanMs: 8000 },
    ];
    const sample = counts({ kind: 'mmpp', states }, 1000, 60_000);
    const rate = (100 * 2 + 10 * 8) / 10;
    expect(Math.abs(mean(sample) / rate - 1)).toBeLessThan(0.02);
    // Heffes and Lucantoni: IDC(t) = 1 + 2 p q (λ1−λ2)² / (λ s) · (1 − (1 − e^(−s t)) / (s t)),
    // s = sum of the switching rates, p and q the shares of time.
    const s = 1 / 2 + 1 / 8;
    const idc = 1 + ((2 * 0.2 * 0.8 * 90 ** 2) / (rate * s)) * (1 - (1 - Math.exp(-s)) / s);
    expect(Math.abs(indexOfDispersion(sample) / idc - 1)).toBeLessThan(0.05);
  });

  test('self-exciting: mean mu / (1 − n), dispersion towards 1 / (1 − n)²', () => {
    const spec = { kind: 'self-exciting', perSecond: 20, branching: 0.6, decayMs: 200 } as const;
    const sample = counts(spec, 20_000, 5000);
    expect(Math.abs(mean(sample) / 400 - 1)).toBeLessThan(0.01);
    expect(Math.abs(indexOfDispersion(sample) * 0.4 ** 2 - 1)).toBeLessThan(0.1);
  });

  test('self-exciting without branching is Poisson', () => {
    const spec = { kind: 'self-exciting', perSecond: 50, branching: 0, decayMs: 100 } as const;
    const sample = counts(spec, 1000, 20_000);
    expect(Math.abs(mean(sample) / 50 - 1)).toBeLessThan(0.01);
    expect(Math.abs(indexOfDispersion(sample) - 1)).toBeLessThan(0.05);
  });

  test('diurnal: each step of the day has its share, Poisson within', () => {
    const weights = [1, 0, 3, 4];
    const spec = {
      kind: 'diurnal',
      perSecond: 40,
      weights,
      periodMs: 4000,
      startMs: 1000,
    } as const;
    const sample = counts(spec, 1000, 40_000);
    for (const [step, weight] of weights.entries()) {
      // The run starts at the second step.
      const own = sample.filter((_, window) => (window + 1) % 4 === step);
      expect(Math.abs(mean(own) - (40 * 4 * weight) / 8)).toBeLessThan(0.4);
      expect(weight === 0 ? 1 : indexOfDispersion(own)).toBeGreaterThan(0.93);
      expect(weight === 0 ? 1 : indexOfDispersion(own)).toBeLessThan(1.07);
    }
  });

  test('polling: every agent once per period, phases spread', () => {
    const sample = counts({ kind: 'polling', agents: 50, everyMs: 10_000 }, 10_000, 100);
    expect(new Set(sample)).toEqual(new Set([50]));
    const jittered = counts(
      { kind: 'polling', agents: 50, everyMs: 10_000, jitter: 0.5 },
      10_000,
      2000,
    );
    expect(Math.abs(mean(jittered) / 50 - 1)).toBeLessThan(0.01);
    expect(new Set(jittered).size).toBeGreaterThan(5);
  });
});

test.for<{ why: string; spec: ArrivalSpec }>([
  { why: 'no agents', spec: { kind: 'polling', agents: 0, everyMs: 10 } },
  { why: 'no rate', spec: { kind: 'batch', perSecond: 0, size: 3 } },
  { why: 'states that never ask', spec: { kind: 'mmpp', states: [{ perSecond: 0, meanMs: 10 }] } },
  {
    why: 'a rate of nothing',
    spec: { kind: 'self-exciting', perSecond: 0, branching: 0.5, decayMs: 1 },
  },
  {
    why: 'a day without weight',
    spec: { kind: 'diurnal', perSecond: 5, weights: [0, 0], periodMs: 10 },
  },
])('$why never arrives', ({ spec }) => {
  expect(createArrivals(spec, new Random('none')).next()).toBeUndefined();
});

test('a branching ratio of 1 explodes and is refused', () => {
  const spec = { kind: 'self-exciting', perSecond: 5, branching: 1, decayMs: 10 } as const;
  expect(() => createArrivals(spec, new Random('x'))).toThrow(RangeError);
});
