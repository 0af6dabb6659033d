import { expect, test } from 'vitest';

import type { SessionSkeleton } from '../../src/core/trace.ts';
import { samplesOf, runVirtual, scenarioOf } from './virtual-run.ts';

/** Whole runs in virtual time: the figures must be exact, not roughly right. */

const tokens = {
  uncached: 50,
  cacheRead: 0,
  cacheWrite5m: 0,
  cacheWrite1h: 0,
  output: 5,
  reasoning: 0,
};
const llm = (
  id: string,
  after: string[] = [],
): SessionSkeleton['turns'][number]['steps'][number] => ({
  kind: 'llm',
  id,
  after,
  tokens,
});
const tool = (
  id: string,
  after: string[],
  durationMs: number,
): SessionSkeleton['turns'][number]['steps'][number] => ({
  kind: 'tool',
  id,
  after,
  name: 'x',
  durationMs,
});

/** One call of the fake server: 100 ms to the first token, 4 gaps of 10 ms. */
const CALL_MS = 140;

test('a session: calls, tool delays and think time, end to start', async () => {
  const skeleton: SessionSkeleton = {
    turns: [
      { thinkMs: 0, steps: [llm('a'), tool('t', ['a'], 500), llm('b', ['t'])] },
      { thinkMs: 2000, steps: [llm('a')] },
    ],
  };
  const { samples, summary } = await runVirtual(
    scenarioOf('sessions: 1\narrivals: {kind: constant, rate: 1/s}\n'),
    { skeleton: () => skeleton },
  );
  const attempts = samplesOf(samples, 'attempt').map(({ turn, call, intended, sent, end }) => ({
    turn,
    call,
    intended,
    sent,
    end,
  }));
  expect(attempts).toEqual([
    { turn: 0, call: 'a', intended: 0, sent: 0, end: 140 },
    { turn: 0, call: 'b', intended: 640, sent: 640, end: 780 },
    { turn: 1, call: 'a', intended: 2780, sent: 2780, end: 2920 },
  ]);
  expect(summary.metrics.session?.fromIntended).toMatchObject({ n: 1, max: 2920 });
  expect(summary.metrics.turn?.fromIntended).toMatchObject({ n: 2, min: 140, max: 780 });
  expect(summary.metrics.ttft?.fromSend).toMatchObject({ n: 3, min: 100, max: 100 });
  expect(summary.metrics.itl?.value).toMatchObject({ n: 3, mean: 10 });
  expect(summary.counters.calls).toMatchObject({ intended: 3, started: 3, completed: 3 });
  expect(summary.complete).toBe(true);
});

test('fan-out: branches run at once, the join waits for the slowest', async () => {
  const skeleton: SessionSkeleton = {
    turns: [
      { thinkMs: 0, steps: [llm('a'), llm('f1', ['a']), llm('f2', ['a']), llm('j', ['f1', 'f2'])] },
    ],
  };
  const { samples } = await runVirtual(
    scenarioOf('sessions: 1\narrivals: {kind: constant, rate: 1/s}\n'),
    { skeleton: () => skeleton, reply: ({ step }) => (step.id === 'f2' ? { ttft: 1000 } : {}) },
  );
  const starts = samplesOf(samples, 'attempt').map(({ call, sent }) => [call, sent]);
  expect(Object.fromEntries(starts)).toEqual({ a: 0, f1: 140, f2: 140, j: 140 + 1040 });
});

test('a slow target does not slow the arrivals of an open loop', async () => {
  const scenario = scenarioOf(
    'duration: 10s\narrivals: {kind: constant, rate: 5/s}\nworkload: {synthetic: {turns: 1, callsPerTurn: 1}}\n',
  );
  const { samples, summary } = await runVirtual(scenario, { reply: () => ({ ttft: 30_000 }) });
  expect(samplesOf(samples, 'arrival').map(({ at }) => at)).toEqual(
    Array.from({ length: 50 }, (_, index) => index * 200),
  );
  expect(summary.counters.sessions).toMatchObject({ intended: 50, completed: 50 });
});

test('a closed loop waits for its users', async () => {
  const scenario = scenarioOf(
    'duration: 10s\narrivals: {kind: users, users: 2}\nworkload: {synthetic: {turns: 1, callsPerTurn: 1}}\n',
  );
  const { summary } = await runVirtual(scenario, { reply: () => ({ ttft: 960 }) });
  // 960 + 4 × 10 ms per call: each user fits ten calls into 10 s.
  expect(summary.counters.sessions).toMatchObject({ intended: 20, completed: 20 });
});

