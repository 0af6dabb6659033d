import { beforeAll, expect, test } from 'vitest';

import type { CapacityReport } from '../../src/loadtest/capacity.ts';
import { renderCapacityText, renderTrialLine } from '../../src/report/capacity-text.ts';
import { searchVirtually } from '../loadtest/capacity-in-virtual-time.ts';

const BODY = `workload: {synthetic: {turns: 1, callsPerTurn: 1}}
duration: 4s
arrivals: {kind: constant, rate: 10/s}
thresholds: [{metric: error_rate, expr: 'rate == 0%'}]
`;

/** A target that answers so many requests in each second. */
function perSecond(limit: number) {
  const seen = new Map<number, number>();
  return {
    reply: (_call: unknown, nowMs: number) => {
      const second = Math.floor(nowMs / 1000);
      seen.set(second, (seen.get(second) ?? 0) + 1);
      return seen.get(second)! > limit ? { status: 503 } : {};
    },
  };
}

let found: CapacityReport;

beforeAll(async () => {
  found = await searchVirtually(BODY, { target: () => perSecond(20), atLeast: 10 });
});

test('found: the answer first, then every trial', () => {
  expect(renderCapacityText(found)).toMatchInlineSnapshot(`
    "test: holds up to 20 sessions/s (about 1,170 calls/min); at 21.81 sessions/s the first threshold to break is error_rate rate == 0%: 9.09%
      interval: 20 sessions/s held in all 2 runs, 21.81 sessions/s broke
      gate: at least 10 sessions/s: PASS
      target http://127.0.0.1:1; each trial: sessions start for 4 s, no warm-up, fresh servers, its own seed; resolution 10%
      judged by error_rate rate == 0%

    Trials
      #                    offered          started  calls/min  ttft p95  errors  429  generator  result
      1  first       10 sessions/s    10 sessions/s        585    100 ms      0%   0%  valid      held
      2  up          20 sessions/s    20 sessions/s      1,170    100 ms      0%   0%  valid      held
      3  up          40 sessions/s    40 sessions/s      1,200    100 ms     50%   0%  valid      broke: error_rate rate == 0%: 50%
      4  between  28.28 sessions/s  28.5 sessions/s      1,200    100 ms   29.8%   0%  valid      broke: error_rate rate == 0%: 29.8%
      5  between  23.78 sessions/s    24 sessions/s      1,200    100 ms   16.7%   0%  valid      broke: error_rate rate == 0%: 16.7%
      6  between  21.81 sessions/s    22 sessions/s      1,185    100 ms   9.09%   0%  valid      broke: error_rate rate == 0%: 9.09%
      7  confirm     20 sessions/s    20 sessions/s      1,170    100 ms      0%   0%  valid      held
      8  recheck  21.81 sessions/s    22 sessions/s      1,185    100 ms   9.09%   0%  valid      broke: error_rate rate == 0%: 9.09%
    "
  `);
});

test('a line when a trial has ended', () => {
  expect(renderTrialLine(found.trials[2]!, found.unit)).toMatchInlineSnapshot(
    `"trial 3: 40 sessions/s broke: error_rate rate == 0%: 50%, 1,200 calls/min, ttft p95 100 ms, errors 50%"`,
  );
});

test('nothing held', async () => {
  const report = await searchVirtually(BODY, {
    target: () => perSecond(0),
    search: { maxTrials: 2 },
  });
  expect(renderCapacityText(report).split('\n').slice(0, 2).join('\n')).toMatchInlineSnapshot(`
    "test: no load held, down to 5 sessions/s; at 5 sessions/s the first threshold to break is error_rate rate == 0%: 100%
      interval: nothing held, 5 sessions/s broke"
  `);
});

test('everything held up to the highest load allowed', async () => {
  const report = await searchVirtually(BODY, {
    target: () => perSecond(1000),
    search: { most: 15 },
  });
  expect(renderCapacityText(report).split('\n').slice(0, 2).join('\n')).toMatchInlineSnapshot(`
    "test: holds at least up to 15 sessions/s (about 870 calls/min); the search was not allowed to go higher
      interval: 15 sessions/s held in all 2 runs, nothing above it broke"
  `);
});

test('stopped before anything was known', async () => {
  const stop = { why: 'target', reason: 'the target answered nothing in trial 1' } as const;
  const report = await searchVirtually(BODY, { target: () => ({}), instead: { 1: stop } });
  expect(renderCapacityText(report)).toMatchInlineSnapshot(`
    "test: INCONCLUSIVE, no capacity was found
      - the target answered nothing in trial 1
      target http://127.0.0.1:1; each trial: sessions start for 4 s, no warm-up, fresh servers, its own seed; resolution 10%
      judged by error_rate rate == 0%
    "
  `);
});

test('loads below one session a second are told by the minute, names lose control characters', () => {
  const slow = {
    ...found,
    scenario: 'a\u001B[31mb',
    capacity: { load: 0.5, callsPerMinute: null, runs: 2 },
    interval: { held: 0.5, broken: null },
  };
  const text = renderCapacityText(slow);
  expect(text).toContain('holds up to 30 sessions/min; ');
  expect(text).not.toContain('\u001B');
});
