import { sessionsFromNumbers } from '../capacity/numbers-workload.ts';
import type { Assumption, Source } from '../capacity/plan-input.ts';
import { ASSUMED_TIMING, trafficFromSkeletons } from '../capacity/traffic.ts';
import type { Traffic } from '../capacity/traffic.ts';
import { workloadProfileFile } from '../config/bundled.ts';
import type { PlanDocument } from '../config/plan.ts';
import { loadWorkloadProfile } from '../config/workload-profile.ts';
import { randomStreams } from '../core/random.ts';
import { inputTokens } from '../core/tokens.ts';
import type { TokenRecord } from '../core/tokens.ts';
import type { SessionSkeleton } from '../core/trace.ts';
import { AgentInfraError } from '../errors.ts';
import { samplingAssumptions, sessionSampler } from '../workload/sessions.ts';
import type { SessionSampler } from '../workload/sessions.ts';
import type { WorkloadProfile } from '../workload/workload-profile.ts';

/** The traffic of a plan, and what was taken for granted to get it. */
export interface PlanWorkload {
  readonly traffic: Traffic;
  /** The sessions behind the traffic, call for call. */
  readonly skeletons: readonly SessionSkeleton[];
  /** Undefined when the workload is told in numbers. */
  readonly profile: WorkloadProfile | undefined;
  readonly assumptions: readonly Assumption[];
  readonly sources: readonly Source[];
}

/** Sessions drawn at least from a profile that has none to resample ... */
const DRAWN_SESSIONS = 1000;
/** ... and calls in them, so that the tails are there; a plan looks at each of them often. */
const DRAWN_CALLS = 5000;

/** Reads or builds the workload. @param planFile paths in the plan are relative to it */
export async function planWorkload(
  plan: PlanDocument,
  planFile: string,
  seed: string | number,
): Promise<PlanWorkload> {
  if (plan.workload.profile !== undefined) {
    const file = workloadProfileFile(plan.workload.profile, planFile);
    return fromProfile(await loadWorkloadProfile(file), plan.workload.profile, seed);
  }
  return fromNumbers(plan, seed);
}

function fromProfile(profile: WorkloadProfile, name: string, seed: string | number): PlanWorkload {
  const sampler = sessionSampler(profile, randomStreams(seed));
  // Every session of the profile once is the exact form of resampling them.
  const skeletons =
    profile.skeletons.length > 0 ? profile.skeletons : drawSessions(sampler, profile);
  const withTurns = skeletons.filter((skeleton) => skeleton.turns.length > 0);
  const traffic = trafficFromSkeletons(withTurns, {
    timing: ASSUMED_TIMING,
    tokensKnown: profile.tokens.input !== null && profile.tokens.output !== null,
  });
  if (traffic.sessions.every((session) => session.calls.length === 0)) {
    throw new AgentInfraError('workload.insufficient', `${name}: the profile has no LLM calls`);
  }
  const assumptions = samplingAssumptions(profile).map((value): Assumption => ({
    key: 'workload.profile',
    value,
    why: 'the profile has no whole sessions to resample',
  }));
  if (profile.latency.e2eMs === null) assumptions.push(timingAssumption('workload.profile'));
  return {
    traffic,
    skeletons: withTurns,
    profile,
    assumptions,
    sources: [
      {
        of: 'workload',
        page: `profile ${profile.name} (${profile.source.format}, ${profile.calls.count} calls)`,
        date: profileDate(profile),
        basis: 'measured',
      },
    ],
  };
}

/** When the workload was measured: as its source says, else by its own clock. */
export function profileDate({ source, window }: WorkloadProfile): string {
  return source.date ?? (window.end ?? window.start ?? 'unknown').slice(0, 10);
}

