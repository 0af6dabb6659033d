import { describe, expect, test } from 'vitest';

import type { AttemptSample, Sample } from '../../src/loadtest/sample.ts';
import { RunChartFold } from '../../src/report/charts-run.ts';
import type { RunCharts } from '../../src/report/charts-run.ts';

const attempt = (fields: Partial<AttemptSample>): AttemptSample => ({
  type: 'attempt',
  session: 1,
  turn: 0,
  call: 'a',
  attempt: 1,
  last: true,
  outcome: 'ok',
  model: 'm',
  intended: 0,
  ready: 0,
  sent: 0,
  end: 0,
  ...fields,
});

function fold(samples: readonly Sample[]): RunCharts {
  const charts = new RunChartFold();
  for (const sample of samples) charts.add(sample);
  return charts.view();
}

describe('the fold for the charts', () => {
  test('counts attempts where they were sent, tokens and ends where they ended', () => {
    const { buckets, bucketMs } = fold([
      attempt({ sent: 100, firstToken: 400, end: 1500, input: 10, output: 5 }),
      attempt({ sent: 200, end: 210, status: 429, outcome: 'failed', last: false }),
      attempt({ sent: 1210, end: 2100, attempt: 2, firstToken: 1300, input: 1, output: 1 }),
      attempt({ sent: 1220, end: 1230, outcome: 'truncated' }),
    ]);
    expect(bucketMs).toBe(1000);
    expect(
      buckets.map(({ sent, refused, retries, completed, failed, tokens, inFlight }) => ({
        sent,
        refused,
        retries,
        completed,
        failed,
        tokens,
        inFlight,
      })),
    ).toEqual([
      { sent: 2, refused: 1, retries: 0, completed: 0, failed: 0, tokens: 0, inFlight: 1 },
      { sent: 2, refused: 0, retries: 1, completed: 1, failed: 1, tokens: 15, inFlight: 1 },
      { sent: 0, refused: 0, retries: 0, completed: 1, failed: 0, tokens: 2, inFlight: 0 },
    ]);
  });

  test('latencies from both starts, and none from the warm-up or a refused call', () => {
    const charts = fold([
      { type: 'run', warmUpMs: 500 } as Sample,
      attempt({ intended: 100, sent: 100, firstToken: 200, end: 300 }),
      attempt({ intended: 600, sent: 700, firstToken: 1000, end: 1300 }),
      attempt({ intended: 600, sent: 600, end: 610, outcome: 'failed', status: 429, last: false }),
    ]);
    expect(charts.ttft.intended.count).toBe(1);
    expect(charts.ttft.intended.maxMs).toBe(400);
    expect(charts.ttft.send.maxMs).toBe(300);
  });

  test('an attempt that was never sent is in no bucket', () => {
    expect(fold([attempt({ sent: undefined, end: 900, outcome: 'failed' })]).buckets).toEqual([]);
  });

  test('a long run widens its buckets and loses nothing', () => {
    const calls = Array.from({ length: 1000 }, (_, index) =>
      attempt({
        sent: index * 1000,
        end: index * 1000 + 10,
        firstToken: index * 1000 + 5,
        output: 1,
        input: 0,
      }),
    );
    const { bucketMs, buckets } = fold(calls);
    expect(buckets.length).toBeLessThanOrEqual(240);
    expect(bucketMs).toBe(8000);
    expect(buckets.reduce((sum, { sent }) => sum + sent, 0)).toBe(1000);
    expect(buckets.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(1000);
    expect(buckets.at(-1)!.inFlight).toBe(0);
  });

  test('sessions carry their attempts, running sessions are counted', () => {
    const charts = fold([
      { type: 'arrival', session: 1, intended: 0, at: 0, turns: 1, calls: 1 },
      { type: 'arrival', session: 2, intended: 0, at: 0, turns: 1, calls: 1, dropped: 'late' },
      attempt({ sent: 10, end: 20 }),
      { type: 'session', session: 1, outcome: 'ok', intended: 0, start: 0, end: 1500 },
    ]);
    expect(charts.sessions).toHaveLength(1);
    expect(charts.sessions[0]!.attempts).toHaveLength(1);
    expect(charts.buckets.map(({ sessionsRunning }) => sessionsRunning)).toEqual([1, 0]);
  });
});
