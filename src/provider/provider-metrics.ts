import type { TokenRecord } from '../core/tokens.ts';
import { inputTokens } from '../core/tokens.ts';
import { MS_PER_SECOND } from '../core/units.ts';
import { PrometheusRegistry } from '../http/prometheus.ts';
import type { HistogramSeries, Series } from '../http/prometheus.ts';
import type { ModelState } from './model-state.ts';
import type { Outcome, RequestRecord } from './request-log.ts';

/** Bucket bounds of vLLM's own histograms, in seconds (vllm/v1/metrics/loggers.py). */
const TTFT_BUCKETS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
];
const TPOT_BUCKETS = [
  0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];
/** Lengths of prompts and answers: 1, 2, 5 times powers of ten, as vLLM makes them. */
const TOKEN_BUCKETS = [1, 10, 100, 1000, 10_000, 100_000].flatMap((ten) => [ten, 2 * ten, 5 * ten]);
const E2E_BUCKETS = [0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480];

/** Series of one model, kept so that counting costs an increment. */
export interface ModelMetrics {
  readonly ttft: HistogramSeries;
  /** Between tokens, under its name and under the one vLLM had before 0.11. */
  readonly gaps: readonly HistogramSeries[];
  /** The mean of one request. */
  readonly tpot: HistogramSeries;
  readonly promptLength: HistogramSeries;
  readonly answerLength: HistogramSeries;
  readonly e2e: HistogramSeries;
  readonly prompt: Series;
  readonly generation: Series;
  readonly prefixQueries: Series;
  readonly prefixHits: Series;
}

/** What `/metrics` shows: vLLM's names, so that dashboards and scalers work unchanged, and our own. */
export class ProviderMetrics {
  readonly #registry = new PrometheusRegistry();
  readonly #models: readonly ModelState[];
  readonly #byModel = new Map<string, ModelMetrics>();
  readonly #gauges;
  readonly #success;
  readonly #requests;
  readonly #limited;
  readonly #faults;

  constructor(models: readonly ModelState[]) {
    this.#models = models;
    const { registry, label } = { registry: this.#registry, label: ['model_name'] };
    this.#gauges = {
      running: registry.gauge('vllm:num_requests_running', 'Requests in the batch.', label),
      waiting: registry.gauge('vllm:num_requests_waiting', 'Requests in the queue.', label),
      kv: registry.gauge('vllm:kv_cache_usage_perc', 'Share of KV blocks in use, 0 to 1.', label),
      preemptions: registry.counter('vllm:num_preemptions_total', 'Sequences preempted.', label),
    };
    const ttft = registry.histogram(
      'vllm:time_to_first_token_seconds',
      'TTFT.',
      TTFT_BUCKETS,
      label,
    );
    const gaps = ['vllm:inter_token_latency_seconds', 'vllm:time_per_output_token_seconds'].map(
      (name) => registry.histogram(name, 'Time between output tokens.', TPOT_BUCKETS, label),
    );
    const tpot = registry.histogram(
      'vllm:request_time_per_output_token_seconds',
      'Mean time between output tokens of a request.',
      TPOT_BUCKETS,
      label,
    );
    const promptLength = registry.histogram(
      'vllm:request_prompt_tokens',
      'Input tokens of a request.',
      TOKEN_BUCKETS,
      label,
    );
    const answerLength = registry.histogram(
      'vllm:request_generation_tokens',
      'Output tokens of a request.',
      TOKEN_BUCKETS,
      label,
    );
    const e2e = registry.histogram(
      'vllm:e2e_request_latency_seconds',
      'Whole request.',
      E2E_BUCKETS,
      label,
    );
    const prompt = registry.counter('vllm:prompt_tokens_total', 'Input tokens.', label);
    const generation = registry.counter('vllm:generation_tokens_total', 'Output tokens.', label);
    const queries = registry.counter('vllm:prefix_cache_queries_total', 'Tokens looked up.', label);
    const hits = registry.counter('vllm:prefix_cache_hits_total', 'Tokens found cached.', label);
    this.#success = registry.counter('vllm:request_success_total', 'Whole replies.', [
      ...label,
      'finished_reason',
    ]);
    this.#requests = registry.counter('agent_infra_provider_requests_total', 'Requests ended.', [
      'model',
      'status',
      'outcome',
    ]);
    this.#limited = registry.counter('agent_infra_provider_limited_total', 'Refused by a limit.', [
      'model',
      'dimension',
    ]);
    this.#faults = registry.counter('agent_infra_provider_faults_total', 'Struck by a fault.', [
      'fault',
    ]);
    for (const { settings } of models) {
      this.#byModel.set(settings.id, {
        ttft: ttft.labels(settings.id),
        gaps: gaps.map((family) => family.labels(settings.id)),
        tpot: tpot.labels(settings.id),
        promptLength: promptLength.labels(settings.id),
        answerLength: answerLength.labels(settings.id),
        e2e: e2e.labels(settings.id),
        prompt: prompt.labels(settings.id),
        generation: generation.labels(settings.id),
        prefixQueries: queries.labels(settings.id),
        prefixHits: hits.labels(settings.id),
      });
    }
  }

  firstToken(model: string, ttftMs: number): void {
    this.#byModel.get(model)?.ttft.observe(ttftMs / MS_PER_SECOND);
  }

  /** Further tokens came at once, so long after those before them. */
  tokens(model: string, afterMs: number, count: number): void {
    for (const series of this.#byModel.get(model)?.gaps ?? []) {
      series.observe(afterMs / count / MS_PER_SECOND, count);
    }
  }

  /** A generation is over. Times in ms since acceptance. */
  generated(model: string, end: GeneratedFacts): void {
    const series = this.#byModel.get(model);
    if (series === undefined) return;
    const { usage, ttftMs, totalMs, finish } = end;
    series.prompt.add(inputTokens(usage));
    series.generation.add(usage.output);
    series.prefixQueries.add(inputTokens(usage));
    series.prefixHits.add(usage.cacheRead);
    if (end.outcome !== 'complete') return;
    series.e2e.observe(totalMs / MS_PER_SECOND);
    series.promptLength.observe(inputTokens(usage));
    series.answerLength.observe(usage.output);
    if (ttftMs !== undefined && usage.output > 1) {
      series.tpot.observe((totalMs - ttftMs) / (usage.output - 1) / MS_PER_SECOND);
    }
    this.#success.labels(model, finish === 'length' ? 'length' : 'stop').add();
  }

  /** Any request is over. Model names of clients are not trusted as labels. */
  ended({ model, status, outcome, fault, limit }: RequestRecord): void {
    const name = model !== undefined && this.#byModel.has(model) ? model : '';
    this.#requests.labels(name, String(status ?? 0), outcome ?? '').add();
    if (fault !== undefined) this.#faults.labels(fault).add();
    if (limit !== undefined) this.#limited.labels(name, limit).add();
  }

  text(): string {
    for (const { settings, timing } of this.#models) {
      const { running, waiting, kvUsage, preemptions } = timing.gauges;
      this.#gauges.running.labels(settings.id).set(running);
      this.#gauges.waiting.labels(settings.id).set(waiting);
      this.#gauges.kv.labels(settings.id).set(kvUsage ?? 0);
      this.#gauges.preemptions.labels(settings.id).set(preemptions);
    }
    return this.#registry.text();
  }
}

export interface GeneratedFacts {
  readonly outcome: Outcome;
  readonly usage: TokenRecord;
  readonly ttftMs: number | undefined;
  readonly totalMs: number;
  readonly finish: string | undefined;
}
