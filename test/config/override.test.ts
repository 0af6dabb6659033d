import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

import { overrideYaml } from '../../src/config/override.ts';

const text = 'routes:\n  - provider: openai # why\n    share: 40%\ngoals: { headroom: 20% }\n';

describe('what-if overrides', () => {
  test.for([
    {
      set: 'routes.0.share=70%',
      at: { routes: [{ provider: 'openai', share: '70%' }] },
      why: 'a list item',
    },
    { set: 'goals.headroom=0.1', at: { goals: { headroom: 0.1 } }, why: 'a number' },
    { set: 'scales=[1, 2]', at: { scales: [1, 2] }, why: 'a new key with a list' },
    {
      set: 'activity.hoursPerDay=9',
      at: { activity: { hoursPerDay: 9 } },
      why: 'new keys on the way',
    },
    { set: 'name=a=b', at: { name: 'a=b' }, why: 'a value with an equals sign' },
  ])('$why: $set', ({ set, at }) => {
    expect(parse(overrideYaml(text, [set]))).toMatchObject(at);
  });

  test('none changes nothing; comments stay', () => {
    expect(overrideYaml(text, [])).toBe(text);
    expect(overrideYaml(text, ['goals.headroom=1%'])).toContain('# why');
  });

  test.for([
    { set: 'routes', why: 'expected path=value' },
    { set: 'goals.headroom.deep=1', why: 'goals.headroom has no keys' },
  ])('$set is refused', ({ set, why }) => {
    expect(() => overrideYaml(text, [set])).toThrow(why);
  });
});
