import { beforeAll, expect, test } from 'vitest';

import type { LoadSummary } from '../../src/loadtest/summary.ts';
import { renderLoadJunit } from '../../src/report/loadtest-junit.ts';
import { renderLoadMarkdown } from '../../src/report/loadtest-markdown.ts';
import { renderLoadText } from '../../src/report/loadtest-text.ts';
import { runVirtual, scenarioOf } from '../loadtest/virtual-run.ts';

let summary: LoadSummary;

beforeAll(async () => {
  const scenario = scenarioOf(
    [
      'sessions: 100',
      'retry: openai-js-7',
      'arrivals: {kind: constant, rate: 5/s}',
      'workload: {synthetic: {turns: 2, callsPerTurn: 2}}',
      'thresholds:',
      '  - {metric: ttft, expr: "p95 < 1s"}',
      '  - {metric: turn, where: {from: send, turn: first}, expr: "p50 < 500ms"}',
      '  - {metric: error_rate, expr: "rate < 3%"}',
      '  - {metric: stall, expr: "p99 < 1s", severity: warn}',
      '',
    ].join('\n'),
  );
  ({ summary } = await runVirtual(scenario, {
    reply: ({ attempt, session }) => {
      if (session === 40) return { status: 503, ttft: 10 };
      return session % 10 === 3 && attempt === 1
        ? { status: 429, ttft: 5, headers: { 'retry-after': '1' } }
        : { ttft: 90 + (session % 7) * 10 };
    },
  }));
});

test('text', () => {
  expect(renderLoadText(summary, { colour: false })).toMatchInlineSnapshot(`
    "test: FAIL
      - ttft p95 < 1s: 1.13 s, the whole interval breaks it
      - turn (from send, first turn) p50 < 500ms: 820 ms, the whole interval breaks it
      ! 2 of 400 LLM calls failed (http-429, http-503)
      target http://127.0.0.1:1 (openai, m), engine builtin, seed 1, 29.22 s

    Counts
                 intended  started  completed  failed  cut
      sessions        100      100         99       1    0  dropped 0
      turns           200                 198       2    0
      LLM calls       400      398        396       2    0  truncated 0, not started 2
      attempts                 442        396      46    0  429 40, retries 44
      tokens reported: 635.6k in (0 from cache), 1,980 out (0 reasoning)
      rates: 3.42/s sessions, 13.6/s calls, 67.8/s output tokens; 42.58 s spent waiting between attempts

    Latency
                             counted from      n    mean     p50      p95       95% interval      p99      max
      time to first token    intended start  396  221 ms  120 ms   1.13 s    1.12 s – 1.15 s   1.16 s   1.16 s
                             send            396  119 ms  120 ms   150 ms    150 ms – 150 ms   150 ms   150 ms
      inter-token latency                    396   10 ms   10 ms    10 ms      10 ms – 10 ms    10 ms    10 ms
      time per output token                  396   10 ms   10 ms    10 ms      10 ms – 10 ms    10 ms    10 ms
      whole call             intended start  396  261 ms  160 ms   1.17 s    1.16 s – 1.19 s    1.2 s    1.2 s
                             send            396  159 ms  160 ms   190 ms    190 ms – 190 ms   190 ms   190 ms
      user turn              intended start  198  1.02 s  820 ms   2.83 s    2.81 s – 2.87 s   2.89 s   2.89 s
                             send            198  1.02 s  820 ms   2.83 s    2.81 s – 2.87 s   2.89 s   2.89 s
      session                intended start   99  7.04 s  6.64 s  10.67 s  10.58 s – 10.78 s  10.78 s  10.78 s
                             send             99  7.04 s  6.64 s  10.67 s  10.58 s – 10.78 s  10.78 s  10.78 s
      time to first byte     intended start  396  221 ms  120 ms   1.13 s    1.12 s – 1.15 s   1.16 s   1.16 s
                             send            396  119 ms  120 ms   150 ms    150 ms – 150 ms   150 ms   150 ms

    Over time (1 s per step)
      sessions     ████████████████████▁▁▁▁▁▁▁▁▁▁  peak 5/s
      calls done   ▃▄▄▄▄▄▅█▅▇▇█▆█▇▇▆█▇█▅▅▃▄▄▄▂▁▁▁  peak 23/s
      failed       ▂▁▃▁▃▁▃▁▇▂▆▁▆▁█▂▆▁▆▁▄▁▃▁▃▁▃▁▂▁  peak 6/s
      mean TTFT    ▁▂▁▃▁▃▁▂▁▂▁▃▁▃▁▃▁▃▁▃▁▃▁▃▁▃▁█ █  peak 1.14 s

    Thresholds
                                      limit        observed     95% interval
      ✗ ttft                          p95 < 1s       1.13 s  1.12 s – 1.15 s  fail: the whole interval breaks it
      ✗ turn (from send, first turn)  p50 < 500ms    820 ms  820 ms – 840 ms  fail: the whole interval breaks it
      ✓ error_rate                    rate < 3%          1%    0.39% – 2.54%  pass: the whole interval keeps it
      ? stall                         p99 < 1s      no data                   inconclusive: no data (warning only)

    Failed attempts
      http-429  40  refused by a rate limit
      http-503   6  the target is unavailable

    Is the generator to be believed?
      valid (it may add 10 ms to a latency)
      send lag p99 0 µs, event loop delay p99 not measured, waited for a CPU not measured

    Definitions
      ttfb      first byte of the response body − start
      ttft      first non-empty content, reasoning, tool-call or refusal delta − start
      e2e       terminal event of the stream − start
      itl       (last token − first token) / (output tokens − 1), one value per call
      tpot      (e2e − ttft) / (output tokens − 1), one value per call
      turn      last step of the turn done − start of the turn
      session   last turn done − start of the session
      send_lag  send − intended start of first attempts: the delay that this client adds
      start: the intended start (with every delay of this client, retries and their waits) or the send of the last try
      intervals: 95 %, by batch means in send order; percentiles: HDR histogram, within 0.1 %
    "
  `);
});

