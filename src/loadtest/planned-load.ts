import type { LoadedScenario } from '../config/scenario.ts';
import { randomStreams } from '../core/random.ts';
import { formatCount, formatDuration, formatUsd } from '../core/units.ts';
import { createArrivals } from '../mechanisms/arrivals.ts';
import { arrivalSpec } from './arrival-spec.ts';
import { describeLoad } from './job.ts';
import { openSessions } from './session-source.ts';
import { callsOf } from './session-script.ts';
import type { SessionScript } from './session-script.ts';
import { costUsd } from './target.ts';

/** Sessions looked at when a scenario has no fixed number of them. */
const PROBED_SESSIONS = 200;

/** What a scenario would send, before anything is sent. Retries are not in it. */
export interface PlannedLoad {
  readonly lines: readonly string[];
  /** Null when the run ends by time and its users decide how many fit. */
  readonly sessions: number | null;
  /** Over `looked` sessions. */
  readonly looked: number;
  readonly turns: number;
  readonly calls: number;
  readonly tokens: { readonly input: number; readonly output: number };
  /** Last arrival; null for a closed loop. */
  readonly lastArrivalMs: number | null;
  readonly costUsd: number | null;
}

export async function plannedLoad(scenario: LoadedScenario): Promise<PlannedLoad> {
  const source = await openSessions(scenario, randomStreams(scenario.seed));
  const arrivals = arrivalTimes(scenario);
  const sessions = arrivals?.length ?? scenario.sessions ?? null;
  const looked = sessions ?? PROBED_SESSIONS;
  const totals = { turns: 0, calls: 0, input: 0, output: 0 };
  for (let index = 0; index < looked; index += 1) add(totals, source.script(index));
  const { budget } = scenario;
  return {
    lines: [...describeLoad(scenario), ...source.notes],
    sessions,
    looked,
    turns: totals.turns,
    calls: totals.calls,
    tokens: { input: totals.input, output: totals.output },
    lastArrivalMs: arrivals?.at(-1) ?? null,
    costUsd: budget === undefined ? null : costUsd(budget, totals.input, totals.output),
  };
}

/** Arrivals of an open loop in ms from the start; undefined for a closed loop. */
export function arrivalTimes(scenario: LoadedScenario): number[] | undefined {
  const { arrivals: how, duration = Infinity, sessions = Infinity } = scenario;
  if (how.kind === 'users') return undefined;
  const arrivals = createArrivals(arrivalSpec(how), randomStreams(scenario.seed)('arrivals'));
  const times: number[] = [];
  while (times.length < sessions) {
    const next = arrivals.next();
    if (next === undefined || next >= duration) break;
    times.push(next);
  }
  return times;
}

/** For people. Ends with a line feed. */
export function renderPlannedLoad(planned: PlannedLoad): string {
  const { calls, costUsd: cost, lastArrivalMs, looked, sessions, tokens, turns } = planned;
  const per = sessions === null ? ` (of the first ${looked} sessions)` : '';
  const lines = [
    ...planned.lines,
    `sessions: ${sessions === null ? 'as many as fit' : formatCount(sessions)}`,
    `turns: ${formatCount(turns)}${per}, LLM calls: ${formatCount(calls)}${per}`,
    `tokens${per}: ${formatCount(tokens.input)} in, ${formatCount(tokens.output)} out`,
    ...(lastArrivalMs === null
      ? []
      : [`last session starts after ${formatDuration(lastArrivalMs)}`]),
    ...(cost === null ? [] : [`cost at the scenario's prices: ${formatUsd(cost)}`]),
    'nothing was sent',
  ];
  return `${lines.join('\n')}\n`;
}

function add(
  totals: { turns: number; calls: number; input: number; output: number },
  script: SessionScript,
): void {
  totals.turns += script.turns.length;
  totals.calls += callsOf(script);
  for (const { steps } of script.turns) {
    for (const step of steps) {
      if (step.kind !== 'llm') continue;
      totals.input += step.inputTokens;
      totals.output += step.outputTokens;
    }
  }
}
