import { expect, test } from 'vitest';

import { Random } from '../../src/core/random.ts';
import { GapCounts, decodeGaps } from '../../src/loadtest/gaps.ts';
import { ObservedTimes } from '../../src/loadtest/observed-times.ts';
import { Timeline } from '../../src/loadtest/timeline.ts';

test('no values: no figures, no interval, never zeros', () => {
  const times = new ObservedTimes();
  expect([times.n, times.meanMs, times.maxMs, times.quantileMs(0.99)]).toEqual([
    0,
    undefined,
    undefined,
    undefined,
  ]);
  expect(times.quantileInterval(0.95)).toBeUndefined();
  expect(times.meanInterval()).toBeUndefined();
});

test.for([
  { n: 58, q: 0.95, bounded: false, why: 'one short of the smallest sample that can bound p95' },
  { n: 298, q: 0.99, bounded: false, why: 'one short for p99' },
  { n: 3000, q: 0.95, bounded: true, why: 'plenty' },
])('n = $n, q = $q: $why', ({ bounded, n, q }) => {
  const random = new Random(`observed/${n}`);
  const times = new ObservedTimes();
  for (let index = 0; index < n; index += 1) times.add(random.exponential(100), index);
  expect(Number.isFinite(times.quantileInterval(q)!.high)).toBe(bounded);
});

test('memory is bounded: 300,000 values keep at most 32,768 in order, and the interval still holds the truth', () => {
  const random = new Random('observed/many');
  const times = new ObservedTimes();
  for (let index = 0; index < 300_000; index += 1) times.add(random.exponential(100), index);
  const truth = 100 * Math.log(20); // p95 of an exponential with mean 100
  const { high, low } = times.quantileInterval(0.95)!;
  expect(low).toBeLessThan(truth * 1.01);
  expect(high).toBeGreaterThan(truth * 0.99);
  expect(high - low).toBeLessThan(30);
  expect(times.n).toBe(300_000);
});

test('the order that counts is that of sending, not that of adding', () => {
  // Slow first half, fast second half, added interleaved: batches in send order differ strongly.
  const sorted = new ObservedTimes();
  const mixed = new ObservedTimes();
  for (let index = 0; index < 1000; index += 1) {
    sorted.add(index < 500 ? 200 : 100, index);
    const place = index % 2 === 0 ? index / 2 : 500 + (index - 1) / 2;
    mixed.add(place < 500 ? 200 : 100, place);
  }
  expect(mixed.meanInterval()).toEqual(sorted.meanInterval());
});

test('gaps: counts per bucket, one per cent, in any order', () => {
  const gaps = new GapCounts();
  for (const gap of [20, 0.5, 20.01, 0, 3000]) gaps.add(gap);
  const decoded = [...decodeGaps(gaps.encode())];
  expect(decoded.reduce((sum, [, count]) => sum + count, 0)).toBe(5);
  expect(decoded.map(([gap]) => gap)).toEqual(
    [0.001, 0.5, 20, 3000].map((gap) => expect.closeTo(gap, gap < 1 ? 2 : -2)),
  );
  for (const [gap] of decoded.slice(2, 3)) expect(Math.abs(gap / 20 - 1)).toBeLessThan(0.011);
  expect(gaps.largestMs).toBe(3000);
});

test('the timeline widens its steps instead of growing', () => {
  const timeline = new Timeline();
  for (let second = 0; second < 1000; second += 1) timeline.completed(second * 1000, 50);
  const { bucketMs, completed, ttftMs } = timeline.view();
  expect(completed.length).toBeLessThanOrEqual(240);
  expect(bucketMs).toBe(8000);
  expect(completed.reduce((sum, count) => sum + count, 0)).toBe(1000);
  expect(new Set(ttftMs)).toEqual(new Set([50]));
});
