import type { LlmCall, Session, Step, ToolCall } from '../../src/core/trace.ts';
import { NO_TOKENS } from '../../src/core/tokens.ts';

/** A call of 100 input and 10 output tokens that starts at 0 and takes a second. */
export function llm(fields: Partial<LlmCall>): LlmCall {
  const startMs = fields.startMs ?? 0;
  return {
    kind: 'llm',
    id: 'llm',
    after: [],
    startMs,
    endMs: startMs + 1000,
    tokens: { ...NO_TOKENS, uncached: 100, output: 10 },
    tokensBasis: 'reported',
    attempts: [{ startMs }],
    ...fields,
  };
}

export function tool(fields: Partial<ToolCall>): ToolCall {
  return { kind: 'tool', id: 'tool', after: [], startMs: 0, name: 'search', ...fields };
}

/** One list of steps per turn; a turn starts with its first step. */
export function session(
  id: string,
  turns: readonly (readonly Step[])[],
  fields: Partial<Session> = {},
): Session {
  return {
    id,
    turns: turns.map((steps) => ({
      startMs: Math.min(...steps.map(({ startMs }) => startMs)),
      steps,
    })),
    ...fields,
  };
}
