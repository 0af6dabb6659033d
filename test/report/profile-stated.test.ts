import { expect, test } from 'vitest';

import type { LlmCall } from '../../src/core/trace.ts';
import { statedLines } from '../../src/report/profile-stated.ts';
import { ProfileFold } from '../../src/workload/profile-fold.ts';
import { llm, session } from '../workload/trace-builders.ts';

function linesOf(costs: readonly (number | undefined)[], stated?: object): readonly string[] {
  const fold = new ProfileFold();
  const calls = costs.map((costUsd, index): LlmCall =>
    llm({ id: String(index), details: { costUsd } }),
  );
  fold.session(
    session(
      's',
      [calls],
      stated === undefined ? {} : { stated: { subAgentTokens: [], ...stated } },
    ),
  );
  return statedLines(fold.profile({ name: 'p', format: 'f', files: [] }));
}

test.for([
  { why: 'nothing stated gives no line', costs: [undefined], stated: undefined, lines: [] },
  {
    why: 'a total of some calls says of how many',
    costs: [0.25, 0.75, undefined],
    stated: undefined,
    lines: [
      '  cost as the source recorded it, 2 of 3 calls: $1.00; per call p50 $0.500, p95 $0.725',
    ],
  },
  {
    why: 'only the sizes that are stated',
    costs: [0.5],
    stated: { toolTokens: 12_000, subAgentTokens: [70_000, 80_000] },
    lines: [
      '  cost as the source recorded it, all calls: $0.500; per call p50 $0.500, p95 $0.500',
      '  tokens as the source states them, p50: tool definitions 12k (p95 12k), a sub-agent in all 75k (p95 79.5k)',
    ],
  },
])('$why', ({ costs, stated, lines }) => {
  expect(linesOf(costs, stated)).toEqual(lines);
});
