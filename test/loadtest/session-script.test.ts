import fc from 'fast-check';
import { expect, test } from 'vitest';

import { inputTokens, NO_TOKENS } from '../../src/core/tokens.ts';
import { randomStreams } from '../../src/core/random.ts';
import type { SessionSkeleton, StepSkeleton } from '../../src/core/trace.ts';
import { dialects, estimateInputTokens } from '../../src/http/dialects.ts';
import { wireRequest } from '../../src/loadtest/request-body.ts';
import { callsOf, scriptSession } from '../../src/loadtest/session-script.ts';
import type { LlmStep, ScriptOptions } from '../../src/loadtest/session-script.ts';
import { syntheticSessions } from '../../src/loadtest/synthetic.ts';
import { scenarioOf } from './virtual-run.ts';

const options: ScriptOptions = {
  seed: 1,
  model: 'm',
  keepModels: false,
  thinkTimeScale: 1,
  toolTimeScale: 1,
};

function llm(
  id: string,
  after: string[],
  input: number,
  output: number,
  cacheRead = 0,
): StepSkeleton {
  return {
    kind: 'llm',
    id,
    after,
    model: 'recorded',
    tokens: {
      uncached: input - cacheRead,
      cacheRead,
      cacheWrite5m: 0,
      cacheWrite1h: 0,
      output,
      reasoning: 0,
    },
  };
}

function callsIn(skeleton: SessionSkeleton, change: Partial<ScriptOptions> = {}): LlmStep[] {
  const script = scriptSession(skeleton, 3, { ...options, ...change });
  return script.turns.flatMap(({ steps }) => steps.filter((step) => step.kind === 'llm'));
}

test('history grows: each call continues the one before it, with its answer', () => {
  const [first, second, third] = callsIn({
    turns: [
      { thinkMs: 0, steps: [llm('a', [], 500, 40, 400), llm('b', ['a'], 700, 30)] },
      { thinkMs: 5, steps: [llm('a', [], 900, 20)] },
    ],
  });
  expect(first!.messages.map(({ role, tokens }) => [role, tokens])).toEqual([
    ['system', 400],
    ['user', 100],
  ]);
  expect(second!.messages.slice(0, 2)).toEqual(first!.messages);
  expect(second!.messages.map(({ role, tokens }) => [role, tokens])).toEqual([
    ['system', 400],
    ['user', 100],
    ['assistant', 40],
    ['user', 160],
  ]);
  expect(third!.messages.slice(0, 4)).toEqual(second!.messages);
});

test('a shorter prompt is a fresh context that keeps the instructions: sub-agent or compaction', () => {
  const [, sub, join] = callsIn({
    turns: [
      {
        thinkMs: 0,
        steps: [llm('a', [], 2000, 40, 400), llm('f', ['a'], 600, 10), llm('j', ['f'], 2500, 10)],
      },
    ],
  });
  expect(sub!.messages.map(({ role, tokens }) => [role, tokens])).toEqual([
    ['system', 400],
    ['user', 200],
  ]);
  // The join continues the main line, not the sub-agent.
  expect(join!.messages.slice(0, 3).map(({ tokens }) => tokens)).toEqual([400, 1600, 40]);
});

test('scales and caps apply to waits only', () => {
  const skeleton: SessionSkeleton = {
    turns: [
      {
        thinkMs: 0,
        steps: [
          llm('a', [], 100, 5),
          { kind: 'tool', id: 't', after: ['a'], name: 'x', durationMs: 4000 },
        ],
      },
      { thinkMs: 60_000, steps: [llm('a', [], 200, 5)] },
    ],
  };
  const change = { thinkTimeScale: 0.5, toolTimeScale: 2, maxThinkMs: 10_000, maxToolMs: 9000 };
  const { turns } = scriptSession(skeleton, 0, { ...options, ...change });
  expect(turns[1]!.thinkMs).toBe(10_000);
  expect(turns[0]!.steps[1]).toMatchObject({ kind: 'wait', waitMs: 8000 });
});

test("models: replaced by the target's unless they are kept", () => {
  const skeleton = { turns: [{ thinkMs: 0, steps: [llm('a', [], 100, 5)] }] };
  expect(callsIn(skeleton)[0]!.model).toBe('m');
  expect(callsIn(skeleton, { keepModels: true })[0]!.model).toBe('recorded');
});

