import { describe, expect, it } from 'vitest';

import { NO_TOKENS } from '../../src/core/tokens.ts';
import type { Step, StateOperation } from '../../src/core/trace.ts';
import { FanOutFold } from '../../src/workload/fan-out.ts';
import { RetryFold } from '../../src/workload/retry-waits.ts';
import { StateFold } from '../../src/workload/state-size.ts';
import { llm, session, tool } from './trace-builders.ts';

const input = (uncached: number): { tokens: typeof NO_TOKENS } => ({
  tokens: { ...NO_TOKENS, uncached },
});

describe('fan-out', () => {
  it('counts tools per answer, calls begun together, and the tokens that a join brings back', () => {
    const steps: Step[] = [
      llm({ id: 'a', ...input(1000) }),
      tool({ id: 't1', after: ['a'] }),
      tool({ id: 't2', after: ['a'] }),
      llm({ id: 'x', after: ['a'], agent: 'sub', ...input(500) }),
      llm({ id: 'y', after: ['a'], agent: 'sub 2', ...input(500) }),
      llm({ id: 'z', after: ['a'], agent: 'sub 3', ...input(500) }),
      // Three children and the two tools that started some of them: three results.
      llm({ id: 'b', after: ['t1', 't2', 'x', 'y', 'z'], ...input(4500) }),
      llm({ id: 'c', after: ['b'], ...input(5000) }),
    ];
    const fold = new FanOutFold();
    fold.add(session('s', [steps]));
    const { toolsPerAnswer, spawnWidth, joinWidth, joinSpike } = fold.figures();
    expect(toolsPerAnswer).toMatchObject({ n: 1, max: 2 });
    expect(spawnWidth).toMatchObject({ n: 1, max: 3 });
    expect(joinWidth).toMatchObject({ n: 1, max: 3 });
    expect(joinSpike).toMatchObject({ n: 1, max: 3500 });
  });

  it('finds none in a chain', () => {
    const fold = new FanOutFold();
    fold.add(
      session('s', [[llm({ id: 'a' }), tool({ id: 't', after: ['a'] }), llm({ after: ['t'] })]]),
    );
    expect(fold.figures()).toMatchObject({ spawnWidth: null, joinWidth: null, joinSpike: null });
  });

  it('compares a join with the same agent in the turn before', () => {
    const fold = new FanOutFold();
    fold.add(
      session('s', [
        [llm({ ...input(100) })],
        [tool({ id: 'p' }), tool({ id: 'q' }), llm({ id: 'j', after: ['p', 'q'], ...input(700) })],
      ]),
    );
    expect(fold.figures().joinSpike).toMatchObject({ n: 1, max: 600 });
  });
});

describe('waits before retries', () => {
  it('come from attempts and from calls after a failed one', () => {
    const fold = new RetryFold();
    fold.add(
      session('s', [
        [
          llm({
            attempts: [
              { startMs: 0, endMs: 100, status: 429 },
              { startMs: 2100, endMs: 3000 },
            ],
          }),
          llm({ startMs: 5000, endMs: 5100, error: '500' }),
          llm({ startMs: 5200, endMs: 6000, agent: 'other' }),
          llm({ startMs: 5600, endMs: 6000 }),
          llm({ startMs: 9000, endMs: 9100, error: '500' }),
          // Minutes later it is new work.
          llm({ startMs: 400_000 }),
        ],
      ]),
    );
    const { waitMs, failedThenCalled, immediately } = fold.figures();
    expect([waitMs!.min, waitMs!.max, waitMs!.n]).toEqual([500, 2000, 2]);
    expect([failedThenCalled, immediately]).toEqual([1, 1]);
  });

  it('are unknown for tries known by number only', () => {
    const fold = new RetryFold();
    fold.add(session('s', [[llm({ attempts: [{ startMs: 0 }, { startMs: 0 }] })]]));
    expect(fold.figures().waitMs).toBeNull();
  });
});

describe('state sizes', () => {
  const state = (operation: 'read' | 'write', fields: Partial<StateOperation>): StateOperation => ({
    kind: 'state',
    id: 's',
    after: [],
    startMs: 0,
    operation,
    ...fields,
  });

  it('tell reads, writes, and how much what a session reads has grown, store by store', () => {
    const fold = new StateFold();
    fold.add(
      session('s', [
        [state('read', { bytes: 100, store: 'notes' }), state('write', { bytes: 50, records: 2 })],
        [state('read', { bytes: 10, store: 'index' }), state('write', { bytes: 70 })],
        [state('read', { bytes: 340, store: 'notes' })],
      ]),
    );
    const sizes = fold.figures()!;
    expect(sizes.readSize).toMatchObject({ n: 3, max: 340 });
    expect(sizes.writtenPerSession).toMatchObject({ n: 1, max: 120 });
    expect(sizes.readGrowth).toMatchObject({ n: 1, max: 240 });
    expect(sizes.records).toMatchObject({ n: 1, max: 2 });
  });

  it('are null when no size is known', () => {
    const fold = new StateFold();
    fold.add(session('s', [[state('read', {})]]));
    expect(fold.figures()).toBeNull();
  });
});
