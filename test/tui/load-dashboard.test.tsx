import { renderToString } from 'ink';
import { expect, test } from 'vitest';

import type { Progress } from '../../src/loadtest/progress.ts';
import { renderProgressLine } from '../../src/report/loadtest-progress.ts';
import { LoadDashboard } from '../../src/tui/load-dashboard.tsx';
import { loadView } from '../../src/tui/load-view.ts';

const figures = (p50: number): { n: number; p50: number; p95: number; p99: number } => ({
  n: 400,
  p50,
  p95: p50 * 2,
  p99: p50 * 3,
});

const progress: Progress = {
  elapsedMs: 34_200,
  plannedSessions: 200,
  plannedMs: null,
  counters: {
    sessions: { intended: 120, started: 118, completed: 80, failed: 3, dropped: 2, cut: 0 },
    turns: { intended: 360, completed: 250, failed: 3, cut: 0 },
    calls: {
      intended: 720,
      started: 500,
      completed: 470,
      failed: 4,
      truncated: 1,
      cut: 0,
      notStarted: 220,
      warmUp: 0,
    },
    attempts: {
      sent: 512,
      ok: 470,
      rateLimited: 11,
      failed: 16,
      truncated: 1,
      cut: 0,
      retries: 12,
    },
    tokens: { input: 700_000, cacheRead: 300_000, output: 40_000, reasoning: 0 },
    backoffMs: 9000,
  },
  sessionsRunning: 35,
  callsRunning: 25,
  times: [
    { metric: 'ttft', intended: figures(320), send: figures(310) },
    { metric: 'itl', intended: null, send: figures(18) },
    { metric: 'turn', intended: figures(2400), send: figures(2390) },
    { metric: 'session', intended: null, send: null },
  ],
  errors: [
    { error: 'http-429', count: 11 },
    { error: 'timeout', count: 5 },
  ],
  health: {
    type: 'health',
    at: 34_000,
    intervalMs: 1000,
    loopDelayP99: 2.5,
    loopDelayMax: 9,
    runDelayPerS: 12,
    cpu: 0.31,
    rssMb: 143.2,
    sessionsRunning: 35,
    callsRunning: 25,
  },
  sendLagP99: 1.8,
  timeline: {
    bucketMs: 1000,
    arrived: Array.from({ length: 34 }, (_, second) => (second % 5) + 1),
    completed: Array.from({ length: 34 }, (_, second) => Math.min(20, second)),
    failed: Array.from({ length: 34 }, () => 0),
    ttftMs: Array.from({ length: 34 }, (_, second) => (second === 0 ? null : 300 + second)),
  },
  thresholds: [
    { metric: 'ttft', where: {}, expr: 'p95 < 1.5s', observed: 640, unit: 'ms', state: 'kept' },
    {
      metric: 'ttft',
      where: { from: 'send' },
      expr: 'p95 < 1.5s',
      observed: 620,
      unit: 'ms',
      state: 'kept',
    },
    {
      metric: 'error_rate',
      where: {},
      expr: 'rate < 1%',
      observed: 0.0106,
      unit: 'share',
      state: 'broken',
    },
    {
      metric: 'sessions',
      where: {},
      expr: 'count == 200',
      observed: 80,
      unit: 'count',
      state: 'not yet',
    },
    {
      metric: 'session',
      where: {},
      expr: 'p95 < 60s',
      observed: null,
      unit: 'ms',
      state: 'no data',
    },
  ],
};

function frame(columns: number, rows = 50, shown = progress): string {
  const view = loadView('gateway', shown, { columns, rows });
  return renderToString(<LoadDashboard view={view} columns={columns} colour={false} />, {
    columns,
  });
}

test('120 columns: facts beside times', () => {
  expect(frame(120)).toMatchInlineSnapshot(`
    "gateway                                                                                  34 s · Ctrl-C stops and reports
    ██████████████████████████████████████████▌░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  85 of 200 sessions

    sessions running            35                                      p50       p95       p99
    calls in flight             25    first token intended start     320 ms    640 ms    960 ms
    calls done                 470                send               310 ms    620 ms    930 ms
    calls failed                 5    inter-token                     18 ms     36 ms     54 ms
    answered 429                11    user turn   intended start      2.4 s     4.8 s     7.2 s
    retries                     12                send               2.39 s    4.78 s    7.17 s
    sessions dropped             2

                            ▂▂██      ▂▂██      ▂▂██      ▂▂██      ▂▂██      ▂▂██       peak 5/s
                          ▄▄████    ▄▄████    ▄▄████    ▄▄████    ▄▄████    ▄▄████    ▄▄
                        ▅▅██████  ▅▅██████  ▅▅██████  ▅▅██████  ▅▅██████  ▅▅██████  ▅▅██
    sessions started  ▇▇████████▇▇████████▇▇████████▇▇████████▇▇████████▇▇████████▇▇████ 3/s

                                                      ▂▂▄▄▅▅▇▇██████████████████████████ peak 20/s
                                            ▂▂▄▄▅▅▇▇████████████████████████████████████
                                  ▂▂▄▄▅▅▇▇██████████████████████████████████████████████
    calls done        ▁▁▂▂▄▄▅▅▇▇████████████████████████████████████████████████████████ 20/s

                        ▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇██████████████████████ peak 332 ms
                        ████████████████████████████████████████████████████████████████
                        ████████████████████████████████████████████████████████████████
    mean first token  ▁▁████████████████████████████████████████████████████████████████ 332 ms

    ✓ ttft p95 < 1.5s              640 ms  kept so far
    ✓ ttft (from send) p95 < 1.5s  620 ms  kept so far
    ✗ error_rate rate < 1%          1.06%  broken so far
    · sessions count == 200            80  not yet
    · session p95 < 60s                    no data yet

    http-429: refused by a rate limit                       11
    timeout: no complete answer in time                      5

    this client: send lag p99 1.8 ms · loop delay p99 2.5 ms · 0.31 cores · 143 MB"
  `);
});