test('a step that waits for a later one is refused', () => {
  const skeleton = {
    turns: [{ thinkMs: 0, steps: [llm('a', ['b'], 100, 5), llm('b', [], 100, 5)] }],
  };
  expect(() => scriptSession(skeleton, 0, options)).toThrow('not an earlier step');
});

test.for(['openai', 'anthropic'] as const)(
  '%s: the body counts as the recorded tokens, by the estimate the gateway uses',
  (dialect) => {
    const wire = dialect === 'openai' ? 'openai-chat' : 'anthropic-messages';
    const streams = randomStreams(7);
    const shape = scenarioOf(
      'sessions: 1\narrivals: {kind: users, users: 1}\nworkload: {synthetic: {turns: 3, callsPerTurn: 3, fanOut: 2, tokens: {user: {mean: 90, cv: 0.5}}}}\n',
    ).workload.synthetic!;
    for (let index = 0; index < 10; index += 1) {
      const skeleton = syntheticSessions(shape, streams)(index);
      for (const step of callsIn(skeleton)) {
        const body = JSON.parse(wireRequest(dialect, step).body) as Record<string, unknown>;
        const estimate = estimateInputTokens(wire, body);
        // A system prompt outside the messages has no frame of its own there.
        expect(Math.abs(estimate - step.inputTokens)).toBeLessThanOrEqual(
          dialect === 'openai' ? 0 : 6,
        );
        expect(dialects[wire].readRequest(body)).toMatchObject({ ok: true });
      }
    }
  },
);

test('no two sessions send the same prompt, and the same session always does', () => {
  const shape = scenarioOf('sessions: 1\narrivals: {kind: users, users: 1}\n').workload.synthetic!;
  const bodies = (): string[] =>
    Array.from({ length: 30 }, (_, index) => {
      const skeleton = syntheticSessions(shape, randomStreams(1))(index);
      const script = scriptSession(skeleton, index, options);
      return script.turns.flatMap(({ steps }) =>
        steps.flatMap((step) => (step.kind === 'llm' ? [wireRequest('openai', step).body] : [])),
      );
    }).flat();
  expect(new Set(bodies()).size).toBe(bodies().length);
  expect(bodies()).toEqual(bodies());
});

test('property: whatever the sizes, every call has its recorded prompt length and ends with a user message', () => {
  const size = fc.integer({ min: 1, max: 5000 });
  const turn = fc.array(fc.tuple(size, size), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.array(turn, { minLength: 1, maxLength: 4 }), fc.boolean(), (turns, chained) => {
      const skeleton: SessionSkeleton = {
        turns: turns.map((calls) => ({
          thinkMs: 0,
          steps: calls.map(([input, output], index) =>
            llm(`c${index}`, chained && index > 0 ? [`c${index - 1}`] : [], input, output),
          ),
        })),
      };
      const script = scriptSession(skeleton, 0, options);
      expect(callsOf(script)).toBe(turns.flat().length);
      for (const [number, { steps }] of script.turns.entries()) {
        for (const [place, step] of steps.entries()) {
          if (step.kind !== 'llm') continue;
          const recorded = skeleton.turns[number]!.steps[place]!;
          const wanted = recorded.kind === 'llm' ? inputTokens(recorded.tokens) : 0;
          const sum = step.messages.reduce((total, { tokens }) => total + tokens, 0);
          expect(sum).toBe(wanted);
          expect(step.messages.at(-1)!.role).toBe('user');
          expect(step.messages.every(({ tokens }) => tokens > 0)).toBe(true);
        }
      }
    }),
  );
});

test('a long turn of parallel tools is scripted in an instant: candidates do not double', () => {
  const steps: StepSkeleton[] = [];
  let after: string[] = [];
  for (let call = 0; call < 60; call += 1) {
    steps.push({
      kind: 'llm',
      id: `c${call}`,
      after,
      tokens: { ...NO_TOKENS, uncached: 100 + call, output: 5 },
    });
    after = ['x', 'y', 'z'].map((tool) => `${tool}${call}`);
    for (const id of after) {
      steps.push({ kind: 'tool', id, after: [`c${call}`], name: 'tool', durationMs: 1 });
    }
  }
  const script = scriptSession({ turns: [{ thinkMs: 0, steps }] }, 0, options);
  expect(callsOf(script)).toBe(60);
});
