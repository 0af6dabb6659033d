/** A route of the catalog, as a plan names it. */
export interface NamedRoute {
  readonly provider: string;
  readonly model: string;
  /** Undefined where the provider publishes none. */
  readonly tier: string | undefined;
}

/** Small models that agents commonly start with, on tiers that an account soon reaches. */
export const FIRST_ROUTES: readonly [NamedRoute, ...NamedRoute[]] = [
  { provider: 'openai', model: 'gpt-5.4-mini', tier: 'tier3' },
  { provider: 'anthropic', model: 'claude-haiku-4-5', tier: 'build' },
];

/**
 * The plan that `plan init` writes: runs as it is, every choice explained where it is made.
 * @param options.routes the first answers the calls, the others are alternatives
 * @param options.users active at the same time
 */
export function planTemplate(
  profile: string,
  options: {
    readonly routes?: readonly [NamedRoute, ...NamedRoute[]];
    readonly users?: number;
  } = {},
): string {
  const { routes: [first, ...others] = FIRST_ROUTES, users = 100 } = options;
  return `# A capacity plan: agent-infra plan plan.yaml (add --json for machines, -o DIR for files)
# agent-infra plan check plan.yaml exits with 99 when a goal is missed.
apiVersion: agent-infra/v1
kind: Plan
name: my agents
# seed: 1                  # of the simulation: the same seed gives the same plan
# asOf: 2026-11-20         # prices of that day instead of the newest

# The measured workload: a file written by "agent-infra profile", or the name of a bundled profile.
workload:
  profile: ${JSON.stringify(profile)}
  # Without measurements, tell it in numbers instead:
  # numbers:
  #   callsPerTurn: 3        # LLM calls for one user interaction
  #   fanOut: 1              # of them sent at the same moment
  #   inputTokens: 4k        # of one call, cached or not
  #   cachedShare: 60%       # of the input that the prompt cache answers
  #   outputTokens: 300
  #   variation: 1           # spread of call sizes (coefficient of variation)
  #   callDuration: 6s
  #   toolTime: 2s           # between two calls of a turn

# The busy period at 1x. Give one of these three.
targets:
  ${`concurrentUsers: ${users}`.padEnd(26)} # users active at the same time ...
  interactionsPerMinute: 1   # ... and what each of them sends
  # sessionsPerDay: 5k       # with peakHourShare: 12%
  # measured: 1              # multiple of the profile's own rate

# From the busy period to days and months.
activity:
  hoursPerDay: 8             # a day's traffic equals so many hours of the busy period
  daysPerMonth: 22
  # hours: [1, 1, 1, 1, 1, 2, 4, 7, 10, 12, 12, 11, 10, 11, 12, 11, 9, 7, 5, 4, 3, 2, 2, 1]
  #                        # instead of hoursPerDay: the load of each hour, for limits hour by hour

scales: [1, 3, 10]

# Who answers the calls. Shares add up to 100 %.
routes:
  - ${`provider: ${first.provider}`.padEnd(24)} # agent-infra's catalog, or custom with your own limits and prices
    model: ${first.model}
${first.tier === undefined ? '' : `    tier: ${first.tier}\n`}    share: 100%
    maxOutputTokens: 2k      # what you send as max_tokens: several providers count it
    # limits: { rpm: 1500, tpm: 2M }     # of your own account; they replace the catalog's
    # prices: { input: $0.75, cacheRead: $0.075, output: $4.50 }   # per million tokens
    # batchShare: 10%        # calls that may wait for the batch interface
    # when: inputTokens < 2k   # only these calls (also outputTokens, step, model; joined by and);
    #                          # a route without "when" takes the rest
    # escalate: { share: 15%, provider: openai, model: gpt-5.4, tier: tier3 }   # answers asked again
    # tokenFactor: 1.3         # tokens of this model per token of the workload
    # region: westeurope       # a region or account with limits of its own
    # provisioned: { term: year }   # reserved units (azure, google) against pay-as-you-go

# Providers that could take a share when the first is full; the cheapest split uses them, too.
${alternatives(others)}
# Your own GPUs, for a share of the calls ("agent-infra plan gpu --list" shows the names):
# pool:
#   model: Llama-3.1-8B
#   gpu: H100-SXM-80GB
#   share: 30%
#   goal: { ttft: 1s, itl: 50ms }

# What caches answer. Without this, prompts are cached as the workload was measured.
# caching:
#   prompt:
#     hitRate: 80%           # of the input tokens; or possible: what the workload's prefixes allow
#     lifetime: 5m           # or 1h
#     keys: 40               # prompt_cache_key values that all traffic shares (default: one per session)
#   exact: { hitRate: 2% }   # response caches: calls that never reach a provider
#   semantic: { hitRate: 15%, source: pilot of 2026-10 }

# What your client does after a 429: python, openai-js-6, openai-js-7, anthropic-js, immediate, none.
retry: python

infra:
  - name: agent workers
    item: aws.fargate.1vcpu-2gb
    machines: { per: concurrentTurn, each: 25, atLeast: 2 }   # turns that one worker holds: measure it
  - name: session store
    item: aws.elasticache.m4.large
    count: 2
  - name: queue
    item: aws.sqs.standard
    usage: { per: turn, units: 6 }
  - name: logs
    item: aws.cloudwatch.logs-gb
    usage: { per: call, units: 0.00001 }                      # 10 kB each

# Or let the plan choose and size workers, gateway, queue, state, vectors (docs/stack.md):
# stack: { cloud: aws, team: { skills: [postgresql, redis], hourly: $90 } }   # then leave them out of infra

ops:
  - name: operating it
    hours: 20
    hourly: $90
  - name: on-call rotation
    monthly: $2k
    fromScale: 3

# What it earns, for the margin: valuePerTurn, valuePerTask or pricePerUser with users.
# business: { valuePerTask: $0.50, taskSuccess: 80% }

# Ranges of the sensitivity analysis, where yours are not ours:
# sensitivity: { traffic: 50%, apiPrice: 5% }

goals:
  fitsAtScale: 1             # what plan check asks for
  headroom: 20%              # of each limit free in the busiest minute
  # monthlyCost: $20k
  # costPerTurn: $0.05
  # rejected: 1%             # calls that may get a 429 at first
  # turnLatency: 60s         # of 95 % of the turns, waiting for limits included
  nextStageAt: 70%           # share of a stage's capacity at which the next one starts
`;
}

function alternatives(routes: readonly NamedRoute[]): string {
  const list = routes.length === 0 ? FIRST_ROUTES.slice(1) : routes;
  const text = list
    .map(
      ({ model, provider, tier }) =>
        `  - provider: ${provider}\n    model: ${model}\n${tier === undefined ? '' : `    tier: ${tier}\n`}`,
    )
    .join('');
  const lines = `alternatives:\n${text}`;
  return routes.length === 0 ? lines.replaceAll(/^(?=.)/gm, '# ') : lines;
}
