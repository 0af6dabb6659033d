import { describe, expect, it } from 'vitest';

import { ProfileFold } from '../../src/workload/profile-fold.ts';
import type { WorkloadProfile } from '../../src/workload/workload-profile.ts';
import { llm, session } from './trace-builders.ts';

const profileOf = (fold: ProfileFold): WorkloadProfile =>
  fold.profile({ name: 'p', format: 'f', files: [] });

const priced = (costUsd: number, startMs: number): ReturnType<typeof llm> =>
  llm({ startMs, details: { costUsd } });

describe('what a source states itself', () => {
  const rows = [priced(0.25, 0), llm({ startMs: 5000 }), priced(0.5, Number.NaN)];
  const sessions = [
    session('a', [[priced(1, 1000), llm({ startMs: 2000, operation: 'embedding' })]], {
      stated: { toolTokens: 12_000, systemTokens: 3000, subAgentTokens: [70_000, 80_000] },
    }),
    session('b', [[llm({ startMs: 9000 })]], {
      relativeTime: true,
      stated: { toolTokens: 8000, subAgentTokens: [] },
    }),
  ];

  it('is gathered from rows and sessions, and what is not stated stays unknown', () => {
    const fold = new ProfileFold();
    for (const row of rows) fold.call(row);
    for (const one of sessions) fold.session(one);
    expect(profileOf(fold).stated).toMatchObject({
      costUsd: { n: 3, sum: 1.75 },
      toolTokens: { n: 2, sum: 20_000 },
      systemTokens: { n: 1, sum: 3000 },
      subAgentTokens: { n: 2, min: 70_000, max: 80_000 },
    });
  });

  it('is the same in parts, in any order', () => {
    const whole = new ProfileFold();
    const [first, second] = [new ProfileFold(), new ProfileFold()];
    for (const row of rows) whole.call(row);
    for (const one of sessions) whole.session(one);
    for (const one of sessions.toReversed()) first.session(one);
    for (const row of rows.toReversed()) second.call(row);
    const merged = new ProfileFold();
    merged.merge(first.state());
    merged.merge(second.state());
    expect(profileOf(merged).stated).toEqual(profileOf(whole).stated);
  });

  it('costs of embedding calls are left out, as the calls are', () => {
    const fold = new ProfileFold();
    fold.session(
      session('s', [[llm({ operation: 'embedding', details: { costUsd: 1 } }), llm({})]]),
    );
    expect(profileOf(fold).stated).toBeNull();
  });
});
