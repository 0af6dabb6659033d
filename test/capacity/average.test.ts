import { resolve } from 'node:path';

import { expect, test } from 'vitest';

import { limitPools } from '../../src/capacity/limits.ts';
import { meanDemand } from '../../src/capacity/mean-demand.ts';
import { makePlan } from '../../src/capacity/plan.ts';
import { simulateRejections } from '../../src/capacity/rejections.ts';
import { ASSUMED_TIMING, trafficFromSkeletons, trafficMeans } from '../../src/capacity/traffic.ts';
import { loadWorkloadProfile } from '../../src/config/workload-profile.ts';
import { root } from '../support/requirements.ts';
import { planOf, routeOf } from './example-plan.ts';

/**
 * The answer that averages give for the bundled fan-out workload, and why it is wrong: at 90 % of
 * the limit on average, the busiest minute is over it, and where the limit is enforced in every
 * second, about 7 % of the calls are refused and not none. Chance arrivals alone account for about
 * 5 %; the rest is fan-out.
 */
test('research-agent at 90 % of the limit: the average fits, the calls do not', async () => {
  const profile = await loadWorkloadProfile(
    resolve(root, 'profiles/workloads/research-agent.yaml'),
  );
  const traffic = trafficFromSkeletons(profile.skeletons, {
    timing: ASSUMED_TIMING,
    tokensKnown: true,
  });
  const turnsPerMinute = 600 / trafficMeans(traffic).callsPerTurn;
  const volume = { ...planOf().volume, turnsPerMinute };
  const rpm = 600 / 0.9;
  const input = planOf({ traffic, volume, scales: [1], routes: [routeOf({ limits: { rpm } })] });

  // What averages say.
  expect(meanDemand(input, input.routes[0]!, 'rpm')! / rpm).toBeCloseTo(0.9, 9);

  const plan = makePlan(input);
  expect(plan.scales[0]!.verdict).toBe('bursts');
  expect(plan.breaksAt!.scale).toBeCloseTo(1 / 0.9, 6);
  expect(plan.breaksAtPeak!.scale).toBeLessThan(1);
  const use = plan.scales[0]!.limits[0]!;
  expect(use.demandPeak!.low / rpm).toBeGreaterThan(1);

  const refused = (with_: typeof input): { readonly low: number; readonly high: number } =>
    simulateRejections(with_, limitPools(with_)[0]!, 1, { retry: 'none' })!.pessimistic
      .firstAttempt;
  // The same calls one by one at random moments: the best that an average could promise.
  const apart = trafficFromSkeletons(
    profile.skeletons.flatMap(({ turns }) =>
      turns.flatMap(({ steps }) =>
        steps.flatMap((step) =>
          step.kind === 'llm' ? [{ turns: [{ thinkMs: 0, steps: [{ ...step, after: [] }] }] }] : [],
        ),
      ),
    ),
    { timing: ASSUMED_TIMING, tokensKnown: true },
  );
  const single = { ...input, traffic: apart, volume: { ...volume, turnsPerMinute: 600 } };
  // An average below the limit promises that none is.
  expect(refused(input).low).toBeGreaterThan(0.05);
  // Beyond both intervals, and by a margin that a user would notice.
  expect(refused(input).low).toBeGreaterThan(1.15 * refused(single).high);
});
