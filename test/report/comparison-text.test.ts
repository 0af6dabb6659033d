import { expect, test } from 'vitest';

import type { Comparison } from '../../src/loadtest/compare.ts';
import { renderComparisonText } from '../../src/report/comparison-text.ts';

const facts: Comparison['baseline']['facts'] = {
  scenario: 'gateway',
  engine: 'builtin',
  seed: 1,
  configHash: 'c',
  workloadHash: 'w',
  host: { cores: 2, node: 'v20', os: 'linux x64' },
  target: { url: 'http://127.0.0.1:1', dialect: 'openai', model: 'm' },
  load: [],
  warmUpMs: 0,
};

const comparison: Comparison = {
  schema: 'agent-infra/loadtest-comparison',
  schemaVersion: '1.0',
  tool: { name: 'agent-infra', version: '0.0.0' },
  baseline: { runs: ['a1', 'a2', 'a3'], facts },
  candidate: { runs: ['b1'], facts },
  basis: 'replicates',
  notComparable: [],
  notes: ['targets: loopback (openai, m) against http://10.0.0.9 (openai, m)'],
  figures: [
    {
      figure: 'ttft p95',
      unit: 'ms',
      better: 'lower',
      baseline: 100,
      candidate: 130,
      change: 0.3,
      interval: [0.21, 0.4],
      detectable: 0.12,
      adjustedP: 0.001,
      verdict: 'worse',
    },
    {
      figure: 'error_rate rate',
      unit: 'share',
      better: 'lower',
      baseline: 0.02,
      candidate: 0.005,
      change: -0.015,
      interval: [-0.02, -0.01],
      detectable: 0.006,
      adjustedP: 0.01,
      verdict: 'better',
    },
    {
      figure: 'calls rate',
      unit: 'perSecond',
      better: 'higher',
      baseline: 12.5,
      candidate: 12.25,
      change: -0.02,
      interval: [null, null],
      detectable: null,
      adjustedP: null,
      verdict: 'no difference shown',
    },
    {
      figure: 'turn p95',
      unit: 'ms',
      better: 'lower',
      baseline: 900,
      candidate: null,
      change: null,
      interval: null,
      detectable: null,
      adjustedP: null,
      verdict: 'no data',
    },
  ],
  gates: [
    {
      limit: 'ttft p95 10%',
      status: 'fail',
      worse: 0.3,
      interval: [0.2, 0.41],
      reason: 'the whole interval is worse than that',
    },
    {
      limit: 'turn p95 10%',
      status: 'inconclusive',
      worse: null,
      interval: null,
      reason: 'no data',
    },
  ],
};

test('the verdict and the gates first, then every figure', () => {
  expect(renderComparisonText(comparison)).toMatchInlineSnapshot(`
    "a1 and 2 more (gateway) against b1 (gateway): worse: ttft p95; better: error_rate rate
      at most ttft p95 10%: FAIL, worse by +30% (+20% to +41%), the whole interval is worse than that
      at most turn p95 10%: INCONCLUSIVE, no data

    Figures
                       baseline  candidate       change           95 % interval   could show
      ttft p95           100 ms     130 ms         +30%            +21% to +40%         ±12%  worse
      error_rate rate        2%       0.5%  −1.5 points  −2 points to −1 points  ±0.6 points  better
      calls rate         12.5/s    12.25/s          −2%          too few values               no difference shown
      turn p95           900 ms    no data            ?                                       no data
      intervals: 95 %, from run to run (Welch); verdicts are corrected for the number of figures; could show: the smallest change found four times in five
      targets: loopback (openai, m) against http://10.0.0.9 (openai, m)
    "
  `);
});

test('what cannot be compared says why, not which is better', () => {
  const text = renderComparisonText({
    ...comparison,
    notComparable: ['host: 2 cores against 4 cores'],
    figures: comparison.figures.map((each) => ({ ...each, verdict: 'not comparable' })),
    gates: [],
  });
  expect(text.split('\n').slice(0, 2).join('\n')).toMatchInlineSnapshot(`
    "a1 and 2 more (gateway) against b1 (gateway): NOT COMPARABLE
      - host: 2 cores against 4 cores"
  `);
  expect(text).not.toMatch(/worse|better/);
});

test('names from files lose control characters', () => {
  const text = renderComparisonText({
    ...comparison,
    candidate: { runs: ['b\u001B[31m'], facts: { ...facts, scenario: 'x\u0007' } },
  });
  expect(text).not.toContain('\u001B');
  expect(text).not.toContain('\u0007');
});
