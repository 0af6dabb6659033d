import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { forestChart } from '../../src/report/charts-forest.ts';
import { laneChart } from '../../src/report/charts-lanes.ts';
import { lineChart } from '../../src/report/charts-line.ts';
import { meterChart } from '../../src/report/charts-meter.ts';
import { linearScale, logScale, logTicks, niceTicks, thin } from '../../src/report/charts-scale.ts';
import { html, renderPage } from '../../src/report/html.ts';
import type { Markup } from '../../src/report/html.ts';
import { htmlFaults } from './well-formed.ts';

const show = (value: number): string => String(value);

function faults(chart: Markup): string[] {
  return htmlFaults(renderPage({ title: 'chart', body: html`${chart}` }));
}

describe('scales', () => {
  test.for([
    { why: 'whole steps', low: 0, high: 10, ticks: [0, 2, 4, 6, 8, 10] },
    { why: 'covers the top', low: 0, high: 97, ticks: [0, 20, 40, 60, 80, 100] },
    { why: 'small numbers without binary noise', low: 0, high: 0.3, ticks: [0, 0.1, 0.2, 0.3] },
  ])('nice ticks: $why', ({ low, high, ticks }) => {
    expect(niceTicks(low, high, high === 0.3 ? 4 : 5)).toEqual(ticks);
  });

  test('ticks cover the range, rise and are few (property)', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e9, noNaN: true }), (high) => {
        const ticks = niceTicks(0, high);
        const rises = ticks.every((tick, index) => index === 0 || tick > ticks[index - 1]!);
        return rises && ticks[0] === 0 && ticks.at(-1)! >= high * 0.999 && ticks.length <= 8;
      }),
    );
  });

  test('log ticks are 1, 2 and 5 of each decade', () => {
    expect(logTicks(0.05, 12)).toEqual([0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]);
  });

  test('a flat domain does not divide by zero', () => {
    expect(linearScale([3, 3], [0, 100])(3)).toBe(0);
    expect(logScale([1, 100], [0, 100])(0)).toBe(0);
  });

  test('thinning keeps the peak, the valley and the order', () => {
    const points = Array.from({ length: 5000 }, (_, x) => ({
      x,
      y: x === 3210 ? 99 : x === 17 ? -5 : 1,
    }));
    const kept = thin(points, 100);
    expect(kept.length).toBeLessThanOrEqual(200);
    expect(kept.some(({ y }) => y === 99)).toBe(true);
    expect(kept.some(({ y }) => y === -5)).toBe(true);
    expect(kept.every((point, index) => index === 0 || point.x >= kept[index - 1]!.x)).toBe(true);
  });
});

describe('line chart', () => {
  const chart = (points: { x: number; y: number }[], limit = 8): Markup =>
    lineChart({
      title: 'requests <x>',
      summary: 'a & b',
      series: [{ name: 'sent', colour: 's1', points, style: 'area' }],
      limits: [{ name: 'limit', value: limit }],
      xLabel: 'time',
      yLabel: 'per minute',
      xFormat: show,
      yFormat: show,
    });

  test('says what it is to those who cannot see it', () => {
    const svg = chart([
      { x: 0, y: 1 },
      { x: 1, y: 5 },
    ]).text;
    expect(svg).toContain('role="img"');
    expect(svg).toContain('<title>requests &lt;x&gt;</title>');
    expect(svg).toContain('<desc>a &amp; b</desc>');
    expect(svg).toContain('>limit</text>');
  });

  test('a limit far above the data would flatten it and is left to the legend', () => {
    expect(
      chart(
        [
          { x: 0, y: 1 },
          { x: 1, y: 5 },
        ],
        1000,
      ).text,
    ).not.toContain('>limit</text>');
  });

  test('no data is an empty frame, not a crash', () => {
    expect(faults(chart([]))).toEqual([]);
  });

  test('never writes NaN or Infinity into a path (property)', () => {
    const value = fc.double({ min: 0, max: 1e12, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.record({ x: value, y: value }), { maxLength: 40 }), (points) => {
        const svg = chart(points.toSorted((a, b) => a.x - b.x)).text;
        return !/NaN|Infinity|undefined/.test(svg);
      }),
      { numRuns: 60 },
    );
  });
});

describe('forest chart', () => {
  const row = (ratio: number | null): string =>
    forestChart({
      title: 't',
      summary: 's',
      rows: [
        {
          name: 'TTFT',
          predicted: '80 ms',
          measured: '90 ms',
          ratio,
          note: 'nothing',
          allowed: [0.9, 1.1],
          tone: 'good',
        },
      ],
    }).text;

  test.for([
    { why: 'inside: a dot', ratio: 1.1, mark: '<circle' },
    { why: 'far above: an arrow at the edge', ratio: 9, mark: 'L' },
    { why: 'nothing to draw: its note', ratio: null, mark: 'nothing' },
  ])('$why', ({ ratio, mark }) => {
    expect(row(ratio)).toContain(mark);
  });
});

test('meter: the tone follows the share, over the limit is told apart', () => {
  const bar = (share: number): { scale: string; share: number; text: string } => ({
    scale: '1x',
    share,
    text: `${share}`,
  });
  const svg = meterChart({
    title: 't',
    summary: 's',
    rows: [
      {
        name: 'a-model-with-a-very-long-name',
        limit: 'RPM 500',
        bars: [bar(0.5), bar(0.9), bar(3)],
      },
    ],
  });
  expect(svg.text.match(/<g class="(?:s1|warn|bad)">/g)).toEqual([
    '<g class="s1">',
    '<g class="warn">',
    '<g class="bad">',
  ]);
  expect(svg.text).toContain('a-model-with-a-very-long-…<title>a-model-with-a-very-long-name<');
  expect(svg.text).toContain('>RPM 500<');
  expect(faults(svg)).toEqual([]);
});

test('lanes: bars that overlap are stacked, others share a row', () => {
  const bar = (
    from: number,
    to: number,
  ): { from: number; to: number; colour: 's1'; name: string } => ({
    from,
    to,
    colour: 's1',
    name: 'call',
  });
  const svg = laneChart({
    title: 't',
    summary: 's',
    lanes: [{ name: 'median', bars: [bar(0, 10), bar(5, 8), bar(10, 20)] }],
    xFormat: show,
    xLabel: 'ms',
  }).text;
  const tops = [...svg.matchAll(/<rect class="fill"[^>]* y="([\d.]+)"/g)].map(([, y]) => Number(y));
  expect(new Set(tops).size).toBe(2);
  expect(tops).toHaveLength(3);
});
