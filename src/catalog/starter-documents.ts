import type { StarterRoute } from './starter-route.ts';

/** The documents of a new project besides its plan; each runs as it is. */

/** Not a secret: both servers of the scenario listen on loopback, for the time of one run. */
const LOOPBACK_KEY = 'starter-key-for-loopback-only';

export interface StarterProject {
  /** A file beside the documents, or the name of a bundled profile. */
  readonly workload: string;
  /** The first answers the calls. */
  readonly routes: readonly [StarterRoute, ...StarterRoute[]];
}

/** `scenario.yaml`: the workload through the gateway to the simulated provider. */
export function starterScenario({ routes: [route], workload }: StarterProject): string {
  return `# A load test: agent-infra loadtest scenario.yaml (--dry-run shows what would be sent)
# It starts the gateway and the simulated provider on this machine: no keys, no cost.
apiVersion: agent-infra/v1
kind: Scenario
name: agents
seed: 1

# Whole sessions of the workload; the same name as in plan.yaml.
workload:
  profile: ${JSON.stringify(workload)}
sessions: 60                                # and/or duration: 10m
arrivals: { kind: poisson, rate: 2/s }      # sessions per second
warmUp: 2s                                  # calls before this are counted, not timed
maxThinkTime: 5s                            # longer waits of the workload are cut; the report says so
maxToolTime: 2s
retry: ${route.provider === 'anthropic' ? 'anthropic-js' : 'openai-js-7'}

# For your own system: remove "servers", write its URL into target.url.
servers:
  provider: { config: provider.yaml }
  gateway: { config: gateway.yaml }
target:
  url: gateway                              # gateway, provider, or such as http://127.0.0.1:8080
  dialect: ${route.provider === 'anthropic' ? 'anthropic' : 'openai'}
  model: ${JSON.stringify(route.model)}
  apiKey: \${AGENT_KEY:-${LOOPBACK_KEY}}
  timeout: 60s

# Exit code 99 when one is broken. No data is never a pass.
thresholds:
  - { metric: error_rate, expr: 'rate < 1%' }
  - { metric: ttft, expr: 'p95 < 5s' }
  - { metric: turn, expr: 'p95 < 60s', severity: warn }
  - { metric: rate_limited, expr: 'rate < 5%', severity: warn }
`;
}

/** `provider.yaml`: simulated models with the limits of the plan's routes. */
export function starterProvider({ routes }: StarterProject): string {
  const models = routes.filter(
    ({ model }, index) => routes.findIndex((other) => other.model === model) === index,
  );
  return `# The simulated provider: agent-infra provider provider.yaml
# Limits are the catalog's, counted as that provider counts them. Times are round assumptions: put in
# those of your own workload profile (latency).
apiVersion: agent-infra/v1
kind: ProviderConfig
listen: { host: 127.0.0.1, port: 9000 }
models:
${models.map(simulatedModel).join('')}`;
}

/** `gateway.yaml`: one agent, in front of the simulated provider. */
export function starterGateway(): string {
  return `# The reference gateway: agent-infra gateway gateway.yaml
apiVersion: agent-infra/v1
kind: GatewayConfig
listen: { host: 127.0.0.1, port: 8080 }
upstreams:
  # The simulated provider; a load test replaces both by its own. For the real ones, write their URL
  # and apiKey: \${OPENAI_API_KEY}
  openai: { url: 'http://127.0.0.1:9000', apiKey: simulated-provider-takes-any-key }
  anthropic: { url: 'http://127.0.0.1:9000', apiKey: simulated-provider-takes-any-key, auth: x-api-key }
agents:
  - id: agents
    key: \${AGENT_KEY:-${LOOPBACK_KEY}}
    # limits: { requestsPerMinute: 600, tokensPerMinute: 1M }   # of this agent
# cache: { mode: deterministic, ttl: 5m }
`;
}

/** Limits that the simulator enforces; the plan judges the others (such as spend) by itself. */
const SIMULATED = [
  'rps',
  'rpm',
  'rpd',
  'tpm',
  'tpd',
  'tokensPerMonth',
  'itpm',
  'otpm',
  'uncachedTpm',
  'concurrency',
] as const;

function simulatedModel({ limits, model, provider, rule, tier }: StarterRoute): string {
  const known = SIMULATED.flatMap((name) =>
    limits[name] === undefined ? [] : [`${name}: ${limits[name]}`],
  );
  const whose = `${provider}${tier === undefined ? '' : `, ${tier}`}`;
  const limitLine =
    known.length === 0
      ? `    # limits: { style: ${rule}, rpm: 500 }     # none are published; give your account's\n`
      : `    limits: { style: ${rule}, ${known.join(', ')} }   # ${whose}\n`;
  return `  - id: ${JSON.stringify(model)}
    contextWindow: 1M
    maxOutput: 128k
    timing: { kind: fixed, ttft: { p50: 600ms, p95: 1500ms }, itl: 18ms, prefillPerToken: 20us }
${limitLine}`;
}
