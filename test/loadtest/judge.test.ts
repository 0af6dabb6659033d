import { expect, test } from 'vitest';

import type { Threshold } from '../../src/config/scenario.ts';
import { parseThreshold } from '../../src/config/threshold.ts';
import type { MetricName } from '../../src/config/threshold.ts';
import { judgeThreshold } from '../../src/loadtest/judge.ts';
import { assessValidity } from '../../src/loadtest/validity.ts';
import type { Validity } from '../../src/loadtest/validity.ts';

function threshold(
  metric: MetricName,
  expr: string,
  judge: Threshold['judge'] = 'interval',
): Threshold {
  const expression = parseThreshold(metric, expr);
  if ('problem' in expression) throw new Error(expression.problem);
  return { metric, where: {}, expr, severity: 'error', judge, expression };
}

const evidence = {
  thresholds: [],
  runDelayMsPerS: null,
  loopDelay: null,
  sendLag: null,
  sessionsIntended: 100,
  sessionsDropped: 0,
};
const valid = assessValidity(evidence);
const late = (p99: number): Validity =>
  assessValidity({ ...evidence, sendLag: { p50: 1, p95: p99, p99 } });

const p95 = threshold('ttft', 'p95 < 1s');
const interval = { low: 900, high: 950 };

test.for([
  {
    why: 'no data is never a pass',
    t: p95,
    e: { n: 0, observed: undefined },
    status: 'inconclusive',
  },
  {
    why: 'the whole interval below',
    t: p95,
    e: { n: 500, observed: 920, interval },
    status: 'pass',
  },
  {
    why: 'the whole interval above',
    t: p95,
    e: { n: 500, observed: 1200, interval: { low: 1100, high: 1300 } },
    status: 'fail',
  },
  {
    why: 'the interval straddles',
    t: p95,
    e: { n: 500, observed: 950, interval: { low: 900, high: 1050 } },
    status: 'inconclusive',
  },
  {
    why: 'unbounded above, low end fine: too short to pass',
    t: p95,
    e: { n: 20, observed: 920, interval: { low: 900, high: Infinity } },
    status: 'inconclusive',
  },
  {
    why: 'unbounded above, low end already broken',
    t: p95,
    e: { n: 20, observed: 1200, interval: { low: 1100, high: Infinity } },
    status: 'fail',
  },
  { why: 'too few for any interval', t: p95, e: { n: 5, observed: 920 }, status: 'inconclusive' },
  {
    why: 'the author wants the figure itself',
    t: threshold('ttft', 'p95 < 1s', 'observed'),
    e: { n: 5, observed: 920 },
    status: 'pass',
  },
  {
    why: 'the largest value is exact',
    t: threshold('ttft', 'max < 1s'),
    e: { n: 5, observed: 1001 },
    status: 'fail',
  },
  {
    why: 'a share from few calls is not known well',
    t: threshold('error_rate', 'rate < 1%'),
    e: { n: 50, observed: 0, interval: { low: 0, high: 0.07 } },
    status: 'inconclusive',
  },
  {
    why: '"never" is about this run',
    t: threshold('error_rate', 'rate == 0%'),
    e: { n: 50, observed: 0, interval: { low: 0, high: 0.07 } },
    status: 'pass',
  },
  {
    why: '"at most 0 %" too',
    t: threshold('error_rate', 'rate <= 0%'),
    e: { n: 50, observed: 0.02, interval: { low: 0, high: 0.1 } },
    status: 'fail',
  },
] as const)('$why: $status', ({ e, status, t }) => {
  expect(judgeThreshold(t, e, { validity: valid, complete: true }).status).toBe(status);
});

test.for([
  {
    why: 'an invalid generator passes nothing',
    e: { n: 500, observed: 920, interval },
    status: 'inconclusive',
  },
  {
    why: 'broken by more than the client was late stays broken',
    e: { n: 500, observed: 1200, interval: { low: 1150, high: 1300 } },
    status: 'fail',
  },
  {
    why: 'broken by less may be the client itself',
    e: { n: 500, observed: 1050, interval: { low: 1020, high: 1080 } },
    status: 'inconclusive',
  },
] as const)('client late by 100 ms: $why', ({ e, status }) => {
  const validity = late(100);
  expect(validity.verdict).toBe('invalid');
  expect(judgeThreshold(p95, e, { validity, complete: true }).status).toBe(status);
});

test('errors are errors, however late the client', () => {
  const t = threshold('error_rate', 'rate < 1%');
  const e = { n: 500, observed: 0.5, interval: { low: 0.45, high: 0.55 } };
  expect(judgeThreshold(t, e, { validity: late(100), complete: true }).status).toBe('fail');
});

test.for([
  {
    why: 'a count not reached is open',
    expr: 'count == 200',
    observed: 50,
    status: 'inconclusive',
  },
  { why: 'a count already passed is broken', expr: 'count < 40', observed: 50, status: 'fail' },
] as const)('an interrupted run: $why', ({ expr, observed, status }) => {
  const run = { validity: valid, complete: false };
  const judged = judgeThreshold(threshold('sessions', expr), { n: 100, observed }, run);
  expect(judged.status).toBe(status);
});