test('drops: the session that finds the house full is counted, never made up', async () => {
  const scenario = scenarioOf(
    'sessions: 10\narrivals: {kind: constant, rate: 10/s}\nmaxSessions: 2\nworkload: {synthetic: {turns: 1, callsPerTurn: 1}}\n',
  );
  const { samples, summary } = await runVirtual(scenario, { reply: () => ({ ttft: 5000 }) });
  const { calls, sessions } = summary.counters;
  expect(sessions).toEqual({
    intended: 10,
    started: 2,
    dropped: 8,
    completed: 2,
    failed: 0,
    cut: 0,
  });
  expect(calls).toMatchObject({ intended: 10, started: 2, notStarted: 8 });
  expect(
    samplesOf(samples, 'arrival').filter(({ dropped }) => dropped === 'max-sessions'),
  ).toHaveLength(8);
  expect(summary.validity.verdict).toBe('invalid');
  expect(summary.verdict.status).toBe('inconclusive');
});

test('retries: the SDK policy waits for retry-after, user latency contains it, service does not', async () => {
  const scenario = scenarioOf(
    'sessions: 1\nretry: openai-js-6\narrivals: {kind: constant, rate: 1/s}\nworkload: {synthetic: {turns: 1, callsPerTurn: 1}}\n',
  );
  const { samples, summary } = await runVirtual(scenario, {
    reply: ({ attempt }) =>
      attempt < 3 ? { status: 429, ttft: 20, headers: { 'retry-after': '1' } } : {},
  });
  const attempts = samplesOf(samples, 'attempt');
  expect(
    attempts.map(({ attempt, last, outcome, sent, backoff }) => [
      attempt,
      last,
      outcome,
      sent,
      backoff,
    ]),
  ).toEqual([
    [1, false, 'failed', 0, 1000],
    [2, false, 'failed', 1020, 1000],
    [3, true, 'ok', 2040, undefined],
  ]);
  expect(summary.metrics.e2e?.fromIntended?.max).toBe(2040 + CALL_MS);
  expect(summary.metrics.e2e?.fromSend?.max).toBe(CALL_MS);
  expect(summary.counters.attempts).toMatchObject({ sent: 3, ok: 1, rateLimited: 2, retries: 2 });
  expect(summary.counters.calls).toMatchObject({ started: 1, completed: 1, failed: 0 });
  expect(summary.counters.backoffMs).toBe(2000);
});

test.for([
  { onFailure: 'end-turn', started: 3, notStarted: 1, why: 'the rest of the turn is skipped' },
  {
    onFailure: 'end-session',
    started: 1,
    notStarted: 3,
    why: 'the rest of the session is skipped',
  },
  { onFailure: 'continue', started: 4, notStarted: 0, why: 'everything is sent' },
])('a failed call under $onFailure: $why', async ({ onFailure, started, notStarted }) => {
  const scenario = scenarioOf(
    `sessions: 1\nonFailure: ${onFailure}\narrivals: {kind: constant, rate: 1/s}\nworkload: {synthetic: {turns: 2, callsPerTurn: 2}}\n`,
  );
  let first = true;
  const { summary } = await runVirtual(scenario, {
    reply: () => {
      const status = first ? 500 : 200;
      first = false;
      return { status };
    },
  });
  expect(summary.counters.calls).toMatchObject({ intended: 4, started, failed: 1, notStarted });
  expect(summary.counters.sessions).toMatchObject({ completed: 0, failed: 1 });
  expect(summary.errors).toEqual([{ error: 'http-500', count: 1 }]);
});

test('a stream without its terminal event is truncated, not a success', async () => {
  const scenario = scenarioOf(
    'sessions: 2\narrivals: {kind: constant, rate: 1/s}\nworkload: {synthetic: {turns: 1, callsPerTurn: 1}}\n',
  );
  const { summary } = await runVirtual(scenario, {
    reply: ({ session }) => ({ truncated: session === 0 }),
  });
  expect(summary.counters.calls).toMatchObject({ completed: 1, truncated: 1, failed: 0 });
  expect(summary.metrics.e2e?.fromSend?.n).toBe(1);
});

