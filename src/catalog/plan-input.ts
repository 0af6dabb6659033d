import { dayLoad } from '../capacity/diurnal.ts';
import type { DayLoad } from '../capacity/diurnal.ts';
import type { InfraLine, OpsLine, Quantity, UnitPrice } from '../capacity/infra.ts';
import type { Business, Goals, PlanInput, SelfHosted, Volume } from '../capacity/plan-input.ts';
import { cachedShare } from '../capacity/caching.ts';
import { callFeatures } from '../capacity/routing-classes.ts';
import { trafficMeans } from '../capacity/traffic.ts';
import type { InfraLineDocument, PlanDocument } from '../config/plan.ts';
import { stackInput } from './stack-input.ts';
import { DAYS_PER_MONTH, formatShare, formatUsd, round } from '../core/units.ts';
import { AgentInfraError } from '../errors.ts';
import { pick } from './gpus.ts';
import type { readGpus, readModels } from './gpus.ts';
import {
  answeredFromCache,
  cachedWorkload,
  cacheWarning,
  noteKeys,
  withoutCached,
} from './plan-caching.ts';
import { givenSource, Notes } from './plan-notes.ts';
import { countedTwice } from './plan-double-count.ts';
import { notCounted } from './plan-not-counted.ts';
import { planRoutes } from './plan-routes.ts';
import { planWorkload } from './plan-workload.ts';
import type { PlanWorkload } from './plan-workload.ts';
import type { Catalogs } from './providers.ts';

export interface PlanContext {
  readonly file: string;
  /** ISO day; prices are those that hold then unless the plan says another day. */
  readonly today: string;
  readonly catalogs: Catalogs;
  readonly gpus: Awaited<ReturnType<typeof readGpus>>;
  readonly models: Awaited<ReturnType<typeof readModels>>;
}

/** Equivalent hours a day at the busy period's rate, when only that rate is known. */
const BUSY_HOURS_PER_DAY = 8;
/** Share of a day's sessions in its busiest hour: office traffic spread over a working day. */
const PEAK_HOUR_SHARE = 0.12;
const HEADROOM = 0.2;
const NEXT_STAGE_AT = 0.7;
const DEFAULT_SCALES = [1, 3, 10];

/** Everything the planner needs, decided: the document, the catalogs, and listed defaults. */
export async function planInput(plan: PlanDocument, context: PlanContext): Promise<PlanInput> {
  const notes = new Notes();
  const seed = plan.seed ?? 1;
  const measured = await planWorkload(plan, context.file, seed);
  notes.assumptions.push(...measured.assumptions);
  notes.sources.push(...measured.sources);
  const workload = cachedWorkload(plan, measured, context.file, notes);
  const priceDay = plan.asOf ?? context.today;
  const { file, catalogs } = context;
  const features = callFeatures(workload.skeletons);
  const answered = answeredFromCache(plan, notes);
  const { routes, alternatives, pool } = withoutCached(
    planRoutes(plan, { ...workload, features }, { file, day: priceDay, catalogs }, notes),
    answered,
  );
  if (cachedShare(workload.traffic) > 0) noteKeys(plan, routes, notes);
  const day = dayOf(plan, workload, notes);
  return {
    name: plan.name ?? 'plan',
    seed,
    traffic: workload.traffic,
    volume: volumeOf(plan, workload, day, notes),
    day:
      day === undefined
        ? undefined
        : { loads: day.loads, zone: plan.activity?.hours === undefined ? 'UTC' : 'own' },
    scales: plan.scales ?? notes.take('scales', DEFAULT_SCALES, '1, 3, 10', 'the usual steps'),
    routes,
    alternatives,
    answeredFromCache: answered === 0 ? undefined : answered,
    promptKeys: plan.caching?.prompt?.keys,
    pool: poolOf(plan, pool, context, notes),
    // Users and sessions per day name the busy period themselves; a measured mean may not be one.
    measuredPeakRatio: plan.targets.measured === undefined ? undefined : peakRatio(workload),
    retry:
      plan.retry ??
      notes.take('retry', 'python', 'python', 'two retries with back-off, as the official SDKs do'),
    infra: (plan.infra ?? []).map((line) => infraLine(line, context.catalogs, notes)),
    ops: (plan.ops ?? []).map(opsLine),
    stack:
      plan.stack === undefined
        ? undefined
        : stackInput(plan.stack, workload, context.catalogs, notes),
    goals: goalsOf(plan, notes),
    business: businessOf(plan, notes),
    sensitivity: plan.sensitivity,
    warnings: [...cacheWarning(plan, workload), ...countedTwice(plan, catalogs)],
    notCounted: notCounted(plan),
    assumptions: notes.assumptions,
    sources: notes.sources,
  };
}

