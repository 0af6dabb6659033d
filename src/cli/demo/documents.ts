import type { CatalogPrice } from '../../config/catalog-provider.ts';
import { API_VERSION, writeYaml } from '../../config/document.ts';

/**
 * The documents the demo runs on. They are written into its folder, so that a reader can run each
 * step again by hand (`agent-infra plan reports/demo/plan.yaml`).
 */

/** What the demo does; every time and size of it stands here. */
export const DEMO = {
  model: 'sim-1',
  recording: { sessions: 36, overMs: 8000 },
  load: { sessionsPerSecond: 5, durationMs: 18_000, warmUpMs: 6000 },
  /** Set so that the load fits on average and bursts do not: the interesting case. */
  limits: { requestsPerMinute: 2600, requestBurst: 52, tokensPerMinute: 12_000_000 },
  /** OpenAI's published rule for its automatic prompt cache. */
  cache: { minTokens: 1024, stepTokens: 128 },
  forecast: { replications: 24 },
  /** Whose list price the plan uses: a small hosted model. */
  priced: { provider: 'openai', model: 'gpt-5.4-mini' },
} as const;

/** Key of the gateway's only agent; it opens nothing but this demo's own loopback servers. */
export const DEMO_KEY = 'demo-key-loopback-only';

export interface DemoDocuments {
  readonly provider: string;
  readonly gateway: string;
  readonly scenario: string;
}

/** Seconds and milliseconds as the documents spell them. */
const ms = (value: number): string => (value % 1000 === 0 ? `${value / 1000}s` : `${value}ms`);

/** Everything but the plan, which needs the recorded profile's shape. */
export function demoDocuments(seed: string | number): DemoDocuments {
  const { cache, limits, load, model } = DEMO;
  const provider = {
    apiVersion: API_VERSION,
    kind: 'ProviderConfig',
    name: 'demo',
    seed,
    models: [
      {
        id: model,
        apis: ['openai'],
        limits: {
          style: 'anthropic',
          rpm: limits.requestsPerMinute,
          requestBurst: ms((limits.requestBurst / limits.requestsPerMinute) * 60_000),
          itpm: limits.tokensPerMinute,
        },
        cache: { kind: 'automatic', minTokens: cache.minTokens, stepTokens: cache.stepTokens },
        // Some four times faster than a hosted model: the demo should not take minutes.
        timing: {
          kind: 'fixed',
          ttft: { p50: '150ms', p95: '350ms' },
          itl: { p50: '4ms', p95: '6ms' },
          prefillPerToken: '10us',
        },
        output: { tokens: 'max', tokensPerFrame: 2 },
      },
    ],
  };
  const gateway = {
    apiVersion: API_VERSION,
    kind: 'GatewayConfig',
    upstreams: { openai: { url: 'http://127.0.0.1:1', apiKey: 'demo' } },
    agents: [{ id: 'demo-agent', key: DEMO_KEY }],
  };
  const scenario = {
    apiVersion: API_VERSION,
    kind: 'Scenario',
    name: 'demo',
    description: 'The recorded workload, resampled, through the gateway at a given rate',
    seed: `${seed}/load`,
    workload: { profile: './profile.yaml' },
    arrivals: { kind: 'poisson', rate: `${load.sessionsPerSecond}/s` },
    duration: ms(load.durationMs),
    warmUp: ms(load.warmUpMs),
    retry: 'openai-js-6',
    drain: '15s',
    target: { url: 'gateway', model, apiKey: DEMO_KEY },
    servers: { provider: { config: './provider.yaml' }, gateway: { config: './gateway.yaml' } },
    thresholds: [
      { metric: 'ttft', expr: 'p95 < 3s' },
      { metric: 'error_rate', expr: 'rate < 2%' },
    ],
  };
  return {
    provider: document('provider', provider),
    gateway: document('gateway', gateway),
    scenario: document('scenario', scenario),
  };
}

/** The plan of the load to come: as many turns a minute as the load test starts. */
export function demoPlan(
  turnsPerSession: number,
  price: CatalogPrice,
  seed: string | number,
): string {
  const { limits, load, model, priced } = DEMO;
  const turnsPerMinute = Math.round(load.sessionsPerSecond * 60 * turnsPerSession);
  // As users who ask once a minute: the plan wants people, the load test wants sessions.
  const plan = {
    apiVersion: API_VERSION,
    kind: 'Plan',
    name: 'demo',
    seed,
    workload: { profile: './profile.yaml' },
    targets: { concurrentUsers: turnsPerMinute, interactionsPerMinute: 1 },
    routes: [
      {
        provider: 'custom',
        model,
        limits: { rpm: limits.requestsPerMinute, uncachedTpm: limits.tokensPerMinute },
        prices: pricesOf(price),
      },
    ],
  };
  return document('plan', plan, `prices of ${priced.provider} ${priced.model} from the catalog`);
}

function pricesOf(price: CatalogPrice): Record<string, string> {
  const { cacheRead, input, output } = price;
  return {
    input: `$${input}`,
    output: `$${output}`,
    ...(cacheRead === undefined ? {} : { cacheRead: `$${cacheRead}` }),
  };
}

function document(kind: string, value: unknown, note?: string): string {
  const first = `# ${kind} of "agent-infra demo", written by it${note === undefined ? '' : `; ${note}`}\n`;
  return first + writeYaml(value);
}