test('an interrupt stops arrivals, lets sessions finish within the grace, and cuts the rest', async () => {
  const scenario = scenarioOf(
    'sessions: 100\narrivals: {kind: constant, rate: 1/s}\nworkload: {synthetic: {turns: 1, callsPerTurn: 1}}\n',
  );
  const { samples, summary } = await runVirtual(scenario, {
    reply: ({ session }) => ({ ttft: session === 4 ? 60_000 : 100 }),
    during: (run, clock) => clock.at(clock.now() + 4500, () => run.stop('SIGINT', 10_000)),
  });
  expect(summary.counters.sessions).toMatchObject({ intended: 5, completed: 4, cut: 1 });
  expect(summary.complete).toBe(false);
  expect(summary.verdict.status).toBe('inconclusive');
  expect(samplesOf(samples, 'end')).toEqual([
    { type: 'end', at: 14_500, complete: false, stopped: 'SIGINT' },
  ]);
});

test('drain: sessions that outlast it are cut, the run is still complete', async () => {
  const scenario = scenarioOf(
    'sessions: 1\ndrain: 5s\narrivals: {kind: constant, rate: 1/s}\nworkload: {synthetic: {turns: 2, callsPerTurn: 1, thinkTime: 1h}}\n',
  );
  const { summary } = await runVirtual(scenario);
  expect(summary.counters.sessions).toMatchObject({ completed: 0, cut: 1 });
  expect(summary.complete).toBe(true);
});

test.for([
  { catchUp: 'burst', dropped: 0, lateIntended: 1000, why: 'started at once, times unchanged' },
  { catchUp: 'skip', dropped: 2, lateIntended: undefined, why: 'too late to count as this load' },
  { catchUp: 'shift', dropped: 0, lateIntended: 4000, why: 'the schedule moves back' },
])('catch-up $catchUp after a stalled client: $why', async ({ catchUp, dropped, lateIntended }) => {
  const scenario = scenarioOf(
    `sessions: 5\ncatchUp: ${catchUp}\narrivals: {kind: constant, rate: 1/s}\nworkload: {synthetic: {turns: 1, callsPerTurn: 1}}\n`,
  );
  // The stall: making session 0 takes the client 4 s in which its clock runs on.
  const { samples } = await runVirtual(scenario, { stallMs: 4000 });
  const arrivals = samplesOf(samples, 'arrival');
  expect(arrivals.filter((sample) => sample.dropped === 'late')).toHaveLength(dropped);
  const second = arrivals.find(({ session }) => session === 1);
  expect(second?.dropped === undefined ? second?.intended : undefined).toBe(lateIntended);
});

test('the same seed gives the same samples, another seed does not', async () => {
  const text =
    'sessions: 20\narrivals: {kind: poisson, rate: 2/s}\nworkload: {synthetic: {turns: {mean: 3, cv: 0.5}, thinkTime: {mean: 5s, cv: 1}}}\n';
  const [a, b, c] = await Promise.all([
    runVirtual(scenarioOf(text)),
    runVirtual(scenarioOf(text)),
    runVirtual(scenarioOf(text), { seed: 2 }),
  ]);
  expect(a.samples).toEqual(b.samples);
  expect(a.samples).not.toEqual(c.samples);
});

test('warm-up calls are counted and have no latencies', async () => {
  const scenario = scenarioOf(
    'sessions: 10\nwarmUp: 4500ms\narrivals: {kind: constant, rate: 1/s}\nworkload: {synthetic: {turns: 1, callsPerTurn: 1}}\n',
  );
  const { summary } = await runVirtual(scenario);
  expect(summary.counters.calls).toMatchObject({ completed: 10, warmUp: 5 });
  expect(summary.metrics.ttft?.fromIntended?.n).toBe(5);
});

test('200 agent sessions of an hour take no time to test', async () => {
  const scenario = scenarioOf(
    'sessions: 200\ndrain: 2h\narrivals: {kind: poisson, rate: 10/min}\nworkload: {synthetic: {turns: 4, callsPerTurn: 3, fanOut: 2, thinkTime: {mean: 60s, cv: 1}}}\n',
  );
  const { summary } = await runVirtual(scenario);
  // Per turn: 3 calls in sequence and 2 sub-agents.
  expect(summary.counters.calls).toMatchObject({ intended: 200 * 4 * 5, completed: 4000 });
  expect(summary.counters.sessions.completed).toBe(200);
});
