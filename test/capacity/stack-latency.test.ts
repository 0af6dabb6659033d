import { describe, expect, test } from 'vitest';

import { chooseOption } from '../../src/capacity/stack-choice.ts';
import { latencyBudget } from '../../src/capacity/stack-latency.ts';
import type { RequestClass } from '../../src/capacity/stack-latency.ts';
import { loadOf, optionOf, rulesOf } from './stack-example.ts';

const chat: RequestClass = {
  name: 'chat',
  budgetMs: 1000,
  regionRttMs: 100,
  edgeRttMs: null,
  newConnectionShare: 0.5,
  providerRttMs: 20,
  through: ['queue'],
};

const queue = chooseOption(
  { component: 'queue', choose: 'auto', options: [optionOf()], features: [], clouds: [] },
  loadOf(),
  rulesOf(),
);

function budget(
  change: Partial<RequestClass> = {},
  firstToken: number | null = 500,
  queueMs: number | null = 5,
) {
  return latencyBudget({ ...chat, ...change }, [queue], () => queueMs, firstToken);
}

describe('what is left for the first token', () => {
  test.for([
    {
      why: 'a round trip, and two more for half of the requests',
      change: {},
      left: 1000 - 200 - 20 - 5,
    },
    {
      why: 'kept connections: one round trip',
      change: { newConnectionShare: 0 },
      left: 1000 - 100 - 20 - 5,
    },
    { why: 'an edge takes the handshakes', change: { edgeRttMs: 10 }, left: 1000 - 110 - 20 - 5 },
    { why: 'nothing on the way', change: { through: [] }, left: 1000 - 200 - 20 },
  ])('$why', ({ change, left }) => {
    expect(budget(change).leftForFirstTokenMs).toBe(left);
  });

  test.for([
    { why: 'exactly what is left fits', firstToken: 775, verdict: 'fits' },
    { why: 'a millisecond more does not', firstToken: 776, verdict: 'exceeds' },
    { why: 'not measured is not a pass', firstToken: null, verdict: 'unknown' },
  ])('$why', ({ firstToken, verdict }) => {
    expect(budget({}, firstToken).verdict).toBe(verdict);
  });

  test('a budget that the way alone uses up fails without a measurement', () => {
    expect(budget({ budgetMs: 200 }, null).verdict).toBe('exceeds');
  });

  test('a part that is not known is named', () => {
    expect(budget({}, 500, null)).toMatchObject({
      unknownParts: ['queue'],
      leftForFirstTokenMs: 780,
    });
  });
});

describe('advice', () => {
  test.for([
    {
      why: 'far users: both would help',
      change: {},
      advice: 'an edge would save 80 ms, a region near these users 160 ms',
    },
    {
      why: 'behind an edge only a region is left',
      change: { edgeRttMs: 20 },
      advice: 'a region near these users 80 ms',
    },
    { why: 'near users: nothing to gain', change: { regionRttMs: 20 }, advice: null },
    { why: 'a long budget: not worth it', change: { budgetMs: 60_000 }, advice: null },
  ])('$why', ({ change, advice }) => {
    expect(budget(change).advice).toBe(advice);
  });
});
