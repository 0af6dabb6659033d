import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { loadScenario } from '../../config/scenario.ts';
import type { LoadedScenario } from '../../config/scenario.ts';
import { workloadProfileYaml } from '../../config/workload-profile.ts';
import { formatCount, formatDuration, formatShare, round } from '../../core/units.ts';
import { unwritableFile } from '../../errors.ts';
import { startServers } from '../../loadtest/servers.ts';
import type { BundledServers } from '../../loadtest/servers.ts';
import type { DemoPage, DemoReport } from '../../report/demo.ts';
import { renderDemoText } from '../../report/demo-text.ts';
import { renderDemoHtml } from '../../report/html-demo.ts';
import { breakHeadline } from '../../report/html-plan.ts';
import { planJson } from '../../report/plan-json.ts';
import { hostFacts, nowIso, realClock } from '../../system.ts';
import type { WorkloadProfile } from '../../workload/workload-profile.ts';
import { toolVersion } from '../tool-version.ts';
import { compareFigures } from './comparison.ts';
import { DEMO, demoDocuments } from './documents.ts';
import { forecast } from './forecast.ts';
import type { Forecast } from './forecast.ts';
import { runLoad } from './load.ts';
import { planRecorded } from './plan-recorded.ts';
import { recordAgents } from './record.ts';

export interface DemoOptions {
  readonly folder: string;
  readonly seed: string | number;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** One line per step, for people. */
  readonly say: (line: string) => void;
}

export interface DemoResult {
  readonly page: DemoPage;
  /** Plain text of the findings. */
  readonly text: string;
}

/** Runs the whole loop on loopback. Each step leaves its file, so that an interrupt loses little. */
export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const { folder, say, seed, signal } = options;
  const startedAt = nowIso();
  const startMs = realClock.now();
  await prepare(folder);
  const documents = demoDocuments(seed);
  await write(folder, 'provider.yaml', documents.provider);
  await write(folder, 'gateway.yaml', documents.gateway);
  await write(folder, 'scenario.yaml', documents.scenario);
  const scenario = await loadScenario(join(folder, 'scenario.yaml'), { profile: 'later' });
  say('starting the simulated provider and the gateway on loopback');
  const servers = await startServers(scenario, new URL('../child-server.js', import.meta.url));
  try {
    return await runLoop({ options, scenario, servers, startedAt, startMs });
  } catch (thrown) {
    // Whatever fails because everything is being stopped is the interrupt, not a fault of its own.
    signal.throwIfAborted();
    throw thrown;
  } finally {
    await servers.stop();
  }
}

interface Loop {
  readonly options: DemoOptions;
  readonly scenario: LoadedScenario;
  readonly servers: BundledServers;
  readonly startedAt: string;
  readonly startMs: number;
}