/** A pool whose mean call has exactly the measured tokens; only its spread is drawn. */
function drawSessions(sampler: SessionSampler, profile: WorkloadProfile): SessionSkeleton[] {
  const sessions: SessionSkeleton[] = [];
  let calls = 0;
  let input = 0;
  let output = 0;
  // A profile without calls never reaches their number.
  while (
    sessions.length < DRAWN_SESSIONS ||
    (calls < DRAWN_CALLS && sessions.length < DRAWN_CALLS)
  ) {
    const session = sampler(sessions.length);
    sessions.push(session);
    for (const { steps } of session.turns) {
      for (const step of steps) {
        if (step.kind !== 'llm') continue;
        calls += 1;
        input += inputTokens(step.tokens);
        output += step.tokens.output;
      }
    }
  }
  const inputFactor = input === 0 ? 1 : ((profile.tokens.input?.mean ?? 0) * calls) / input;
  const outputFactor = output === 0 ? 1 : ((profile.tokens.output?.mean ?? 0) * calls) / output;
  return sessions.map(({ turns }) => ({
    turns: turns.map((turn) => ({
      ...turn,
      steps: turn.steps.map((step) =>
        step.kind === 'llm'
          ? { ...step, tokens: adjusted(step.tokens, inputFactor, outputFactor) }
          : step,
      ),
    })),
  }));
}

function adjusted(tokens: TokenRecord, input: number, output: number): TokenRecord {
  return {
    uncached: tokens.uncached * input,
    cacheRead: tokens.cacheRead * input,
    cacheWrite5m: tokens.cacheWrite5m * input,
    cacheWrite1h: tokens.cacheWrite1h * input,
    output: tokens.output * output,
    reasoning: tokens.reasoning * output,
  };
}

function fromNumbers(plan: PlanDocument, seed: string | number): PlanWorkload {
  const numbers = plan.workload.numbers!;
  const assumptions: Assumption[] = [];
  const assume = <T extends number>(
    key: string,
    given: T | undefined,
    value: T,
    text: string,
    why: string,
  ): T => {
    if (given === undefined) assumptions.push({ key: `workload.numbers.${key}`, value: text, why });
    return given ?? value;
  };
  const { inputTokens, outputTokens } = numbers;
  const tokensKnown = inputTokens !== undefined && outputTokens !== undefined;
  const fanOut = assume('fanOut', numbers.fanOut, 1, '1', 'calls of a turn follow each other');
  const turnsPerSession = assume(
    'turnsPerSession',
    numbers.turnsPerSession,
    1,
    '1',
    'turns arrive independently of each other (Poisson)',
  );
  const thinkMs =
    turnsPerSession > 1
      ? assume('thinkTime', numbers.thinkTime, 30_000, '30s', 'time of a person between two turns')
      : (numbers.thinkTime ?? 0);
  const toolMs = assume(
    'toolTime',
    numbers.toolTime,
    0,
    '0s',
    'no time between the calls of a turn',
  );
  if (numbers.callDuration === undefined)
    assumptions.push(timingAssumption('workload.numbers.callDuration'));
  if (tokensKnown) {
    assume('cachedShare', numbers.cachedShare, 0, '0%', 'no prompt caching');
    assume(
      'variation',
      numbers.variation,
      0,
      '0',
      'all calls have the same size: token peaks are understated',
    );
  }
  const skeletons = sessionsFromNumbers(
    {
      turnsPerSession,
      callsPerTurn: numbers.callsPerTurn,
      fanOut,
      thinkMs,
      toolMs,
      callMs: numbers.callDuration,
      tokens: tokensKnown
        ? {
            input: inputTokens,
            output: outputTokens,
            cachedShare: numbers.cachedShare ?? 0,
            variation: numbers.variation ?? 0,
          }
        : undefined,
    },
    randomStreams(seed),
  );
  return {
    traffic: trafficFromSkeletons(skeletons, { timing: ASSUMED_TIMING, tokensKnown }),
    skeletons,
    profile: undefined,
    assumptions,
    sources: [{ of: 'workload', page: 'numbers in the plan', date: '', basis: 'given' }],
  };
}

function timingAssumption(key: string): Assumption {
  return {
    key,
    value: `${ASSUMED_TIMING.firstTokenMs} ms to the first token, then 60 tokens/s`,
    why: 'how long a call takes is not given; it decides calls in flight only',
  };
}
