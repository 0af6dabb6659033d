import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { freeGraph, sessionGraph } from '../../src/capacity/session-graph.ts';
import { ASSUMED_TIMING, trafficFromSkeletons } from '../../src/capacity/traffic.ts';
import { sessionsFromNumbers } from '../../src/capacity/numbers-workload.ts';
import { playedSession } from '../../src/capacity/played-session.ts';
import { SessionPlay } from '../../src/capacity/session-play.ts';
import { randomStreams } from '../../src/core/random.ts';
import { NO_TOKENS } from '../../src/core/tokens.ts';
import type { SessionSkeleton, StepSkeleton } from '../../src/core/trace.ts';
import { routeOf } from './example-plan.ts';

const llm = (id: string, ...after: string[]): StepSkeleton => ({
  kind: 'llm',
  id,
  after,
  tokens: NO_TOKENS,
  durationMs: 100,
});
const tool = (id: string, durationMs: number, ...after: string[]): StepSkeleton => ({
  kind: 'tool',
  id,
  after,
  name: 'tool',
  durationMs,
});

const FAN_OUT: SessionSkeleton = {
  turns: [
    {
      thinkMs: 0,
      steps: [
        llm('plan'),
        tool('search', 50, 'plan'),
        llm('left', 'search'),
        llm('right', 'plan'),
        llm('join', 'left', 'right'),
      ],
    },
    { thinkMs: 1000, steps: [tool('prepare', 30), llm('answer', 'prepare')] },
  ],
};

describe('what a call waits for', () => {
  test('tools become gaps; a join waits for both branches', () => {
    const { calls, turns } = sessionGraph(FAN_OUT);
    expect(calls.map(({ after }) => after)).toEqual([
      [],
      [{ call: 0, gapMs: 50 }],
      [{ call: 0, gapMs: 0 }],
      [
        { call: 1, gapMs: 0 },
        { call: 2, gapMs: 0 },
      ],
      [],
    ]);
    expect(calls[4]!.leastMs).toBe(30);
    expect(turns[0]!.ends).toEqual([{ call: 3, gapMs: 0 }]);
    expect(turns[1]).toMatchObject({ thinkMs: 1000, firstCall: 4, endCall: 5 });
  });

  test('calls without a known order start when they start', () => {
    expect(freeGraph([5, 7]).calls.map(({ leastMs }) => leastMs)).toEqual([5, 7]);
  });
});

/** Plays a session in which every call takes its time, one of them more. */
function startsOf(
  skeleton: SessionSkeleton,
  late: { readonly call: number; readonly byMs: number } = { call: -1, byMs: 0 },
  window: { readonly fromMs: number; readonly toMs: number } = { fromMs: 0, toMs: Infinity },
): Map<number, number> {
  const traffic = trafficFromSkeletons([skeleton], { timing: ASSUMED_TIMING, tokensKnown: true });
  const session = playedSession(traffic, routeOf(), 0);
  const { calls } = session;
  const due: { call: number; atMs: number }[] = [];
  const starts = new Map<number, number>();
  const part = { session, startMs: 0, beginMs: 0, ...window, first: 0, end: calls.length };
  const play = new SessionPlay([part], 'end-turn', (call, atMs) => {
    starts.set(call, atMs);
    const ms = calls[call]!.durationMs + (call === late.call ? late.byMs : 0);
    due.push({ call, atMs: atMs + ms });
  });
  play.begin(0);
  while (due.length > 0) {
    due.sort((a, b) => b.atMs - a.atMs);
    const { atMs, call } = due.pop()!;
    play.finish(call, atMs, 'ok');
  }
  return starts;
}

describe('a session as it happens', () => {
  test('undisturbed, every call starts at its offset, in whole and in parts', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 4 }),
        fc.nat(3000),
        fc.nat(20_000),
        (turnsPerSession, callsPerTurn, fanOut, toolMs, cutMs) => {
          const numbers = { turnsPerSession, callsPerTurn, fanOut, thinkMs: 700, toolMs };
          const [skeleton] = sessionsFromNumbers({ ...numbers, callMs: 900 }, randomStreams(1));
          const options = { timing: ASSUMED_TIMING, tokensKnown: true };
          const { calls } = trafficFromSkeletons([skeleton!], options).sessions[0]!;
          const offsets = calls.map(({ offsetMs }, call) => [call, offsetMs] as const);
          expect([...startsOf(skeleton!)].toSorted(([a], [b]) => a - b)).toEqual(offsets);
          for (const window of [
            { fromMs: 0, toMs: cutMs },
            { fromMs: cutMs, toMs: Infinity },
          ]) {
            const played = startsOf(skeleton!, undefined, window);
            expect([...played].toSorted(([a], [b]) => a - b)).toEqual(
              offsets.filter(([, ms]) => ms >= window.fromMs && ms < window.toMs),
            );
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test('what waits for a late call comes later by as much, what does not stays', () => {
    const starts = startsOf(FAN_OUT, { call: 1, byMs: 400 });
    // plan 0-100, search to 150, left 150-250 and 400 late, right from 100; then a thousand of thought.
    expect([...starts.entries()].toSorted(([a], [b]) => a - b)).toEqual([
      [0, 0],
      [1, 150],
      [2, 100],
      [3, 650],
      [4, 650 + 100 + 1000 + 30],
    ]);
  });

  test('slack hides a delay that is shorter', () => {
    expect(startsOf(FAN_OUT, { call: 2, byMs: 50 }).get(3)).toBe(250);
  });
});
