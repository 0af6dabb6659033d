import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { keeps, METRIC_NAMES, OPERATORS, parseThreshold } from '../../src/config/threshold.ts';

test.for([
  { metric: 'ttft', text: 'p95 < 1.5s', aggregate: { kind: 'quantile', q: 0.95 }, limit: 1500 },
  { metric: 'ttft', text: 'p(99.9)<=250ms', aggregate: { kind: 'quantile', q: 0.999 }, limit: 250 },
  { metric: 'turn', text: 'med < 2m', aggregate: { kind: 'quantile', q: 0.5 }, limit: 120_000 },
  { metric: 'e2e', text: 'avg>=1us', aggregate: { kind: 'avg' }, limit: 0.001 },
  { metric: 'e2e', text: 'count >= 2k', aggregate: { kind: 'count' }, limit: 2000 },
  { metric: 'error_rate', text: 'rate < 1%', aggregate: { kind: 'rate' }, limit: 0.01 },
  { metric: 'error_rate', text: 'rate < 0.01', aggregate: { kind: 'rate' }, limit: 0.01 },
  { metric: 'calls', text: 'rate > 600/min', aggregate: { kind: 'rate' }, limit: 10 },
  { metric: 'sessions', text: 'count == 200', aggregate: { kind: 'count' }, limit: 200 },
  { metric: 'amplification', text: 'value < 1.2', aggregate: { kind: 'value' }, limit: 1.2 },
] as const)('$metric $text', ({ aggregate, limit, metric, text }) => {
  const parsed = parseThreshold(metric, text);
  expect(parsed).toMatchObject({ aggregate, limit: expect.closeTo(limit, 9) });
});

test.for([
  { why: 'no operator', metric: 'ttft', text: 'p95 1s' },
  {
    why: 'a percentile of 100 has no meaning as a quantile; max does',
    metric: 'ttft',
    text: 'p100 < 1s',
  },
  { why: 'a percentile of 0', metric: 'ttft', text: 'p0 < 1s' },
  { why: 'half a bracket', metric: 'ttft', text: 'p(95 < 1s' },
  { why: 'no unit', metric: 'ttft', text: 'p95 < 5' },
  { why: 'the wrong unit', metric: 'ttft', text: 'p95 < 5%' },
  { why: 'a rate without a period', metric: 'calls', text: 'rate > 5' },
  { why: 'a share above what a share can be written as', metric: 'error_rate', text: 'rate < 1/s' },
  { why: 'an aggregate of another kind', metric: 'calls', text: 'p95 < 1s' },
  { why: 'nothing', metric: 'ttft', text: '' },
] as const)('refused: $why', ({ metric, text }) => {
  expect(parseThreshold(metric, text)).toHaveProperty('problem');
});

describe('properties', () => {
  test('no text makes the parser throw or give a limit that is no number', () => {
    fc.assert(
      fc.property(fc.constantFrom(...METRIC_NAMES), fc.string(), (metric, text) => {
        const parsed = parseThreshold(metric, text);
        return 'problem' in parsed || Number.isFinite(parsed.limit);
      }),
    );
  });

  test('an operator and its opposite never agree', () => {
    const opposite = {
      '<': '>=',
      '<=': '>',
      '>': '<=',
      '>=': '<',
      '==': '!=',
      '!=': '==',
    } as const;
    fc.assert(
      fc.property(
        fc.constantFrom(...OPERATORS),
        fc.double({ noNaN: true }),
        fc.double({ noNaN: true }),
        (operator, value, limit) =>
          keeps(operator, value, limit) !== keeps(opposite[operator], value, limit),
      ),
    );
  });
});
