import { resolve } from 'node:path';

import { outlinePlan } from '../capacity/plan-outline.ts';
import { reviewPlan } from '../capacity/review.ts';
import type { MeasuredRate } from '../capacity/review.ts';
import { loadWorkloadProfile } from '../config/workload-profile.ts';
import { MS_PER_MINUTE, MS_PER_SECOND } from '../core/units.ts';
import { reviewJson, reviewText } from '../report/plan-review.ts';
import { wantsColour } from '../system.ts';
import type { WorkloadProfile } from '../workload/workload-profile.ts';
import { readPlanInput } from './plan-read.ts';
import { toolVersion } from './tool-version.ts';

export interface ReviewOptions {
  /** A workload profile of what runs now. */
  readonly actual: string;
  readonly json?: boolean | undefined;
}

/** `agent-infra plan review [file]`. @returns whether no trigger has passed */
export async function reviewPlanFile(file: string, options: ReviewOptions): Promise<boolean> {
  const path = resolve(options.actual);
  const profile = await loadWorkloadProfile(path);
  const before = await readPlanInput(file);
  const after = await readPlanInput(file, {
    change: (document) => ({ ...document, workload: { profile: path } }),
  });
  // The target stays the plan's own, also where it is a multiple of the old profile's rate.
  const now = { ...after.input, volume: before.input.volume };
  const review = reviewPlan({
    planned: { input: before.input, plan: outlinePlan(before.input) },
    actual: { input: now, plan: outlinePlan(now) },
    rate: rateOf(profile),
  });
  const names = { plan: before.input.name, actual: profile.name };
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify(reviewJson(review, names, toolVersion()), null, 2)}\n`
      : reviewText(review, names, { colour: wantsColour(process.stdout) }),
  );
  return review.triggers.every(({ state }) => state !== 'passed');
}

function rateOf({ arrivals }: WorkloadProfile): MeasuredRate | undefined {
  if (arrivals === null || arrivals.ratePerSecond === 0) return undefined;
  const { mean, peakTumbling } = arrivals.rpm;
  return {
    callsPerMinute: (arrivals.ratePerSecond * MS_PER_MINUTE) / MS_PER_SECOND,
    // A trace shorter than two minutes has no busiest one.
    peakFactor: mean === 0 || peakTumbling < mean ? null : peakTumbling / mean,
  };
}
