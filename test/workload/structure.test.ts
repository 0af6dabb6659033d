import { assert, property } from 'fast-check';
import { describe, expect, it, test } from 'vitest';

import type { Step, Turn } from '../../src/core/trace.ts';
import { NO_TOKENS } from '../../src/core/tokens.ts';
import { criticalPath } from '../../src/workload/critical-path.ts';
import { StructureFold } from '../../src/workload/structure.ts';
import type { StructureProfile } from '../../src/workload/structure.ts';
import { sessions } from './session-arbitrary.ts';
import { llm, session, tool } from './trace-builders.ts';

const NOTHING = {
  queueMs: 0,
  ttftMs: 0,
  decodeMs: 0,
  llmMs: 0,
  toolMs: 0,
  approvalMs: 0,
  stateMs: 0,
  retryMs: 0,
  gapMs: 0,
};

function turn(startMs: number, ...steps: Step[]): Turn {
  return { startMs, steps };
}

describe('critical path', () => {
  test.for([
    {
      why: 'a call splits at its first token',
      turn: turn(0, llm({ startMs: 0, endMs: 1000, ttftMs: 300 })),
      shares: { ttftMs: 300, decodeMs: 700 },
    },
    {
      why: 'without a first token the call stays whole',
      turn: turn(0, llm({ startMs: 0, endMs: 1000 })),
      shares: { llmMs: 1000 },
    },
    {
      why: 'time before the last attempt is retry',
      turn: turn(0, llm({ startMs: 0, endMs: 1000, attempts: [{ startMs: 0 }, { startMs: 600 }] })),
      shares: { retryMs: 600, llmMs: 400 },
    },
    {
      why: 'waits between steps and before the first one are gaps',
      turn: turn(
        0,
        llm({ id: 'a', startMs: 100, endMs: 300 }),
        tool({ id: 'b', after: ['a'], startMs: 350, endMs: 450 }),
      ),
      shares: { gapMs: 150, llmMs: 200, toolMs: 100 },
    },
    {
      why: "the model's queue is told apart from the rest of the first token",
      turn: turn(0, llm({ startMs: 0, endMs: 1000, ttftMs: 300, details: { queueMs: 120 } })),
      shares: { queueMs: 120, ttftMs: 180, decodeMs: 700 },
    },
    {
      why: 'a tool that waited for approval worked only the rest of its time',
      turn: turn(0, tool({ startMs: 0, endMs: 1000, humanWaitMs: 900 })),
      shares: { approvalMs: 900, toolMs: 100 },
    },
    {
      why: 'of parallel tools the slower one counts',
      turn: turn(
        0,
        llm({ id: 'a', startMs: 0, endMs: 100 }),
        tool({ id: 'b', after: ['a'], startMs: 100, endMs: 200 }),
        tool({ id: 'c', after: ['a'], startMs: 100, endMs: 500 }),
        llm({ id: 'd', after: ['b', 'c'], startMs: 500, endMs: 600 }),
      ),
      shares: { llmMs: 200, toolMs: 400 },
    },
    {
      why: 'a dependency that says nothing falls back on time',
      turn: turn(
        0,
        tool({ id: 'a', startMs: 0, endMs: 100 }),
        tool({ id: 'b', startMs: 100, endMs: 250 }),
      ),
      shares: { toolMs: 250 },
    },
  ])('$why', ({ turn: given, shares }) => {
    const path = criticalPath(given)!;
    expect(path.shares).toEqual({ ...NOTHING, ...shares });
  });

  it('is unknown without ends', () => {
    expect(criticalPath(turn(0, tool({ startMs: 0 })))).toBeNull();
  });

  it('always sums to the time from the start of the turn to its last end', () => {
    assert(
      property(sessions(), (list) => {
        for (const given of list.flatMap(({ turns }) => turns)) {
          const path = criticalPath(given);
          if (path === null) continue;
          let sum = 0;
          for (const share of Object.values(path.shares)) {
            expect(share).toBeGreaterThanOrEqual(0);
            sum += share;
          }
          expect(sum).toBe(path.totalMs);
          const ends = given.steps.flatMap(({ endMs }) => endMs ?? []);
          expect(path.totalMs).toBe(Math.max(...ends) - given.startMs);
        }
      }),
    );
  });

  it('takes linear time in long turns without dependencies', () => {
    const steps = Array.from({ length: 50_000 }, (_, index) =>
      tool({ id: String(index), startMs: index, endMs: index + 1 }),
    );
    expect(criticalPath(turn(0, ...steps))!.shares.toolMs).toBe(50_000);
  });
});

describe('StructureFold', () => {
  const of = (...list: Parameters<StructureFold['add']>[0][]): StructureProfile => {
    const fold = new StructureFold();
    for (const one of list) fold.add(one);
    return fold.figures()!;
  };
  const sized = (startMs: number, uncached: number, agent?: string): Step =>
    llm({
      id: String(startMs),
      startMs,
      tokens: { ...NO_TOKENS, uncached },
      ...(agent === undefined ? {} : { agent }),
    });

  it('is unknown without sessions', () => expect(new StructureFold().figures()).toBeNull());

  it('follows the context of each agent', () => {
    const { contextGrowth, contextSteps, contextShrinks, compactions, resendFactor, subAgents } =
      of(
        session('a', [
          [sized(0, 30_000), sized(1, 40_000), sized(2, 100, 'sub'), sized(3, 20_000)],
          [sized(4, 20_500)],
        ]),
      );
    expect([contextSteps, contextShrinks, compactions]).toEqual([3, 1, 1]);
    expect(contextGrowth).toMatchObject({ n: 3, min: -20_000, p50: 500, max: 10_000 });
    expect(resendFactor).toMatchObject({ n: 2, max: 110_500 / 20_500, min: 1 });
    expect(subAgents).toMatchObject({ count: 1, calls: { n: 1, mean: 1 } });
  });

  it('finds repeated tool calls and loops, within a session only', () => {
    const call = (argumentsHash: string | undefined): Step => tool({ argumentsHash });
    const looping = session('a', [
      [call('x'), call('x'), call('x')],
      [call('y'), call('x')],
    ]);
    expect(of(looping, session('b', [[call('x')]])).repeatedToolCalls).toEqual({
      hashed: 6,
      repeated: 3,
      longestLoop: 3,
    });
    expect(of(session('c', [[call(undefined)]])).repeatedToolCalls).toBeNull();
  });

  it('counts retries and whether they backed off', () => {
    const call = llm({
      attempts: [
        { startMs: 0, endMs: 10, status: 429 },
        { startMs: 20, endMs: 30, status: 429 },
        { startMs: 5000, status: 200 },
      ],
    });
    expect(of(session('a', [[call]])).retries).toEqual({
      callsWithRetry: 1,
      extraAttempts: 2,
      immediate: 1,
      rateLimited: 2,
    });
  });

  it('does not take tries known by number only for retries without a wait', () => {
    const numbered = llm({ attempts: [{ startMs: 7 }, { startMs: 7 }, { startMs: 7, endMs: 90 }] });
    expect(of(session('a', [[numbered]])).retries).toMatchObject({
      extraAttempts: 2,
      immediate: 0,
    });
  });
});
