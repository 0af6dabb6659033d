import { expect, it, test } from 'vitest';

import { lifetimeLines } from '../../src/report/profile-lifetimes.ts';
import { visibleWidth } from '../../src/report/text-width.ts';
import type { CacheLifetimes, LifetimeChoice } from '../../src/workload/lifetime-fold.ts';

const base: LifetimeChoice = {
  agent: 'planner',
  pattern: null,
  calls: 29_685,
  samples: 461,
  tokens: { written: 100, rewritten: 112, read: 3000, uncached: 0 },
  rewrittenPerWritten: 1.1217,
  bill: { m5: 0.1956, h1: 0.1744 },
  cheaper: '1h',
  hourSaves: 0.1082,
  ci95: [0.0796, 0.1368],
};

function lifetimes(agents: readonly LifetimeChoice[], agentCount = agents.length): CacheLifetimes {
  const all = { ...base, agent: null };
  return { basis: 'prefixes', breakEven: 0.6522, all, agents, agentCount };
}

it('says for each agent which lifetime is cheaper, by how much, and how sure that is', () => {
  const text = lifetimeLines(
    lifetimes(
      [
        base,
        { ...base, agent: 'Explore', cheaper: '5m', hourSaves: -0.374, ci95: [-0.401, -0.346] },
        { ...base, agent: 'Plan', samples: 2, ci95: null },
        { ...base, agent: null, pattern: 'periodic', ci95: [-0.02, 0.2], bill: { m5: 1.2, h1: 1 } },
      ],
      23,
    ),
    100,
    { colour: false, columns: 80 },
  ).join('\n');
  expect(text).toMatchInlineSnapshot(`
    "  cache lifetime by agent:
                              calls  rewritten  5 min  1 h against it     cheaper
        planner               29.7k       1.12  19.6%  -11% (-14 to -8)   1 h
        Explore               29.7k       1.12  19.6%  +37% (+35 to +40)  5 min
        Plan                  29.7k       1.12  19.6%  -11%               1 h?
        main agent, periodic  29.7k       1.12   120%  -11% (-20 to +2)   1 h?
        19 more
        all                   29.7k       1.12  19.6%  -11% (-14 to -8)   1 h
      rewritten: what pauses of 5 to 60 min make 5 min write again, per token
      written anyway; from 0.65 on, 1 h costs less (writes cost 1.25 or 2 times the
      input price, reads 0.1). 5 min: the bill of the input, 100% being no cache.
      Seen in equal prefixes.
      Above 100%, writing costs more than reading saves: do not cache these.
      ?: fewer than 10 sessions, or the interval holds 0: record more before you
      change it."
  `);
  for (const line of text.split('\n')) expect(visibleWidth(line)).toBeLessThanOrEqual(80);
});

test.for([
  {
    why: 'two settings pay',
    saves: 0.206,
    says: 'Each agent its own lifetime saves 20.6% of the bill',
  },
  {
    why: 'they do not',
    saves: 0.0004,
    says: 'One lifetime for all will do: each agent its own saves 0%',
  },
])('says whether agents are worth a lifetime each: $why', ({ saves, says }) => {
  const two = { ...lifetimes([base, { ...base, agent: 'Plan' }]), own: { bill: 0.2, saves } };
  expect(lifetimeLines(two, 1, { colour: false }).join('\n')).toContain(says);
  const one = { ...two, agentCount: 1 };
  expect(lifetimeLines(one, 1, { colour: false }).join('\n')).not.toContain('lifetime for all');
});

it('says nothing when nothing was written, and needs no sum for one agent', () => {
  const style = { colour: false };
  expect(lifetimeLines(lifetimes([{ ...base, cheaper: null }]), null, style)).toEqual([]);
  const text = lifetimeLines(lifetimes([{ ...base, agent: null }]), null, style).join('\n');
  expect(text).toContain('unnamed');
  expect(text).not.toMatch(/^ +all /m);
  expect(text).not.toContain('?:');
});
