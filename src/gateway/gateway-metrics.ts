import type { TokenRecord } from '../core/tokens.ts';
import { cacheWriteTokens } from '../core/tokens.ts';
import { PrometheusRegistry } from '../http/prometheus.ts';
import type { Series } from '../http/prometheus.ts';
import { processUsage } from '../system.ts';
import type { GatewayCall } from './call.ts';

/** Seconds; dense where a gateway's own work lies (tens of microseconds to milliseconds). */
const OVERHEAD_BUCKETS = [
  0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 1,
];

/** Seconds; OpenTelemetry's GenAI advice for time to first token, with longer waits for queues. */
const FIRST_TOKEN_BUCKETS = [0.05, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60];

/** Seconds; OpenTelemetry's GenAI advice for the duration of a client operation, and 5 minutes. */
const DURATION_BUCKETS = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 300,
];

/** Callers choose model names; more than this many distinct ones are counted as "other". */
const MAX_MODEL_LABELS = 100;

/** Everything /metrics shows. Labels are agents of the config, routes of the table, known words. */
export class GatewayMetrics {
  readonly registry = new PrometheusRegistry();
  readonly inFlight: Series;
  readonly #models = new Set<string>();
  readonly #requests = this.registry.counter(
    'agent_gateway_requests_total',
    'Requests by outcome: ok, error, timeout, truncated, cancelled, limited, refused.',
    ['agent', 'route', 'model', 'outcome'],
  );
  readonly #tokens = this.registry.counter(
    'agent_gateway_tokens_total',
    'Tokens by direction (in, out) and kind; kinds do not overlap.',
    ['agent', 'model', 'direction', 'kind', 'basis'],
  );
  readonly #limited = this.registry.counter(
    'agent_gateway_rate_limited_total',
    'Calls answered with 429, by who limited them (agent limit here, or provider).',
    ['agent', 'source', 'dimension'],
  );
  readonly #cache = this.registry.counter(
    'agent_gateway_cache_lookups_total',
    'Exact cache: hit, miss, or bypass (not cacheable by configuration or request).',
    ['agent', 'result'],
  );
  readonly #streamEnds = this.registry.counter(
    'agent_gateway_stream_terminal_total',
    'Streams by how they ended.',
    ['route', 'reason'],
  );
  readonly #overhead = this.registry
    .histogram(
      'agent_gateway_overhead_seconds',
      'Time of the gateway itself: before the provider is asked and after its last byte.',
      OVERHEAD_BUCKETS,
    )
    .labels();
  readonly #firstToken = this.registry.histogram(
    'agent_gateway_time_to_first_token_seconds',
    'From arrival to the first token of a stream.',
    FIRST_TOKEN_BUCKETS,
    ['model'],
  );
  readonly #duration = this.registry.histogram(
    'agent_gateway_request_duration_seconds',
    'From arrival to the end of the reply.',
    DURATION_BUCKETS,
    ['route', 'outcome'],
  );
  readonly #limits = {
    requests: this.#limitGauges('requests'),
    tokens: this.#limitGauges('tokens'),
  };
  readonly #cpu: Series;
  readonly #memory: Series;

  constructor() {
    const { registry } = this;
    this.inFlight = registry
      .gauge('agent_gateway_inflight_requests', 'Requests being served now.')
      .labels();
    this.#cpu = registry
      .counter('process_cpu_seconds_total', 'User and system CPU time in seconds.')
      .labels();
    this.#memory = registry
      .gauge('process_resident_memory_bytes', 'Resident memory in bytes.')
      .labels();
  }

  /** A call has been answered, one way or another. */
  finished(call: GatewayCall, nowMs: number): void {
    const { agent, outcome, route } = call;
    const model = this.modelLabel(call.facts.model);
    this.#requests.labels(agent.id, route.name, model, outcome.kind).add();
    const durationMs = nowMs - call.arrivedMs;
    this.#duration.labels(route.name, outcome.kind).observe(durationMs / 1000);
    if (outcome.firstTokenMs !== undefined) {
      this.#firstToken.labels(model).observe((outcome.firstTokenMs - call.arrivedMs) / 1000);
    }
    if (outcome.kind === 'ok') this.#observeOverhead(call, durationMs);
    // A cache hit repeats tokens that were counted when they were generated.
    if (outcome.tokens !== undefined && !outcome.cached) this.#countTokens(call, model);
  }

  limited(call: GatewayCall, dimension: string): void {
    this.#limited.labels(call.agent.id, 'agent', dimension).add();
  }

  limitedByProvider(call: GatewayCall): void {
    this.#limited.labels(call.agent.id, 'provider', 'unknown').add();
  }

  cacheLookup(call: GatewayCall, result: 'hit' | 'miss' | 'bypass'): void {
    this.#cache.labels(call.agent.id, result).add();
  }

  streamEnded(call: GatewayCall, reason: string): void {
    this.#streamEnds.labels(call.route.name, reason).add();
  }

  /** The provider's own limit or what it says is left, from its reply headers. */
  providerLimit(
    model: string | undefined,
    dimension: 'requests' | 'tokens',
    figures: { readonly limit?: number | undefined; readonly remaining?: number | undefined },
  ): void {
    const label = this.modelLabel(model);
    const { limit, remaining } = this.#limits[dimension];
    if (figures.limit !== undefined) limit.labels(label).set(figures.limit);
    if (figures.remaining !== undefined) remaining.labels(label).set(figures.remaining);
  }

  modelLabel(model: string | undefined): string {
    if (model === undefined) return 'none';
    if (this.#models.has(model)) return model;
    if (this.#models.size >= MAX_MODEL_LABELS || model.length > 128) return 'other';
    this.#models.add(model);
    return model;
  }

  text(): string {
    const { cpuSeconds, residentBytes } = processUsage();
    this.#cpu.set(cpuSeconds);
    this.#memory.set(residentBytes);
    return this.registry.text();
  }

  #observeOverhead(call: GatewayCall, durationMs: number): void {
    const { upstreamSentMs, upstreamEndedMs } = call.outcome;
    const upstreamMs =
      upstreamSentMs === undefined || upstreamEndedMs === undefined
        ? 0
        : upstreamEndedMs - upstreamSentMs;
    this.#overhead.observe((durationMs - upstreamMs - call.bodyWaitMs) / 1000);
  }

  #countTokens(call: GatewayCall, model: string): void {
    const tokens = call.outcome.tokens!;
    for (const [direction, kind, amount] of tokenKinds(tokens)) {
      if (amount === 0) continue;
      const { tokensBasis } = call.outcome;
      this.#tokens.labels(call.agent.id, model, direction, kind, tokensBasis).add(amount);
    }
  }

  #limitGauges(dimension: 'requests' | 'tokens'): {
    limit: ReturnType<PrometheusRegistry['gauge']>;
    remaining: ReturnType<PrometheusRegistry['gauge']>;
  } {
    return {
      limit: this.registry.gauge(
        `agent_gateway_provider_limit_${dimension}_per_minute`,
        `The provider's limit of ${dimension} per minute, from its reply headers.`,
        ['model'],
      ),
      remaining: this.registry.gauge(
        `agent_gateway_provider_remaining_${dimension}`,
        `What the provider says is left of its ${dimension}, from its last reply's headers.`,
        ['model'],
      ),
    };
  }
}

function tokenKinds(tokens: TokenRecord): (readonly [string, string, number])[] {
  return [
    ['in', 'uncached', tokens.uncached],
    ['in', 'cache_read', tokens.cacheRead],
    ['in', 'cache_write', cacheWriteTokens(tokens)],
    ['out', 'output', tokens.output],
  ];
}