test('Markdown', () => {
  expect(renderLoadMarkdown(summary)).toMatchInlineSnapshot(`
    "## test: ❌ fail

    - ttft p95 < 1s: 1.13 s, the whole interval breaks it
    - turn (from send, first turn) p50 < 500ms: 820 ms, the whole interval breaks it

    99 of 100 sessions and 396 of 400 LLM calls completed in 29.22 s; engine builtin, seed 1.

    | threshold | limit | observed | result |
    | --- | --- | ---: | --- |
    | ttft | p95 < 1s | 1.13 s | ❌ fail: the whole interval breaks it |
    | turn (from send, first turn) | p50 < 500ms | 820 ms | ❌ fail: the whole interval breaks it |
    | error_rate | rate < 3% | 1% | ✅ pass: the whole interval keeps it |
    | stall | p99 < 1s | no data | ⚠️ inconclusive: no data (warning only) |

    | latency | from | n | p50 | p95 | p99 | max |
    | --- | --- | ---: | ---: | ---: | ---: | ---: |
    | ttft | intended start | 396 | 120 ms | 1.13 s | 1.16 s | 1.16 s |
    | ttft | send | 396 | 120 ms | 150 ms | 150 ms | 150 ms |
    | itl |  | 396 | 10 ms | 10 ms | 10 ms | 10 ms |
    | e2e | intended start | 396 | 160 ms | 1.17 s | 1.2 s | 1.2 s |
    | e2e | send | 396 | 160 ms | 190 ms | 190 ms | 190 ms |
    | turn | intended start | 198 | 820 ms | 2.83 s | 2.89 s | 2.89 s |
    | turn | send | 198 | 820 ms | 2.83 s | 2.89 s | 2.89 s |
    | session | intended start | 99 | 6.64 s | 10.67 s | 10.78 s | 10.78 s |
    | session | send | 99 | 6.64 s | 10.67 s | 10.78 s | 10.78 s |

    Failed attempts: http-429 ×40, http-503 ×6

    Generator: valid (send lag p99 0 µs). Retries: 44, 429: 40, truncated: 0.

    Tokens: 635.6k in, 1,980 out (67.8/s).
    "
  `);
});

test('JUnit: one case per binding threshold and one for the run, counts that add up', () => {
  const xml = renderLoadJunit(summary, 'lenient');
  expect(xml).toMatchInlineSnapshot(`
    "<?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="agent-infra" tests="4" failures="2" errors="0" time="29.220">
      <testsuite name="test" tests="4" failures="2" errors="0" skipped="0" time="29.220" timestamp="2026-01-01T00:00:00">
        <testcase name="run" classname="checks.run" time="0"/>
        <testcase name="ttft p95 &lt; 1s" classname="thresholds.ttft" time="0">
          <failure message="observed 1.13 s: the whole interval breaks it"/>
        </testcase>
        <testcase name="turn (from send, first turn) p50 &lt; 500ms" classname="thresholds.turn" time="0">
          <failure message="observed 820 ms: the whole interval breaks it"/>
        </testcase>
        <testcase name="error_rate rate &lt; 3%" classname="thresholds.error_rate" time="0"/>
      </testsuite>
    </testsuites>
    "
  `);
  const cases = xml.match(/<testcase /g)!.length;
  const failures = xml.match(/<failure /g)?.length ?? 0;
  expect(xml).toContain(`tests="${cases}" failures="${failures}"`);
});

test('JUnit: inconclusive is skipped, and an error when strict', () => {
  const open = {
    ...summary,
    thresholds: summary.thresholds.map((result) => ({
      ...result,
      status: 'inconclusive' as const,
    })),
  };
  expect(renderLoadJunit(open, 'lenient')).toContain('<skipped message=');
  expect(renderLoadJunit(open, 'strict')).toContain('<error message=');
  expect(renderLoadJunit(open, 'strict')).toMatch(/errors="3"/);
});

test('names from outside cannot break a report', () => {
  const hostile = {
    ...summary,
    run: { ...summary.run, scenario: 'a<b>&"|\u0007' },
    errors: [{ error: 'x|\u001B[31m', count: 2 }],
  };
  expect(renderLoadJunit(hostile, 'lenient')).toContain('name="a&lt;b&gt;&amp;&quot;|"');
  expect(renderLoadText(hostile, { colour: false }).replaceAll('\u0007', '')).not.toContain(
    '\u001B',
  );
  expect(renderLoadMarkdown(hostile)).toContain('x\\|');
});
