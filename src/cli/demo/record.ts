import { join } from 'node:path';

import { randomStreams } from '../../core/random.ts';
import { AgentInfraError } from '../../errors.ts';
import { startRecordingProxy } from '../../recorder/recording-proxy.ts';
import type { DemoRecording } from '../../report/demo.ts';
import { realClock } from '../../system.ts';
import { readTraces } from '../../traces/read.ts';
import { ProfileFold } from '../../workload/profile-fold.ts';
import type { WorkloadProfile } from '../../workload/workload-profile.ts';
import { toolVersion } from '../tool-version.ts';
import { runAgents } from './agent.ts';
import { createChatClient } from './chat-client.ts';
import { DEMO } from './documents.ts';

export interface Recorded {
  readonly recording: DemoRecording;
  readonly profile: WorkloadProfile;
}

/** Runs the scripted agent behind the recording proxy and profiles what was recorded. */
export async function recordAgents(options: {
  readonly folder: string;
  readonly providerUrl: string;
  readonly seed: string | number;
  readonly signal: AbortSignal;
}): Promise<Recorded> {
  const { folder, providerUrl, seed, signal } = options;
  const file = join(folder, 'recording.jsonl');
  const recorder = await startRecordingProxy({
    listen: { host: '127.0.0.1', port: 0 },
    upstreams: { openai: `${providerUrl}/v1`, anthropic: providerUrl },
    recording: file,
    tool: `agent-infra ${toolVersion()}`,
  });
  const target = { url: recorder.url, model: DEMO.model, apiKey: 'demo' };
  const client = createChatClient(target, realClock);
  const startMs = realClock.now();
  try {
    const run = await runAgents({
      client,
      clock: realClock,
      streams: randomStreams(seed),
      ...DEMO.recording,
      signal,
    });
    if (run.failures > 0) {
      throw new AgentInfraError(
        'target.unreachable',
        `${run.failures} of ${run.calls} calls to the simulated provider failed while recording`,
      );
    }
    const recording = { ...run, durationMs: Math.round(realClock.now() - startMs) };
    await client.close();
    await recorder.close();
    return { recording, profile: await profileRecording(file, signal) };
  } catch (thrown) {
    await recorder.close();
    throw thrown;
  }
}

async function profileRecording(file: string, signal: AbortSignal): Promise<WorkloadProfile> {
  const fold = new ProfileFold();
  const { format } = await readTraces([file], fold, { signal });
  return fold.profile({ name: 'demo', format, files: ['recording.jsonl'] });
}
