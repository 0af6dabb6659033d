// node bench/predict.mjs: predict, then measure, in real time. Build first (npm run build).
// For three bundled workloads: `plan predict` says which share of calls a load test will see refused
// (95 % of runs), then `loadtest` runs it over loopback against the simulated provider with the same
// limits, and `plan predict --against` holds the run against the prediction. About 90 s.
// `node bench/predict.mjs 60` runs 60 s per workload.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const binary = resolve(import.meta.dirname, '../bin/agent-infra.js');
const profiles = resolve(import.meta.dirname, '../profiles/workloads');
const seconds = Number(process.argv[2] ?? 20);
const WARM_UP_SECONDS = 5;

/** Loads at which calls are refused: bursts over short windows. */
const cases = [
  {
    why: 'fan-out against windows of a second',
    profile: 'research-agent',
    countingRule: 'xai',
    style: 'xai',
    turnsPerMinute: 1080,
    limits: { rpm: 3000 },
    retry: 'python',
  },
  {
    why: 'single calls against windows of ten seconds',
    profile: 'azure-conversation',
    countingRule: 'azure',
    style: 'azure-standard',
    turnsPerMinute: 3600,
    limits: { rpm: 3000 },
    retry: 'openai-js-6',
  },
  {
    why: 'long prompts, more than a limit per second, no retries',
    profile: 'mooncake-conversation',
    countingRule: 'mistral',
    style: 'mistral',
    turnsPerMinute: 1200,
    limits: { rps: 18 },
    retry: 'none',
  },
];

const folder = await mkdtemp(join(tmpdir(), 'agent-infra-predict-'));
let differing = 0;
try {
  for (const one of cases) {
    const agrees = await predictAndMeasure(one);
    if (!agrees) differing += 1;
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
console.log(`${cases.length - differing} of ${cases.length} runs lie where 95 % of runs should`);
process.exitCode = differing > 0 ? 1 : 0;

async function predictAndMeasure(one) {
  const plan = join(folder, `${one.profile}.plan.yaml`);
  await writeFile(plan, JSON.stringify(planOf(one)));
  const times = ['--duration', `${seconds}s`, '--warm-up', `${WARM_UP_SECONDS}s`, '--json'];
  const predicted = JSON.parse((await run(['plan', 'predict', plan, ...times])).stdout);
  const provider = join(folder, `${one.profile}.provider.yaml`);
  await writeFile(provider, JSON.stringify(providerOf(one)));
  const scenario = join(folder, `${one.profile}.scenario.yaml`);
  await writeFile(scenario, JSON.stringify(scenarioOf(one, provider, predicted.sessionsPerSecond)));
  const runFolder = join(folder, `${one.profile}.run`);
  await run(['loadtest', scenario, '-o', runFolder]);
  const { stdout } = await run(
    ['plan', 'predict', plan, ...times, '--against', runFolder],
    [0, 99],
  );
  const { agrees, forecast, measured } = JSON.parse(stdout);
  console.log(`${one.profile}: ${one.why}`);
  for (const part of ['firstAttempt', 'rejected', 'failed']) {
    const { high, low, value } = forecast[part];
    console.log(
      `  ${part.padEnd(12)} predicted ${percent(value)} (${percent(low)} to ${percent(high)}), measured ${percent(measured[part])}`,
    );
  }
  const verdict = agrees ? 'agrees' : 'DIFFERS';
  console.log(
    `  ${verdict}: ${measured.calls} calls, predicted ${Math.round(forecast.calls.value)}`,
  );
  return agrees;
}

function planOf({ countingRule, limits, profile, retry, turnsPerMinute }) {
  return {
    apiVersion: 'agent-infra/v1',
    kind: 'Plan',
    name: profile,
    workload: { profile },
    targets: { concurrentUsers: turnsPerMinute, interactionsPerMinute: 1 },
    routes: [{ provider: 'custom', model: 'sim-1', countingRule, limits }],
    retry,
  };
}

/** Answers as long as asked for, about as fast as the profiles' own calls. */
function providerOf({ limits, profile, style }) {
  return {
    apiVersion: 'agent-infra/v1',
    kind: 'ProviderConfig',
    name: profile,
    models: [
      {
        id: 'sim-1',
        limits: { style, ...limits },
        timing: { kind: 'fixed', ttft: { p50: '680ms', p95: '1700ms' }, itl: '17ms' },
        output: { tokens: 'max', tokensPerFrame: 20 },
      },
    ],
  };
}

function scenarioOf({ profile, retry }, provider, sessionsPerSecond) {
  return {
    apiVersion: 'agent-infra/v1',
    kind: 'Scenario',
    name: profile,
    seed: 1,
    workload: { profile: join(profiles, `${profile}.yaml`) },
    arrivals: { kind: 'poisson', rate: `${sessionsPerSecond}/s` },
    duration: `${seconds}s`,
    warmUp: `${WARM_UP_SECONDS}s`,
    drain: '5s',
    retry,
    target: { url: 'provider', model: 'sim-1', apiKey: 'loopback' },
    servers: { provider: { config: provider } },
  };
}

/** Runs the binary. @param passing exit codes that are no failure; a load test may be inconclusive */
function run(args, passing = [0]) {
  return new Promise((done, fail) => {
    execFile(
      process.execPath,
      [binary, ...args],
      { maxBuffer: 2 ** 26 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : error.code;
        if (passing.includes(code)) done({ stdout });
        else fail(new Error(`agent-infra ${args[0]} ended with ${code}: ${stderr}`));
      },
    );
  });
}

function percent(share) {
  return share === null ? '?' : `${(share * 100).toFixed(1)} %`;
}
