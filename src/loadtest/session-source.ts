import { workloadProfileFile } from '../config/bundled.ts';
import type { LoadedScenario } from '../config/scenario.ts';
import { loadWorkloadProfile } from '../config/workload-profile.ts';
import type { RandomStreams } from '../core/random.ts';
import type { SessionSkeleton } from '../core/trace.ts';
import { formatDuration } from '../core/units.ts';
import { AgentInfraError } from '../errors.ts';
import { samplingAssumptions, sessionSampler } from '../workload/sessions.ts';
import { scriptSession } from './session-script.ts';
import type { SessionScript } from './session-script.ts';
import { syntheticSessions } from './synthetic.ts';

export interface SessionSource {
  /** The script of a session; the same index always gives the same script. */
  readonly script: (index: number) => SessionScript;
  /** What the sessions are and what was changed about them, for the report. */
  readonly notes: readonly string[];
}

/** The sessions of a scenario: resampled from its profile, or made from its numbers. */
export async function openSessions(
  scenario: LoadedScenario,
  streams: RandomStreams,
): Promise<SessionSource> {
  const { skeleton, notes } = await skeletons(scenario, streams);
  const { target } = scenario;
  const options = {
    seed: scenario.seed,
    model: target.model,
    keepModels: target.models === 'keep',
    thinkTimeScale: scenario.thinkTimeScale,
    toolTimeScale: scenario.toolTimeScale,
    maxThinkMs: scenario.maxThinkTime,
    maxToolMs: scenario.maxToolTime,
  };
  return {
    script: (index) => scriptSession(skeleton(index), index, options),
    notes: [...notes, ...timeNotes(scenario)],
  };
}

interface Skeletons {
  readonly skeleton: (index: number) => SessionSkeleton;
  readonly notes: readonly string[];
}

async function skeletons(scenario: LoadedScenario, streams: RandomStreams): Promise<Skeletons> {
  const { profile: name, synthetic } = scenario.workload;
  if (synthetic !== undefined) {
    return {
      skeleton: syntheticSessions(synthetic, streams),
      notes: ['synthetic sessions from the numbers of the scenario'],
    };
  }
  const profile = await loadWorkloadProfile(workloadProfileFile(name!, scenario.file));
  const sampler = sessionSampler(profile, streams);
  // A bare call trace can yield sessions without a call; nothing would be sent for them.
  const probe = sampler(0);
  if (!probe.turns.some(({ steps }) => steps.some(({ kind }) => kind === 'llm'))) {
    throw new AgentInfraError('workload.insufficient', `${name!}: its sessions hold no LLM call`, {
      hint: 'Profile a trace that has calls, or describe the sessions under workload.synthetic.',
    });
  }
  const kept = profile.skeletons.length;
  const how =
    kept > 0 ? `whole sessions resampled from ${kept} recorded ones` : 'sessions drawn from it';
  return {
    skeleton: sampler,
    notes: [`workload ${profile.name}: ${how}`, ...samplingAssumptions(profile)],
  };
}

function timeNotes(scenario: LoadedScenario): string[] {
  const notes: string[] = [];
  const { maxThinkTime, maxToolTime, thinkTimeScale, toolTimeScale } = scenario;
  if (thinkTimeScale !== 1) notes.push(`think times multiplied by ${thinkTimeScale}`);
  if (toolTimeScale !== 1) notes.push(`tool times multiplied by ${toolTimeScale}`);
  if (maxThinkTime !== undefined) notes.push(`think times cut at ${formatDuration(maxThinkTime)}`);
  if (maxToolTime !== undefined) notes.push(`tool times cut at ${formatDuration(maxToolTime)}`);
  return notes;
}
