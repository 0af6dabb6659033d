import { array, assert, integer, property } from 'fast-check';
import { describe, expect, it, test } from 'vitest';

import { Random } from '../../src/core/random.ts';
import { indexOfDispersion } from '../../src/core/statistics.ts';
import { profileArrivals, tickMs, timelineBucketSeconds } from '../../src/workload/arrivals.ts';
import type { ArrivalProfile } from '../../src/workload/workload-profile.ts';

function arrivalsAt(secondsList: readonly number[], tokens = 1): ArrivalProfile {
  const startUs = Float64Array.from(secondsList, (seconds) => Math.round(seconds * 1e6));
  const each = new Float64Array(startUs.length).fill(tokens);
  return profileArrivals({ startUs, allIn: each, uncached: each, output: each });
}

describe('peak minutes', () => {
  test.for([
    { why: 'one call', at: [0], tumbling: 1, sliding: 1 },
    { why: 'a minute apart is two minutes', at: [0, 60], tumbling: 1, sliding: 1 },
    { why: 'just under a minute is one', at: [0, 59.999_999], tumbling: 2, sliding: 2 },
    { why: 'a burst over the minute mark', at: [0, 59, 59.5, 60, 60.5], tumbling: 3, sliding: 4 },
    { why: 'ties count together', at: [0, 70, 70, 70], tumbling: 3, sliding: 3 },
  ])('$why', ({ at, tumbling, sliding }) => {
    const { rpm, tpm } = arrivalsAt(at, 10);
    expect([rpm.peakTumbling, rpm.peakSliding]).toEqual([tumbling, sliding]);
    expect([tpm.allIn.peakTumbling, tpm.allIn.peakSliding]).toEqual([tumbling * 10, sliding * 10]);
  });

  it('sliding is never below tumbling, and both agree with counting', () => {
    assert(
      property(array(integer({ min: 0, max: 400 }), { minLength: 1 }), (offsets) => {
        const at = offsets.toSorted((a, b) => a - b).map((offset) => offset - Math.min(...offsets));
        const { rpm } = arrivalsAt(at);
        const sliding = at.map((end) => at.filter((t) => t > end - 60 && t <= end).length);
        const tumbling = at.map(
          (t) => at.filter((other) => Math.floor(other / 60) === Math.floor(t / 60)).length,
        );
        expect(rpm.peakSliding).toBe(Math.max(...sliding));
        expect(rpm.peakTumbling).toBe(Math.max(...tumbling));
        expect(rpm.peakSliding).toBeGreaterThanOrEqual(rpm.peakTumbling);
      }),
    );
  });
});

describe('dispersion', () => {
  it('is that of the full series of counts, empty windows included', () => {
    assert(
      property(array(integer({ min: 0, max: 300 }), { minLength: 2 }), (offsets) => {
        const at = offsets.toSorted((a, b) => a - b).map((offset) => offset - Math.min(...offsets));
        for (const [key, seconds] of [
          ['s1', 1],
          ['s10', 10],
          ['s60', 60],
        ] as const) {
          const counts = Array.from({ length: Math.floor(at.at(-1)! / seconds) + 1 }, () => 0);
          for (const t of at) counts[Math.floor(t / seconds)]! += 1;
          const { idc, peakToMean } = arrivalsAt(at);
          const isKnown = counts.length >= 2;
          const mean = at.length / counts.length;
          expect(idc[key] === null).toBe(!isKnown);
          expect(idc[key] ?? 0).toBeCloseTo(isKnown ? indexOfDispersion(counts) : 0, 9);
          expect(peakToMean![key] ?? 0).toBeCloseTo(isKnown ? Math.max(...counts) / mean : 0, 9);
        }
      }),
    );
  });

  it('is near 1 for a Poisson stream, and so is the CV of its gaps', () => {
    const random = new Random('poisson');
    let t = 0;
    const { idc, iatCv, burstiness } = arrivalsAt(
      Array.from({ length: 20_000 }, () => (t += random.exponential(0.2))),
    );
    // 4,000 s: the dispersion of m windows has a standard error of about sqrt(2 / m).
    for (const [value, windows] of [
      [idc.s1!, 4000],
      [idc.s10!, 400],
      [idc.s60!, 66],
      [iatCv!, 20_000],
    ] as const) {
      expect(Math.abs(value - 1)).toBeLessThan(3 * Math.sqrt(2 / windows));
    }
    expect(Math.abs(burstiness!)).toBeLessThan(0.05);
  });

  it('a clockwork has no variation', () => {
    const { iatCv, burstiness, idc } = arrivalsAt(Array.from({ length: 600 }, (_, index) => index));
    expect([iatCv, burstiness]).toEqual([0, -1]);
    expect(idc.s10).toBeCloseTo(0, 9);
  });
});

describe('ticks', () => {
  const gapsOf = (count: number, gap: (index: number) => number): Float64Array =>
    Float64Array.from({ length: count }, (_, index) => gap(index));
  test.for([
    {
      why: 'whole seconds, several calls each',
      gap: (i: number) => (i % 3 === 0 ? 1000 : 0),
      tick: 1000,
    },
    {
      why: 'multiples of the tick',
      gap: (i: number) => [0, 1000, 0, 2000, 1000][i % 5]!,
      tick: 1000,
    },
    {
      why: 'a tick with jitter',
      gap: (i: number) => (i % 9 === 0 ? 2999 + (i % 3) : 0),
      tick: 2999,
    },
    { why: 'no two calls at once is a clockwork, no tick', gap: () => 1000, tick: null },
    {
      why: 'bursts of fan-out with free gaps',
      gap: (i: number) => (i % 2 === 0 ? 0 : 100 + i * 37.3),
      tick: null,
    },
    {
      why: 'ticks below 100 ms matter to nothing here',
      gap: (i: number) => (i % 2 === 0 ? 0 : 15),
      tick: null,
    },
  ])('$why', ({ gap, tick }) => expect(tickMs(gapsOf(300, gap))).toBe(tick));

  it('are not guessed from a few gaps', () => {
    expect(tickMs(gapsOf(20, (index) => (index % 2) * 1000))).toBeNull();
  });
});

describe('timeline', () => {
  it('holds every call and at most 120 buckets', () => {
    assert(
      property(array(integer({ min: 0, max: 1e7 }), { minLength: 1 }), (offsets) => {
        const at = offsets.toSorted((a, b) => a - b).map((offset) => offset - Math.min(...offsets));
        const { calls, bucketSeconds } = arrivalsAt(at).timeline!;
        expect(calls.length).toBeLessThanOrEqual(120);
        let sum = 0;
        for (const count of calls) sum += count;
        expect(sum).toBe(at.length);
        expect(bucketSeconds).toBe(timelineBucketSeconds(at.at(-1)!));
      }),
    );
  });
});

it('calls that all start at once are taken as one minute', () => {
  const { ratePerSecond, rpm, iatCv } = arrivalsAt([0, 0, 0]);
  expect(ratePerSecond).toBeCloseTo(3 / 60, 12);
  expect(rpm.mean).toBeCloseTo(3, 12);
  expect(iatCv).toBeNull();
});
