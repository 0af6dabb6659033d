import { array, boolean, constantFrom, integer, option, record, string, tuple } from 'fast-check';
import type { Arbitrary } from 'fast-check';

import type { Session, Step } from '../../src/core/trace.ts';
import { NO_TOKENS } from '../../src/core/tokens.ts';

const token = integer({ min: 0, max: 100_000 });
const start = integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 });

const step: Arbitrary<Step> = tuple(
  constantFrom('llm', 'tool', 'state'),
  record({
    startMs: start,
    lengthMs: option(integer({ min: 0, max: 50_000 }), { nil: undefined }),
    tokens: record({
      uncached: token,
      cacheRead: token,
      cacheWrite5m: token,
      cacheWrite1h: token,
      output: token,
    }),
    name: string(),
    after: array(constantFrom('0', '1', '2', '3', 'nowhere'), { maxLength: 2 }),
    isMissing: boolean(),
    isSubAgent: boolean(),
  }),
).map(([kind, fields]): Step => {
  const { startMs, lengthMs, after, name } = fields;
  const base = {
    id: '',
    after,
    startMs,
    endMs: lengthMs === undefined ? undefined : startMs + lengthMs,
  };
  if (kind === 'tool') return { ...base, kind, name };
  if (kind === 'state') return { ...base, kind, operation: 'read' };
  return {
    ...base,
    kind: 'llm',
    model: name === '' ? undefined : name,
    tokens: fields.isMissing ? NO_TOKENS : { ...NO_TOKENS, ...fields.tokens },
    tokensBasis: fields.isMissing ? 'missing' : 'reported',
    attempts: [{ startMs }],
    ...(fields.isSubAgent ? { agent: 'sub' } : {}),
  };
});

/** Sessions with overlapping steps, missing ends and tokens, and dependencies in any direction. */
export function sessions(): Arbitrary<Session[]> {
  const turn = array(step, { maxLength: 5 }).map((steps) => ({
    startMs: Math.min(...steps.map(({ startMs }) => startMs), 1_700_000_100_000),
    steps: steps.map((one, index) => ({ ...one, id: String(index) })),
  }));
  return array(tuple(string(), array(turn, { minLength: 1, maxLength: 3 })), { maxLength: 6 }).map(
    (list) => list.map(([id, turns], index) => ({ id: `${index}${id}`, turns })),
  );
}
