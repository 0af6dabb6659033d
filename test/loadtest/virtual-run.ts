import type { Scenario } from '../../src/config/scenario.ts';
import { scenarioSchema } from '../../src/config/scenario.ts';
import { parseYaml } from '../../src/config/yaml.ts';
import { VirtualClock } from '../../src/core/clock.ts';
import type { CancelTimer } from '../../src/core/clock.ts';
import { randomStreams } from '../../src/core/random.ts';
import type { SessionSkeleton } from '../../src/core/trace.ts';
import { startEngine } from '../../src/loadtest/engine.ts';
import type { EngineRun } from '../../src/loadtest/engine.ts';
import { RunFold } from '../../src/loadtest/fold.ts';
import { UNKNOWN_HOST } from '../../src/loadtest/host-monitor.ts';
import type { HostMonitor } from '../../src/loadtest/host-monitor.ts';
import type { Sample } from '../../src/loadtest/sample.ts';
import { scriptSession } from '../../src/loadtest/session-script.ts';
import { syntheticSessions } from '../../src/loadtest/synthetic.ts';
import type { LoadSummary } from '../../src/loadtest/summary.ts';
import type { AttemptResult, Transport, TransportCall } from '../../src/loadtest/transport.ts';

/** What the modelled server does with one attempt. Times in ms. */
interface Reply {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly ttft?: number;
  readonly gap?: number;
  readonly tokens?: number;
  readonly truncated?: boolean;
}

/** A server in virtual time: streams `tokens` tokens, the first after `ttft`, then every `gap`. */
function fakeTransport(
  clock: VirtualClock,
  reply: (call: TransportCall, nowMs: number) => Reply,
): Transport & { readonly calls: TransportCall[] } {
  const calls: TransportCall[] = [];
  return {
    calls,
    close: () => Promise.resolve(),
    send: (call, signal) =>
      new Promise<AttemptResult>((resolve) => {
        calls.push(call);
        const sentAt = clock.now();
        const {
          gap = 10,
          headers = {},
          status = 200,
          tokens = 5,
          truncated = false,
          ttft = 100,
        } = reply(call, sentAt);
        const base = { sentAt, socketAt: sentAt, status, headers, chunks: 0 };
        const endAt = sentAt + ttft + (status === 200 ? gap * (tokens - 1) : 0);
        const cancel = clock.at(endAt, () => {
          signal.removeEventListener('abort', abort);
          const firstTokenAt = sentAt + ttft;
          if (status !== 200) {
            resolve({ ...base, endAt, outcome: 'failed', error: `http-${status}` });
          } else {
            resolve({
              ...base,
              endAt,
              firstByteAt: firstTokenAt,
              firstTokenAt,
              lastTokenAt: endAt,
              chunks: tokens,
              ...(truncated
                ? { outcome: 'truncated', error: 'truncated' }
                : {
                    outcome: 'ok',
                    doneAt: endAt,
                    usage: {
                      uncached: call.step.inputTokens,
                      cacheRead: 0,
                      cacheWrite5m: 0,
                      cacheWrite1h: 0,
                      output: tokens,
                      reasoning: 0,
                    },
                  }),
            });
          }
        });
        const abort = (): void => {
          cancel();
          resolve({ ...base, endAt: clock.now(), outcome: 'aborted' });
        };
        signal.addEventListener('abort', abort, { once: true });
      }),
  };
}

/** Virtual time in which the client itself can be late. */
class StallingClock extends VirtualClock {
  #stalledMs = 0;

  override now(): number {
    return super.now() + this.#stalledMs;
  }

  override at(atMs: number, action: () => void): CancelTimer {
    return super.at(atMs - this.#stalledMs, action);
  }

  stall(ms: number): void {
    this.#stalledMs += ms;
  }
}

export interface VirtualRun {
  readonly samples: readonly Sample[];
  readonly summary: LoadSummary;
  readonly calls: readonly TransportCall[];
  readonly fold: RunFold;
}

export interface VirtualOptions {
  readonly reply?: (call: TransportCall, nowMs: number) => Reply;
  readonly monitor?: HostMonitor;
  /** Replaces the scenario's sessions. */
  readonly skeleton?: (index: number) => SessionSkeleton;
  /** Called once the run has started. */
  readonly during?: (run: EngineRun, clock: VirtualClock) => void;
  readonly seed?: number;
  /** The client hangs this long (its clock runs on) while it prepares the first session. */
  readonly stallMs?: number;
  readonly endMs?: number;
}

/** A scenario from the YAML of its body; name, target and workload have defaults. */
export function scenarioOf(body: string): Scenario {
  const workload = body.includes('workload:') ? '' : 'workload: {synthetic: {}}\n';
  const target = body.includes('target:') ? '' : 'target: {url: "http://127.0.0.1:1", model: m}\n';
  const text = `apiVersion: agent-infra/v1\nkind: Scenario\nname: test\n${workload}${target}${body}`;
  return parseYaml(scenarioSchema, { file: 'test.yaml', text });
}

/** Runs a whole scenario in virtual time. */
export async function runVirtual(
  scenario: Scenario,
  options: VirtualOptions = {},
): Promise<VirtualRun> {
  const clock = new StallingClock(() => new Promise((resolve) => setImmediate(resolve)), 5000);
  const transport = fakeTransport(clock, options.reply ?? (() => ({})));
  const streams = randomStreams(options.seed ?? scenario.seed);
  const sessions = options.skeleton ?? syntheticSessions(scenario.workload.synthetic!, streams);
  const samples: Sample[] = [];
  const fold = new RunFold();
  const sink = (sample: Sample): void => {
    samples.push(sample);
    fold.add(sample);
  };
  sink({
    type: 'run',
    schema: 'agent-infra/loadtest-samples',
    schemaVersion: '1.0',
    tool: { name: 'agent-infra', version: '0.0.0' },
    engine: 'builtin',
    scenario: scenario.name,
    startedAt: '2026-01-01T00:00:00.000Z',
    seed: scenario.seed,
    configHash: 'test',
    host: { cores: 1, node: 'v20', os: 'test' },
    target: { url: 'http://127.0.0.1:1', dialect: 'openai', model: 'm' },
    load: [],
    warmUpMs: scenario.warmUp,
    openLoop: scenario.arrivals.kind !== 'users',
    thresholds: scenario.thresholds,
  });
  const run = startEngine(scenario, {
    clock,
    transport,
    monitor: options.monitor ?? UNKNOWN_HOST,
    streams,
    script: (index) => {
      if (index === 0) clock.stall(options.stallMs ?? 0);
      return scriptSession(sessions(index), index, {
        seed: scenario.seed,
        model: 'm',
        keepModels: false,
        thinkTimeScale: scenario.thinkTimeScale,
        toolTimeScale: scenario.toolTimeScale,
        maxThinkMs: scenario.maxThinkTime,
        maxToolMs: scenario.maxToolTime,
      });
    },
    wallNowMs: () => clock.now(),
    sink,
  });
  options.during?.(run, clock);
  await Promise.all([run.done, clock.run(options.endMs)]);
  return { samples, summary: fold.summary(), calls: transport.calls, fold };
}

export function samplesOf<T extends Sample['type']>(
  samples: readonly Sample[],
  type: T,
): Extract<Sample, { type: T }>[] {
  return samples.filter((sample) => sample.type === type) as Extract<Sample, { type: T }>[];
}
