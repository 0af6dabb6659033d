import { describe, expect, test } from 'vitest';

import { virtualDemo } from '../cli/demo/virtual-demo.ts';
import { compare } from '../../src/report/demo.ts';
import type { Comparison } from '../../src/report/demo.ts';
import { showDifference, showPrediction, showTolerance } from '../../src/report/demo-figures.ts';
import { renderDemoText } from '../../src/report/demo-text.ts';
import { renderDemoHtml } from '../../src/report/html-demo.ts';
import { renderLoadtestHtml } from '../../src/report/html-loadtest.ts';
import { htmlFaults } from './well-formed.ts';

const rate: Omit<Comparison, 'verdict'> = {
  name: 'Requests',
  definition: 'sent',
  unit: 'perMinute',
  predicted: { value: 100, low: 90, high: 110 },
  measured: 100,
  tolerance: 0.1,
};
const share: Omit<Comparison, 'verdict'> = {
  ...rate,
  unit: 'share',
  predicted: { value: 0.01, low: 0, high: 0.02 },
  measured: 0,
  tolerance: 0.02,
};

describe('verdicts', () => {
  test.for([
    { why: 'inside the interval', row: rate, verdict: 'held' },
    {
      why: 'outside the interval, inside the tolerance',
      row: { ...rate, measured: 120 },
      verdict: 'held',
    },
    { why: 'beyond both', row: { ...rate, measured: 122 }, verdict: 'missed' },
    { why: 'below both', row: { ...rate, measured: 80 }, verdict: 'missed' },
    {
      why: 'shares add points, they do not multiply',
      row: { ...share, measured: 0.039 },
      verdict: 'held',
    },
    { why: 'and miss beyond them', row: { ...share, measured: 0.05 }, verdict: 'missed' },
    {
      why: 'no measurement never holds',
      row: { ...rate, measured: null },
      verdict: 'not measured',
    },
    { why: 'no forecast never holds', row: { ...rate, predicted: null }, verdict: 'not measured' },
  ] as const)('$why', ({ row, verdict }) => {
    expect(compare(row).verdict).toBe(verdict);
  });

  test('in words', () => {
    expect(showPrediction(compare(rate))).toBe('100/min (90/min to 110/min)');
    expect(showDifference(compare({ ...rate, measured: 90 }))).toBe('−10.0%');
    expect(showDifference(compare(share))).toBe('−1.0 points');
    expect(showTolerance(compare(share))).toBe('±2 points');
    expect(showDifference(compare({ ...rate, measured: null }))).toBe('–');
  });
});

describe('the report of a whole demo in virtual time', async () => {
  const { page, charts } = await virtualDemo();

  test('forecast and run share engine and definitions: everything holds', () => {
    expect(page.report.comparison.filter(({ verdict }) => verdict !== 'held')).toEqual([]);
    expect(page.report.comparison).toHaveLength(10);
  });

  test('the page is well formed and talks to nobody', () => {
    const document = renderDemoHtml(page, charts);
    expect(htmlFaults(document)).toEqual([]);
    expect(document).not.toMatch(/NaN|undefined|Infinity|\[object/);
    expect(document.length).toBeLessThan(400_000);
  });

  test('hostile names stay text on both pages', () => {
    const hostile = '</text><script>alert("x")</script>';
    const tools = { [hostile]: { calls: 1, errors: 0, durationMs: page.profile.tokens.input } };
    const { run } = page.summary;
    const summary = {
      ...page.summary,
      run: { ...run, scenario: hostile, target: { ...run.target, model: hostile } },
      errors: [{ error: hostile, count: 1 }],
    };
    const profile = { ...page.profile, tools };
    const report = { ...page.report, provider: { ...page.report.provider, model: hostile } };
    const demo = renderDemoHtml({ ...page, summary, profile, report }, charts);
    const load = renderLoadtestHtml({ summary, charts });
    for (const document of [demo, load]) {
      expect(htmlFaults(document)).toEqual([]);
      expect(document).not.toContain('<script');
      expect(document).toContain('&lt;script&gt;');
    }
  });

  test('the text says the same in plain words', () => {
    const text = renderDemoText(page);
    expect(text).toContain('10 of 10 predicted figures held.');
    expect(text).toMatch(/Attempts refused with 429 .*held/);
    expect(text).toMatch(/Breaks at [\d.]+x on RPM of custom sim-1\./);
    expect(text).not.toMatch(/NaN|undefined/);
    expect(text).not.toContain('\u001B');
  });

  test('the same seed renders the same bytes', async () => {
    const again = await virtualDemo();
    expect(renderDemoHtml(again.page, again.charts)).toBe(renderDemoHtml(page, charts));
  });
});
