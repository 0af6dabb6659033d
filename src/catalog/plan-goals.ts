import { infraCost, opsCost } from '../capacity/infra.ts';
import type { PlanInput } from '../capacity/plan-input.ts';
import { turnTimes } from '../capacity/turn-latency.ts';
import type { PlanDocument, PlanIssue } from '../config/plan.ts';
import { formatDuration, formatUsd } from '../core/units.ts';
import { formatScale } from '../capacity/limit.ts';

/** Goals that contradict each other or the plan itself: no traffic could meet them. */
export function goalIssues(plan: PlanDocument, input: PlanInput): PlanIssue[] {
  const { fitsAtScale, maxMonthlyUsd, maxTurnMs } = input.goals;
  const issues: PlanIssue[] = [];
  const fixed = fixedUsd(input, fitsAtScale);
  if (maxMonthlyUsd !== undefined && maxMonthlyUsd < fixed) {
    issues.push({
      path: ['goals', 'monthlyCost'],
      message: `${formatUsd(maxMonthlyUsd)} can never be met: infra and ops alone cost ${formatUsd(fixed)} a month at ${formatScale(fitsAtScale)}, without a single call`,
    });
  }
  const [fastest = 0] = turnTimes(input.traffic);
  if (maxTurnMs !== undefined && maxTurnMs < fastest) {
    issues.push({
      path: ['goals', 'turnLatency'],
      message: `${formatDuration(maxTurnMs)} can never be met: models and tools of the fastest turn take ${formatDuration(fastest)}`,
    });
  }
  if (plan.goals?.headroom !== undefined && plan.goals.headroom >= 1) {
    issues.push({
      path: ['goals', 'headroom'],
      message: 'all of each limit free leaves nothing to use: give less than 100%',
    });
  }
  return issues;
}

/** What the lines of the plan cost when nobody calls: machines that always run, subscriptions, people. */
function fixedUsd(input: PlanInput, scale: number): number {
  const idle = {
    turnsPerMonth: 0,
    callsPerMonth: 0,
    concurrentTurns: 0,
    concurrentCalls: 0,
    concurrentUsers: 0,
  };
  const infra = input.infra.reduce(
    (sum, line) => sum + (infraCost(line, idle)?.usdPerMonth ?? 0),
    0,
  );
  return infra + opsCost(input.ops, scale);
}
