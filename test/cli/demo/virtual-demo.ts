import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { makePlan } from '../../../src/capacity/plan.ts';
import { readGpus, readModels } from '../../../src/catalog/gpus.ts';
import { planInput } from '../../../src/catalog/plan-input.ts';
import { findModel, priceOn, readCatalogs } from '../../../src/catalog/providers.ts';
import { runAgents } from '../../../src/cli/demo/agent.ts';
import type { AgentRun } from '../../../src/cli/demo/agent.ts';
import type { ChatCall, ChatClient, ChatReply } from '../../../src/cli/demo/chat-client.ts';
import { compareFigures } from '../../../src/cli/demo/comparison.ts';
import { DEMO, demoDocuments, demoPlan } from '../../../src/cli/demo/documents.ts';
import { figuresOf } from '../../../src/cli/demo/figures.ts';
import { forecast } from '../../../src/cli/demo/forecast.ts';
import { ModelledProvider } from '../../../src/cli/demo/modelled-provider.ts';
import { loadPlan } from '../../../src/config/plan.ts';
import { loadScenario } from '../../../src/config/scenario.ts';
import { workloadProfileYaml } from '../../../src/config/workload-profile.ts';
import { VirtualClock, sleep } from '../../../src/core/clock.ts';
import { randomStreams } from '../../../src/core/random.ts';
import type { Session, Step } from '../../../src/core/trace.ts';
import { startEngine } from '../../../src/loadtest/engine.ts';
import { RunFold } from '../../../src/loadtest/fold.ts';
import { UNKNOWN_HOST } from '../../../src/loadtest/host-monitor.ts';
import type { Sample } from '../../../src/loadtest/sample.ts';
import { scriptSession } from '../../../src/loadtest/session-script.ts';
import { RunChartFold } from '../../../src/report/charts-run.ts';
import type { RunCharts } from '../../../src/report/charts-run.ts';
import type { DemoPage } from '../../../src/report/demo.ts';
import { ProfileFold } from '../../../src/workload/profile-fold.ts';
import { sessionSampler } from '../../../src/workload/sessions.ts';
import type { WorkloadProfile } from '../../../src/workload/workload-profile.ts';

/** The whole demo without sockets or waiting: the same agent, plan, forecast, engine and report. */

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export interface LoggedCall {
  readonly call: ChatCall;
  readonly startMs: number;
  readonly endMs: number;
}

/** A model in virtual time that follows the `[[sim …]]` marks as the simulated provider does. */
function virtualModel(
  clock: VirtualClock,
  log: LoggedCall[],
  fails: (call: ChatCall) => boolean = () => false,
): ChatClient {
  const random = randomStreams('model')('latency');
  return {
    close: () => Promise.resolve(),
    send: async (call, signal): Promise<ChatReply | undefined> => {
      const startMs = clock.now();
      // The agent goes on with the same list: keep what was sent.
      const asSent = { ...call, messages: [...call.messages] };
      const user = call.messages.findLastIndex(({ role }) => role === 'user');
      const mark = /output=(\d+)(?: tools=(\S+))?\]\]/.exec(call.messages[user]!.content)!;
      const rounds = (mark[2] ?? '').split(';').filter((round) => round !== '');
      const done = call.messages.slice(user).filter((message) => message.tool_calls).length;
      await sleep(clock, 60 + random.exponential(25) + 4 * Number(mark[1]), signal);
      log.push({ call: asSent, startMs, endMs: clock.now() });
      if (fails(call)) return undefined;
      const names = rounds[done]?.split(',') ?? [];
      const toolCalls = names.map((name, index) => ({ id: `call-${log.length}-${index}`, name }));
      return {
        toolCalls,
        message: {
          role: 'assistant',
          content: 'x'.repeat(4 * Number(mark[1])),
          ...(toolCalls.length > 0 && {
            tool_calls: toolCalls.map(({ id, name }) => ({
              id,
              type: 'function' as const,
              function: { name, arguments: '{}' },
            })),
          }),
        },
      };
    },
  };
}

/** Runs the scripted agent in virtual time. */
export async function virtualAgents(
  sessions: number,
  fails?: (call: ChatCall) => boolean,
): Promise<{ readonly run: AgentRun; readonly log: readonly LoggedCall[] }> {
  const clock = new VirtualClock(settle);
  const log: LoggedCall[] = [];
  const running = runAgents({
    client: virtualModel(clock, log, fails),
    clock,
    streams: randomStreams(7),
    sessions,
    overMs: DEMO.recording.overMs,
    signal: new AbortController().signal,
  });
  await clock.run();
  return { run: await running, log };
}

