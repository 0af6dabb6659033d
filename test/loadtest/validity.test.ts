import { expect, test } from 'vitest';

import type { Threshold } from '../../src/config/scenario.ts';
import { parseThreshold } from '../../src/config/threshold.ts';
import { assessValidity, clientErrorMs } from '../../src/loadtest/validity.ts';
import type { ValidityEvidence } from '../../src/loadtest/validity.ts';

const quiet: ValidityEvidence = {
  thresholds: [],
  sendLag: { p50: 0.2, p95: 1, p99: 2 },
  loopDelay: { p99: 1, max: 8 },
  runDelayMsPerS: 20,
  sessionsIntended: 200,
  sessionsDropped: 0,
};

function slo(expr: string): Threshold[] {
  const expression = parseThreshold('ttft', expr);
  if ('problem' in expression) throw new Error(expression.problem);
  return [{ metric: 'ttft', where: {}, expr, severity: 'error', judge: 'interval', expression }];
}

test.for([
  { why: 'a quiet machine', change: {}, verdict: 'valid' },
  {
    why: 'late beyond the floor of 5 ms',
    change: { sendLag: { p50: 1, p95: 2, p99: 6 } },
    verdict: 'degraded',
  },
  {
    why: 'late five times as much',
    change: { sendLag: { p50: 1, p95: 2, p99: 26 } },
    verdict: 'invalid',
  },
  {
    why: 'the same lag matters little for a goal of 2 s',
    change: { sendLag: { p50: 1, p95: 2, p99: 26 }, thresholds: slo('p95 < 2s') },
    verdict: 'valid',
  },
  {
    why: 'a lower bound is no promise of speed',
    change: { sendLag: { p50: 1, p95: 2, p99: 26 }, thresholds: slo('p95 > 2s') },
    verdict: 'invalid',
  },
  { why: 'a busy event loop', change: { loopDelay: { p99: 30, max: 40 } }, verdict: 'invalid' },
  {
    why: 'waiting for a CPU a quarter of the time',
    change: { runDelayMsPerS: 250 },
    verdict: 'degraded',
  },
  {
    why: 'waiting for a CPU more than half of the time',
    change: { runDelayMsPerS: 600 },
    verdict: 'invalid',
  },
  { why: 'one dropped session of 200', change: { sessionsDropped: 1 }, verdict: 'degraded' },
  { why: 'three dropped sessions of 200', change: { sessionsDropped: 3 }, verdict: 'invalid' },
  {
    why: 'nothing is known',
    change: { sendLag: null, loopDelay: null, runDelayMsPerS: null },
    verdict: 'valid',
  },
] as const)('$why: $verdict', ({ change, verdict }) => {
  const validity = assessValidity({ ...quiet, ...change });
  expect(validity.verdict).toBe(verdict);
  expect(validity.reasons.length > 0).toBe(verdict !== 'valid');
});

test.for([
  { why: 'late sends count from the intended start', fromIntended: true, quantile: 0.99, ms: 30 },
  { why: 'the lag of the same quantile', fromIntended: true, quantile: 0.95, ms: 10 },
  { why: 'from the send only the loop counts', fromIntended: false, quantile: 0.99, ms: 4 },
])('what the client may have added: $why', ({ fromIntended, ms, quantile }) => {
  const sendLag = { p50: 1, p95: 10, p99: 30 };
  const validity = assessValidity({ ...quiet, sendLag, loopDelay: { p99: 4, max: 9 } });
  expect(clientErrorMs(validity, { fromIntended, quantile })).toBe(ms);
});

test('nothing measured, nothing known to be added', () => {
  const validity = assessValidity({ ...quiet, sendLag: null, loopDelay: null });
  expect(clientErrorMs(validity, { fromIntended: true, quantile: 0.5 })).toBe(0);
});