function peakRatio({ profile }: PlanWorkload): number | undefined {
  const rpm = profile?.arrivals?.rpm;
  return rpm === undefined || rpm.mean === 0 ? undefined : rpm.peakTumbling / rpm.mean;
}

function volumeOf(
  plan: PlanDocument,
  workload: PlanWorkload,
  day: DayLoad | undefined,
  notes: Notes,
): Volume {
  const { targets } = plan;
  const means = trafficMeans(workload.traffic);
  const daysPerMonth =
    plan.activity?.daysPerMonth ??
    notes.take(
      'activity.daysPerMonth',
      DAYS_PER_MONTH,
      String(round(DAYS_PER_MONTH, 2)),
      'every day of the month counts',
    );
  if (targets.sessionsPerDay !== undefined) {
    const turnsPerDay = targets.sessionsPerDay * means.turnsPerSession;
    const peakHour =
      targets.peakHourShare ??
      day?.peakHourShare ??
      notes.take(
        'targets.peakHourShare',
        PEAK_HOUR_SHARE,
        formatShare(PEAK_HOUR_SHARE),
        'of a day’s sessions start in its busiest hour',
      );
    return {
      turnsPerMinute: (turnsPerDay * peakHour) / 60,
      turnsPerDay,
      daysPerMonth,
      concurrentUsers: null,
    };
  }
  const hoursPerDay = plan.activity?.hoursPerDay ?? day?.equivalentHours;
  if (targets.measured !== undefined) {
    const rate = workload.profile!.arrivals?.ratePerSecond ?? null;
    if (rate === null) {
      throw new AgentInfraError(
        'workload.insufficient',
        `${plan.workload.profile}: the profile has no measured rate; give users or sessionsPerDay instead`,
      );
    }
    const turnsPerMinute = ((rate * 60) / means.callsPerTurn) * targets.measured;
    const hours =
      hoursPerDay ??
      notes.take('activity.hoursPerDay', 24, '24', 'the measured mean rate holds all day');
    return {
      turnsPerMinute,
      turnsPerDay: turnsPerMinute * 60 * hours,
      daysPerMonth,
      concurrentUsers: null,
    };
  }
  const turnsPerMinute = targets.concurrentUsers! * targets.interactionsPerMinute!;
  const hours =
    hoursPerDay ??
    notes.take(
      'activity.hoursPerDay',
      BUSY_HOURS_PER_DAY,
      String(BUSY_HOURS_PER_DAY),
      'a day’s traffic equals so many hours at the target rate',
    );
  return {
    turnsPerMinute,
    turnsPerDay: turnsPerMinute * 60 * hours,
    daysPerMonth,
    concurrentUsers: targets.concurrentUsers!,
  };
}

/** The shape of the day: the plan's own, or what a trace of days has measured. */
function dayOf(plan: PlanDocument, { profile }: PlanWorkload, notes: Notes): DayLoad | undefined {
  const { activity, targets } = plan;
  if (activity?.hours !== undefined) return dayLoad(activity.hours);
  const given = activity?.hoursPerDay !== undefined || targets.peakHourShare !== undefined;
  const measured = profile?.arrivals?.day;
  // A multiple of the trace's own rate is a mean over its whole day.
  if (given || measured == null || targets.measured !== undefined) return undefined;
  const day = dayLoad(measured.callsPerHour);
  if (day !== undefined) {
    const { equivalentHours, peakHour, peakHourShare } = day;
    notes.say(
      'activity.hours',
      `${formatShare(round(peakHourShare, 3))} of a day in the hour from ${peakHour}:00 UTC, ${round(equivalentHours, 1)} such hours a day`,
      `as measured over ${round(measured.days, 1)} days`,
    );
  }
  return day;
}