async function runLoop({
  options,
  scenario,
  servers,
  startedAt,
  startMs,
}: Loop): Promise<DemoResult> {
  const { folder, say, seed, signal } = options;
  say(
    `recording ${DEMO.recording.sessions} sessions of a scripted agent behind the recording proxy`,
  );
  const recorded = await recordAgents({ folder, providerUrl: servers.providerUrl!, seed, signal });
  const { profile, recording } = recorded;
  await write(folder, 'profile.yaml', workloadProfileYaml(profile));
  say(profileLine(profile, recording.calls));
  const plan = await planRecorded(folder, profile, seed);
  await writeJson(folder, 'plan.json', planJson(plan, toolVersion()));
  say(`planned: ${breakHeadline(plan)}`);
  const window = { fromMs: DEMO.load.warmUpMs, toMs: DEMO.load.durationMs };
  const rules = { ...DEMO.limits, cache: DEMO.cache };
  const { replications } = DEMO.forecast;
  const forecastMs = realClock.now();
  const predicted = await forecast({ profile, scenario, rules, window, seed, replications });
  const forecastTook = realClock.now() - forecastMs;
  await writeJson(folder, 'forecast.json', predicted);
  say(`forecast by ${replications} runs in virtual time: ${forecastLine(predicted)}`);
  signal.throwIfAborted();
  say(
    `load-testing the gateway with ${DEMO.load.sessionsPerSecond} sessions a second for ${formatDuration(DEMO.load.durationMs)}`,
  );
  const load = await runLoad({
    folder,
    scenario,
    targetUrl: servers.gatewayUrl!,
    window,
    signal,
    say,
  });
  const comparison = compareFigures(predicted, load.figures);
  const verdicts = (verdict: string): number =>
    comparison.filter((row) => row.verdict === verdict).length;
  const report: DemoReport = {
    schema: 'agent-infra/demo',
    schemaVersion: '1.0',
    tool: { name: 'agent-infra', version: toolVersion() },
    startedAt,
    durationMs: Math.round(realClock.now() - startMs),
    seed,
    host: hostFacts(),
    recording,
    provider: { model: DEMO.model, ...DEMO.limits },
    load: { ...DEMO.load, window },
    forecast: { replications, durationMs: Math.round(forecastTook) },
    comparison,
    held: verdicts('held'),
    missed: verdicts('missed'),
    notMeasured: verdicts('not measured'),
  };
  const page: DemoPage = { report, profile, plan, summary: load.summary };
  const text = renderDemoText(page);
  await writeJson(folder, 'summary.json', report);
  await write(folder, 'report.txt', text);
  await write(folder, 'report.html', renderDemoHtml(page, load.charts));
  await writePicture(folder, page);
  return { page, text };
}

/** The main chart as a picture, where the optional canvas is installed. */
async function writePicture(folder: string, page: DemoPage): Promise<void> {
  const { renderComparisonPng } = await import('../../report/charts-png.ts');
  const png = await renderComparisonPng(page.report.comparison);
  if (png !== undefined) await writeFile(join(folder, 'report.png'), png);
}

function profileLine(profile: WorkloadProfile, calls: number): string {
  const perTurn = profile.turns.llmCallsPerTurn;
  const input = profile.tokens.input;
  const parts = [
    `${calls} LLM calls`,
    ...(perTurn === null ? [] : [`${round(perTurn.mean, 2)} per turn`]),
    ...(input === null ? [] : [`${formatCount(input.mean)} input tokens each`]),
  ];
  return `profiled: ${parts.join(', ')}`;
}

function forecastLine({ refusedShare, requestsPerMinute, ttftP95Ms }: Forecast): string {
  const parts = [
    ...(requestsPerMinute === null ? [] : [`${formatCount(requestsPerMinute.value)} requests/min`]),
    ...(ttftP95Ms === null ? [] : [`first token p95 ${formatDuration(ttftP95Ms.value)}`]),
    ...(refusedShare === null ? [] : [`${formatShare(refusedShare.value)} refused`]),
  ];
  return parts.join(', ');
}

/** Files of an earlier demo would be mistaken for this one's. Only names that a demo writes go. */
export const DEMO_FILES = [
  'provider.yaml',
  'gateway.yaml',
  'scenario.yaml',
  'recording.jsonl',
  'profile.yaml',
  'plan.yaml',
  'plan.json',
  'forecast.json',
  'samples.jsonl',
  'loadtest-summary.json',
  'summary.json',
  'report.txt',
  'report.html',
  'report.png',
] as const;

async function prepare(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    for (const file of DEMO_FILES) await rm(join(folder, file), { force: true });
  } catch (thrown) {
    throw unwritableFile(folder, thrown);
  }
}

async function write(folder: string, name: string, text: string): Promise<void> {
  await writeFile(join(folder, name), text).catch((thrown: unknown) => {
    throw unwritableFile(join(folder, name), thrown);
  });
}

async function writeJson(folder: string, name: string, value: object): Promise<void> {
  await write(folder, name, `${JSON.stringify(value, null, 2)}\n`);
}