test('80 columns: facts above times', () => {
  expect(frame(80)).toMatchInlineSnapshot(`
    "gateway                                          34 s · Ctrl-C stops and reports
    █████████████████████████▌░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  85 of 200 sessions

    sessions running        35    calls in flight         25
    calls done             470    calls failed             5
    answered 429            11    retries                 12
    sessions dropped         2

                                      p50       p95       p99
    first token intended start     320 ms    640 ms    960 ms
                send               310 ms    620 ms    930 ms
    inter-token                     18 ms     36 ms     54 ms
    user turn   intended start      2.4 s     4.8 s     7.2 s
                send               2.39 s    4.78 s    7.17 s

                         ▂█   ▂█   ▂█   ▂█   ▂█   ▂█    peak 5/s
                        ▄██  ▄██  ▄██  ▄██  ▄██  ▄██  ▄
                       ▅███ ▅███ ▅███ ▅███ ▅███ ▅███ ▅█
    sessions started  ▇████▇████▇████▇████▇████▇████▇██ 3/s

                                      ▂▄▅▇█████████████ peak 20/s
                                 ▂▄▅▇██████████████████
                            ▂▄▅▇███████████████████████
    calls done        ▁▂▄▅▇████████████████████████████ 20/s

                       ▆▆▆▆▆▆▆▆▆▆▆▇▇▇▇▇▇▇▇▇▇███████████ peak 332 ms
                       ████████████████████████████████
                       ████████████████████████████████
    mean first token  ▁████████████████████████████████ 332 ms

    ✓ ttft p95 < 1.5s              640 ms  kept so far
    ✓ ttft (from send) p95 < 1.5s  620 ms  kept so far
    ✗ error_rate rate < 1%          1.06%  broken so far
    · sessions count == 200            80  not yet
    · session p95 < 60s                    no data yet

    http-429: refused by a rate limit                       11
    timeout: no complete answer in time                      5

    this client: send lag p99 1.8 ms · loop delay p99 2.5 ms · 0.31 cores · 143 MB"
  `);
});

test.for([60, 80, 120, 200])('no line is wider than %i columns', (columns) => {
  const widest = Math.max(
    ...frame(columns)
      .split('\n')
      .map((line) => line.length),
  );
  expect(widest).toBeLessThanOrEqual(columns);
});

test('before the first answer there are no made-up figures', () => {
  const empty: Progress = {
    ...progress,
    times: progress.times.map(({ metric }) => ({ metric, intended: null, send: null })),
    health: null,
    sendLagP99: null,
    errors: [],
    timeline: { bucketMs: 1000, arrived: [], completed: [], failed: [], ttftMs: [] },
  };
  const view = loadView('gateway', empty, { columns: 80, rows: 24 });
  expect(view.times).toEqual([]);
  expect(view.health).toBe('send lag p99 unknown');
  expect(renderProgressLine(empty)).toContain('no first token yet');
});

test('a line for logs', () => {
  expect(renderProgressLine(progress)).toMatchInlineSnapshot(
    `"34.2 s · sessions 83/200 done, 35 running · 2 dropped · calls 470 ok, 5 failed · TTFT p50 320 ms p95 640 ms"`,
  );
});

test.for([
  { columns: 80, rows: 24, why: 'the default terminal' },
  { columns: 80, rows: 18, why: 'a pane' },
  { columns: 120, rows: 20, why: 'wide and short' },
  { columns: 60, rows: 24, why: 'narrow' },
])('never as high as the terminal ($why): ink would clear it whole', ({ columns, rows }) => {
  const many = {
    ...progress,
    thresholds: Array.from({ length: 12 }, () => progress.thresholds).flat(),
  };
  for (const shown of [progress, many]) {
    const lines = frame(columns, rows, shown).split('\n');
    expect(lines.length).toBeLessThan(rows);
    expect(lines.join('\n')).toContain('this client:');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
  }
  expect(frame(columns, rows, many)).toMatch(/\d+ more thresholds, \d+ of them broken/);
});