/** A page of the demo with everything in it computed, nothing invented. */
export async function virtualDemo(): Promise<{
  readonly page: DemoPage;
  readonly charts: RunCharts;
}> {
  const { run, log } = await virtualAgents(DEMO.recording.sessions);
  const profile = profileOf(log);
  const folder = await mkdtemp(join(tmpdir(), 'demo-'));
  await writeFile(join(folder, 'profile.yaml'), workloadProfileYaml(profile));
  const catalogs = await readCatalogs();
  const catalog = catalogs.providers.get(DEMO.priced.provider)!;
  const price = priceOn(findModel(catalog, DEMO.priced.model)!, '2026-11-20')!;
  const planFile = join(folder, 'plan.yaml');
  await writeFile(planFile, demoPlan(profile.sessions.turnsPerSession!.mean, price, 7));
  const [gpus, models] = [await readGpus(), await readModels()];
  const context = { file: planFile, today: '2026-11-20', catalogs, gpus, models };
  const plan = makePlan(await planInput(await loadPlan(planFile), context));
  await writeFile(join(folder, 'scenario.yaml'), demoDocuments(7).scenario);
  const scenario = await loadScenario(join(folder, 'scenario.yaml'));
  const window = { fromMs: DEMO.load.warmUpMs, toMs: DEMO.load.durationMs };
  const rules = { ...DEMO.limits, cache: DEMO.cache };
  const predicted = await forecast({ profile, scenario, rules, window, seed: 7, replications: 12 });
  const samples: Sample[] = [];
  const clock = new VirtualClock(settle);
  const streams = randomStreams(scenario.seed);
  const session = sessionSampler(profile, streams);
  const fold = new RunFold();
  const chartFold = new RunChartFold();
  const sink = (sample: Sample): void => {
    samples.push(sample);
    fold.add(sample);
    chartFold.add(sample);
  };
  const host = { cores: 2, node: 'v20.20.2', os: 'linux x64' };
  sink({
    type: 'run',
    schema: 'agent-infra/loadtest-samples',
    schemaVersion: '1.0',
    tool: { name: 'agent-infra', version: '0.1.0' },
    engine: 'builtin',
    scenario: 'demo',
    startedAt: '2026-11-20T12:00:00.000Z',
    seed: 7,
    configHash: 'test',
    host,
    target: { url: 'http://127.0.0.1:1', dialect: 'openai', model: 'sim-1' },
    load: ['5 sessions/s'],
    warmUpMs: scenario.warmUp,
    openLoop: true,
    thresholds: scenario.thresholds,
  });
  const engine = startEngine(scenario, {
    clock,
    transport: new ModelledProvider(profile, rules, clock, streams('provider')),
    monitor: UNKNOWN_HOST,
    streams,
    script: (index) =>
      scriptSession(session(index), index, {
        seed: 'measured',
        model: 'sim-1',
        keepModels: false,
        thinkTimeScale: 1,
        toolTimeScale: 1,
      }),
    wallNowMs: () => clock.now(),
    sink,
  });
  await Promise.all([engine.done, clock.run()]);
  const comparison = compareFigures(predicted, figuresOf(samples, window));
  const verdicts = (verdict: string): number =>
    comparison.filter((row) => row.verdict === verdict).length;
  return {
    charts: chartFold.view(),
    page: {
      profile,
      plan,
      summary: fold.summary(),
      report: {
        schema: 'agent-infra/demo',
        schemaVersion: '1.0',
        tool: { name: 'agent-infra', version: '0.1.0' },
        startedAt: '2026-11-20T12:00:00.000Z',
        durationMs: 43_000,
        seed: 7,
        host,
        recording: { ...run, durationMs: 15_000 },
        provider: { model: DEMO.model, ...DEMO.limits },
        load: { ...DEMO.load, window },
        forecast: { replications: 12, durationMs: 900 },
        comparison,
        held: verdicts('held'),
        missed: verdicts('missed'),
        notMeasured: verdicts('not measured'),
      },
    },
  };
}

/** Sessions as a trace would tell them: steps follow what had ended before they began. */
function profileOf(log: readonly LoggedCall[]): WorkloadProfile {
  const sessions = new Map<string, LoggedCall[]>();
  for (const entry of log) {
    sessions.set(entry.call.session, [...(sessions.get(entry.call.session) ?? []), entry]);
  }
  const fold = new ProfileFold();
  for (const [id, entries] of sessions) fold.session(sessionOf(id, entries));
  return fold.profile({ name: 'demo', format: 'test', files: [] });
}

function sessionOf(id: string, entries: readonly LoggedCall[]): Session {
  const ordered = entries.toSorted((a, b) => a.startMs - b.startMs);
  const turnOf = ({ call }: LoggedCall): string =>
    call.messages.findLast(({ role }) => role === 'user')!.content;
  const main = ordered.filter(({ call }) => call.messages[0]!.content.includes('harbour'));
  const starts = main.filter(
    (entry, index) => index === 0 || turnOf(entry) !== turnOf(main[index - 1]!),
  );
  const turns = starts.map((first, index) => {
    const endMs = starts[index + 1]?.startMs ?? Number.POSITIVE_INFINITY;
    const inside = ordered.filter(({ startMs }) => startMs >= first.startMs && startMs < endMs);
    return { startMs: first.startMs, steps: stepsOf(inside) };
  });
  return { id, turns };
}

function stepsOf(entries: readonly LoggedCall[]): Step[] {
  const seen = new Set<string>();
  return entries.map(({ call, endMs, startMs }, index): Step => {
    const before = entries.filter((entry) => entry.endMs <= startMs);
    const last = before.toSorted((a, b) => b.endMs - a.endMs)[0];
    const length = call.messages.reduce((sum, { content }) => sum + content.length, 0);
    const input = Math.round(length / 4);
    const key = call.messages[0]!.content;
    const cacheRead = seen.has(key) || index > 0 ? Math.min(input, 1408) : 1408;
    seen.add(key);
    return {
      kind: 'llm',
      id: `s${index}`,
      after: last === undefined ? [] : [`s${entries.indexOf(last)}`],
      startMs,
      endMs,
      model: 'sim-1',
      tokens: {
        uncached: input - cacheRead,
        cacheRead,
        cacheWrite5m: 0,
        cacheWrite1h: 0,
        output: Number(
          /output=(\d+)/.exec(call.messages.findLast(({ role }) => role === 'user')!.content)![1],
        ),
        reasoning: 0,
      },
      tokensBasis: 'reported',
      ttftMs: 60 + (startMs % 37),
      attempts: [{ startMs, endMs, status: 200 }],
    };
  });
}
