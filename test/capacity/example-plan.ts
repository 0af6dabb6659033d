import { COUNTING_RULES } from '../../src/capacity/debit.ts';
import { sessionsFromNumbers } from '../../src/capacity/numbers-workload.ts';
import type { NumbersWorkload } from '../../src/capacity/numbers-workload.ts';
import type { Goals, PlanInput, Route } from '../../src/capacity/plan-input.ts';
import { ASSUMED_TIMING, trafficFromSkeletons } from '../../src/capacity/traffic.ts';
import type { Traffic } from '../../src/capacity/traffic.ts';
import { randomStreams } from '../../src/core/random.ts';

/** Plans built by hand for the tests of the planner. */

export function trafficOf(numbers: Partial<NumbersWorkload> = {}): Traffic {
  const workload: NumbersWorkload = {
    turnsPerSession: 1,
    callsPerTurn: 2,
    fanOut: 1,
    thinkMs: 0,
    toolMs: 0,
    callMs: 3000,
    ...numbers,
  };
  return trafficFromSkeletons(sessionsFromNumbers(workload, randomStreams('test')), {
    timing: ASSUMED_TIMING,
    tokensKnown: workload.tokens !== undefined,
  });
}

export function routeOf(route: Partial<Route> = {}): Route {
  return {
    provider: 'custom',
    model: 'model',
    tier: null,
    share: 1,
    batchShare: 0,
    rule: COUNTING_RULES.generic,
    limits: { rpm: 1500 },
    limitPool: 'custom model',
    price: null,
    higherTiers: [],
    ...route,
  };
}

const goals: Goals = {
  fitsAtScale: 1,
  headroom: 0.2,
  headroomRequired: false,
  nextStageAt: 0.7,
};

/** 500 users, 2 interactions a minute, 2 calls each, 1,500 RPM: the worked example. */
export function planOf(plan: Partial<PlanInput> = {}): PlanInput {
  return {
    name: 'test',
    seed: 1,
    traffic: trafficOf(),
    volume: { turnsPerMinute: 1000, turnsPerDay: 480_000, daysPerMonth: 22, concurrentUsers: 500 },
    scales: [1, 3, 10],
    routes: [routeOf()],
    alternatives: [],
    retry: 'python',
    infra: [],
    ops: [],
    goals,
    assumptions: [],
    sources: [],
    ...plan,
  };
}
