import type { LatencyHistogram } from '../core/histogram.ts';
import { AgentInfraError } from '../errors.ts';
import { clientVariables, upstreamsOf } from '../recorder/client-environment.ts';
import { startRecordingProxy } from '../recorder/recording-proxy.ts';
import type { RunningRecorder } from '../recorder/recording-proxy.ts';
import { runCommand } from '../recorder/run-command.ts';
import { environment, nowIso, onInterrupt } from '../system.ts';
import type { RecordFlags } from './profile-record.ts';
import { runProfile } from './profile-run.ts';
import { toolVersion } from './tool-version.ts';

/** Calls still running when the command has ended get this long. */
const GRACE_MS = 5000;

/** Records a command (or whoever calls, with --listen) and profiles the recording. */
export async function runRecord(command: readonly string[], flags: RecordFlags): Promise<number> {
  if ((command.length === 0) === (flags.listen === undefined)) {
    throw new AgentInfraError(
      'usage.invalid',
      'give either a command after two dashes or --listen',
      {
        hint: 'agent-infra profile record -- node agent.js',
      },
    );
  }
  const env = environment();
  const upstreams = upstreamsOf(env, {
    openai: checkedUrl('--upstream-openai', flags.upstreamOpenai),
    anthropic: checkedUrl('--upstream-anthropic', flags.upstreamAnthropic),
  });
  const recording = flags.recording ?? `recording-${nowIso().replaceAll(/[:.]/g, '-')}.jsonl`;
  const recorder = await startRecordingProxy({
    listen: { host: '127.0.0.1', port: listenPort(flags.listen) },
    upstreams,
    recording,
    tool: `agent-infra ${toolVersion()}`,
    content: flags.content,
    log: say,
  });
  const variables = clientVariables(recorder.url, env);
  say(`recording on ${recorder.url} into ${recording}`);
  say(`calls go to ${upstreams.openai} and ${upstreams.anthropic}`);
  for (const [name, value] of Object.entries(variables)) say(`  ${name}=${value}`);
  let commandExit = 0;
  try {
    if (flags.listen === undefined) {
      ({ exitCode: commandExit } = await runCommand(command, { ...env, ...variables }));
    } else await new Promise((resolve) => onInterrupt(resolve));
  } finally {
    await recorder.close(GRACE_MS);
  }
  if (commandExit !== 0) say(`the command ended with exit code ${commandExit}`);
  // A command that failed before its first call explains itself.
  if (commandExit !== 0 && recorder.calls === 0) return commandExit;
  const profileExit = await profileOf(recorder, recording, flags);
  return commandExit === 0 ? profileExit : commandExit;
}

async function profileOf(
  recorder: RunningRecorder,
  recording: string,
  flags: RecordFlags,
): Promise<number> {
  const { added, calls } = recorder;
  sayTelemetry(recorder);
  if (calls === 0) {
    throw new AgentInfraError('trace.empty', 'no model call passed the recorder', {
      hint: 'Does the agent read its base URL from the environment? See the variables above.',
    });
  }
  say(
    added.total.count === 0
      ? `recorded ${calls} calls, none of them answered`
      : `recorded ${calls} calls; the proxy added ${spreadOf(added.firstByte)} to the first byte and ${spreadOf(added.total)} to the whole call`,
  );
  return runProfile([recording], {
    format: 'recording',
    output: flags.output,
    json: flags.json,
    name: flags.name,
    sessions: '200',
    seed: 'profile',
  });
}

function sayTelemetry({ spansFile, telemetry }: RunningRecorder): void {
  const { logRecords, metrics, spans } = telemetry;
  if (spansFile !== undefined) {
    say(`received ${spans} spans: agent-infra profile ${spansFile} profiles them`);
  }
  if (logRecords + metrics > 0) {
    say(`received and left out: ${logRecords} log records, ${metrics} metrics`);
  }
}

/** `p50 0.21 ms, p95 0.48 ms`; a run of empty replies has no first bytes. */
function spreadOf(times: LatencyHistogram): string {
  if (times.count === 0) return 'nothing measured';
  const [median, p95] = [0.5, 0.95].map((share) => times.quantileMs(share)!.toFixed(2));
  return `p50 ${median} ms, p95 ${p95} ms`;
}

/** Progress goes to stderr: stdout belongs to the command and the profile. */
function say(line: string): void {
  console.error(`agent-infra: ${line}`);
}

function checkedUrl(flag: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const protocol = URL.canParse(text) ? new URL(text).protocol : '';
  if (protocol === 'http:' || protocol === 'https:') return text;
  throw new AgentInfraError('usage.invalid', `${flag} ${text}: expected an http or https URL`);
}

function listenPort(listen: string | true | undefined): number {
  if (listen === undefined || listen === true) return 0;
  const port = Number(listen);
  if (/^\d{1,5}$/.test(listen) && port <= 65_535) return port;
  throw new AgentInfraError('usage.invalid', `--listen ${listen}: expected a port from 0 to 65535`);
}