function poolOf(
  plan: PlanDocument,
  calls: Pick<SelfHosted, 'share' | 'selection'>,
  context: PlanContext,
  notes: Notes,
): SelfHosted | undefined {
  const { pool } = plan;
  if (pool === undefined) return undefined;
  const model = pick(context.models, pool.model, 'model');
  const gpu = pick(context.gpus, pool.gpu, 'GPU');
  const price =
    pool.gpuPerHour ??
    notes.take(
      'pool.gpuPerHour',
      middle(gpu.priceUsdPerHour),
      `${formatUsd(middle(gpu.priceUsdPerHour))} per hour`,
      `the middle of list prices (${formatUsd(gpu.priceUsdPerHour.low)} to ${formatUsd(gpu.priceUsdPerHour.high)})`,
    );
  notes.sources.push(
    { of: `model ${model.name}`, page: model.source, date: model.checked, basis: 'listed' },
    { of: `GPU ${gpu.name}`, page: gpu.source, date: gpu.checked, basis: 'listed' },
    { of: `price ${gpu.name}`, page: gpu.priceSource, date: gpu.checked, basis: 'third-party' },
  );
  return {
    ...calls,
    modelName: model.name,
    gpuName: gpu.name,
    spec: {
      model,
      gpu,
      tensorParallel: pool.tensorParallel,
      priceUsdPerGpuHour: price,
      calibration: pool.calibration,
      slo: pool.goal === undefined ? undefined : { ttftMs: pool.goal.ttft, itlMs: pool.goal.itl },
    },
  };
}

function middle(range: { readonly low: number; readonly high: number }): number {
  return (range.low + range.high) / 2;
}

function infraLine(line: InfraLineDocument, catalogs: Catalogs, notes: Notes): InfraLine {
  return { name: line.name, price: unitPrice(line, catalogs, notes), quantity: quantityOf(line) };
}

function unitPrice(line: InfraLineDocument, catalogs: Catalogs, notes: Notes): UnitPrice {
  if (line.price !== undefined) {
    notes.sources.push(givenSource(`infra ${line.name}`));
    return { per: line.price.per, steps: [{ usd: line.price.usd }] };
  }
  const { item, source } = catalogs.infra.get(line.item!)!;
  notes.sources.push(source);
  return {
    per: item.per,
    steps: item.steps ?? [{ usd: item.usd! }],
    includedPerMonth: item.includedPerMonth,
    minimumUsdPerMonth: item.minimumPerMonth,
  };
}

function quantityOf(line: InfraLineDocument): Quantity {
  if (line.count !== undefined) return { kind: 'fixed', count: line.count };
  if (line.machines !== undefined) {
    return { kind: 'machines', ...line.machines, atLeast: line.machines.atLeast ?? 1 };
  }
  return { kind: 'usage', ...line.usage! };
}

function opsLine(line: NonNullable<PlanDocument['ops']>[number]): OpsLine {
  return {
    name: line.name,
    usdPerMonth: line.monthly ?? line.hours! * line.hourly!,
    fromScale: line.fromScale ?? 0,
  };
}

function businessOf({ business }: PlanDocument, notes: Notes): Business | undefined {
  if (business === undefined) return undefined;
  const { valuePerTurn, valuePerTask, pricePerUser, users } = business;
  const taskSuccess =
    business.taskSuccess ??
    (valuePerTask === undefined
      ? 1
      : notes.take('business.taskSuccess', 1, '100%', 'every session completes its task'));
  return {
    usdPerTurn: valuePerTurn,
    usdPerTask: valuePerTask,
    usdPerUserMonth: pricePerUser,
    users,
    taskSuccess,
  };
}

function goalsOf(plan: PlanDocument, notes: Notes): Goals {
  const goals = plan.goals ?? {};
  const first = plan.scales?.[0] ?? 1;
  return {
    fitsAtScale:
      goals.fitsAtScale ??
      notes.take('goals.fitsAtScale', first, `${first}x`, 'what `plan check` asks for'),
    headroom:
      goals.headroom ??
      notes.take(
        'goals.headroom',
        HEADROOM,
        formatShare(HEADROOM),
        'below it the verdict is tight; it does not fail the check',
      ),
    headroomRequired: goals.headroom !== undefined,
    maxMonthlyUsd: goals.monthlyCost,
    maxPerTurnUsd: goals.costPerTurn,
    maxRejected: goals.rejected,
    maxTurnMs: goals.turnLatency,
    nextStageAt:
      goals.nextStageAt ??
      notes.take(
        'goals.nextStageAt',
        NEXT_STAGE_AT,
        formatShare(NEXT_STAGE_AT),
        'share of a stage’s capacity at which work on the next starts',
      ),
  };
}
