import type { Fault, ProviderConfig } from '../config/provider.ts';
import type { Clock } from '../core/clock.ts';
import type { RandomStreams } from '../core/random.ts';
import { randomStreams } from '../core/random.ts';
import { NO_TOKENS } from '../core/tokens.ts';
import type { ApiError, ModelRequest, ReplyHead } from '../http/dialect.ts';
import { dialects } from '../http/dialects.ts';
import type { CallHooks } from './call-hooks.ts';
import { composeReply, randomId } from './compose-reply.ts';
import type { ComposedReply } from './compose-reply.ts';
import { readDirectives } from './directives.ts';
import type { Directives } from './directives.ts';
import type { EngineProfile } from './engine-profile.ts';
import { answerError, commonHeaders, unknownModel } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { cutArguments } from './fault-effects.ts';
import { FaultScript, faultName } from './fault-script.ts';
import { Generation } from './generation.ts';
import type { GenerationEnd } from './generation.ts';
import type { Caller } from './keys.ts';
import type { LimitTicket } from './key-limits.ts';
import { lazyRandom } from './lazy-random.ts';
import { spilloverHeaders } from './limit-gate.ts';
import type { LimitGate } from './limit-gate.ts';
import { middle } from './spread.ts';
import { createModelState } from './model-state.ts';
import type { ModelState } from './model-state.ts';
import { Occurrences } from './occurrences.ts';
import { Pacer } from './pacer.ts';
import type { CacheLookup } from './prompt-cache.ts';
import { hashPrompt } from './prompt-hash.ts';
import type { PromptHashes } from './prompt-hash.ts';
import { ProviderMetrics } from './provider-metrics.ts';
import type { RecordedCall } from './recorded-times.ts';
import { checkSize, engineRefusal, spills } from './request-size.ts';
import { strikeBeforeReply } from './strike-before-reply.ts';

export interface SimulatorOptions {
  readonly config: ProviderConfig;
  readonly clock: Clock;
  readonly nowEpochMs: () => number;
  /** CLOCK_MONOTONIC of the host in ns, as a double: exact to the ns for 104 days of uptime. */
  readonly nowNs: () => number;
  readonly limits: LimitGate;
  /** Of readEngines. */
  readonly engines: ReadonlyMap<string, EngineProfile>;
  /** Of readRecordings; absent when no model replays. */
  readonly recordings?: ReadonlyMap<string, readonly RecordedCall[]> | undefined;
}

/** Everything known about a call before it is admitted. */
interface Plan {
  readonly exchange: Exchange;
  readonly request: ModelRequest;
  readonly model: ModelState;
  readonly caller: Caller;
  readonly directives: Directives;
  readonly hashes: PromptHashes;
  readonly fault: Fault | undefined;
  readonly streams: RandomStreams;
  readonly hooks: CallHooks;
  /** The deployment that failed to serve it, when it runs on another. */
  readonly spilledFrom?: string | undefined;
}

const ID_PREFIXES = {
  'openai-chat': 'chatcmpl-',
  'openai-responses': 'resp_',
  'anthropic-messages': 'msg_',
} as const;

/**
 * The simulated models behind all generating endpoints, without sockets: a call comes in read, its
 * reply goes to a sink, time is the clock's. Order of judgement: model, context window, scripted
 * fault, limits, engine.
 */
export class Simulator {
  readonly models: readonly ModelState[];
  readonly metrics: ProviderMetrics;
  readonly faults: FaultScript;
  readonly pacer: Pacer;
  readonly #options: SimulatorOptions;
  readonly #byName = new Map<string, ModelState>();
  readonly #occurrences = new Occurrences();

  constructor(options: SimulatorOptions) {
    const { config, clock, engines, recordings } = options;
    const pacer = new Pacer(clock);
    this.#options = options;
    this.pacer = pacer;
    this.models = config.models.map((model) =>
      createModelState(model, {
        clock,
        pacer,
        engine: engines.get(model.id),
        recorded: recordings?.get(model.id),
      }),
    );
    for (const model of this.models) {
      for (const name of [model.settings.id, ...model.settings.aliases]) {
        this.#byName.set(name, model);
      }
    }
    this.metrics = new ProviderMetrics(this.models);
    this.faults = new FaultScript(config.faults, clock.now());
  }

  /** The model of that name if the API serves it. */
  model(name: string, api: Exchange['api']): ModelState | undefined {
    const model = this.#byName.get(name);
    return model?.settings.apis.includes(api) === true ? model : undefined;
  }

  /** Answers one call; its record is closed exactly once. */
  generate(exchange: Exchange, caller: Caller, request: ModelRequest, hooks: CallHooks = {}): void {
    const { record, api } = exchange;
    const model = this.model(request.model, api);
    record.stream = request.stream;
    if (model === undefined) return this.#refuse(exchange, unknownModel(api, request.model));
    record.model = model.settings.id;
    const { blockTokens, settings } = model;
    const hashes = hashPrompt(request.prompt, { blockTokens, salt: caller.salt });
    const other = this.#byName.get(settings.spillover ?? '');
    const tooLarge = checkSize(exchange, request, hashes.tokens, settings);
    const isTooLargeForAll =
      tooLarge !== undefined &&
      (other === undefined ||
        checkSize(exchange, request, hashes.tokens, other.settings) !== undefined);
    if (isTooLargeForAll) return this.#refuse(exchange, tooLarge);
    const { config, clock } = this.#options;
    const occurrence = this.#occurrences.next(hashes.whole);
    const streams = randomStreams(`${config.seed}/${hashes.whole}/${occurrence}`);
    const directives = readDirectives(exchange.headers, request.lastUserText, config.overrides);
    const fault = this.faults.strike(clock.now(), {
      model: settings.id,
      key: caller.name,
      stream: request.stream,
      requested: directives.fault,
      random: lazyRandom(streams, 'fault'),
    });
    if (fault !== undefined) record.fault = faultName(fault);
    const plan = {
      exchange,
      request,
      model,
      caller,
      directives,
      hashes,
      fault,
      streams,
      hooks,
    };
    if (other !== undefined && (tooLarge !== undefined || spills(fault))) {
      this.#admit(this.#moved({ ...plan, fault: undefined, spilledFrom: settings.id }, other));
      return;
    }
    strikeBeforeReply(fault, exchange, {
      pacer: this.pacer,
      clock,
      nowEpochMs: this.#options.nowEpochMs,
      proceed: () => this.#admit(plan),
    });
  }

  #admit(plan: Plan): void {
    const { exchange, request, model, caller, hashes } = plan;
    const { clock, limits } = this.#options;
    const cache = model.caches[exchange.api].lookup(hashes, clock.now());
    const { id, maxOutput, output } = model.settings;
    const asked = {
      model: id,
      input: {
        uncached: cache.uncached,
        cacheRead: cache.cacheRead,
        cacheWrite5m: cache.cacheWrite5m,
        cacheWrite1h: cache.cacheWrite1h,
      },
      outputCap: request.maxOutputTokens,
      choices: request.choices,
      modelMaxOutput: maxOutput,
      expectedOutput: output.tokens === 'max' ? maxOutput : middle(output.tokens),
    };
    limits.admit(caller.name, asked, ({ decision, headers: told, servedBy }) => {
      const { spilledFrom } = plan;
      const headers =
        spilledFrom === undefined
          ? told
          : { ...told, ...spilloverHeaders(spilledFrom, id, decision) };
      if (exchange.isOver()) {
        if (decision.admitted) decision.ticket.settle(clock.now(), NO_TOKENS);
      } else if (decision.admitted) {
        if (servedBy === undefined) this.#run(plan, cache, decision.ticket, headers);
        else this.#spill(this.#moved(plan, this.#byName.get(servedBy)!), decision.ticket, headers);
      } else {
        const { refusal } = decision;
        exchange.record.limit = refusal.dimension;
        this.#refuse(exchange, refusal.error, { ...headers, ...refusal.headers });
      }
    });
  }

  /** The call on another model than asked for: its engine, its cache, its name in the reply. */
  #moved(plan: Plan, model: ModelState): Plan {
    const { exchange, request, caller } = plan;
    const { blockTokens, settings } = model;
    exchange.record.model = settings.id;
    const hashes = hashPrompt(request.prompt, { blockTokens, salt: caller.salt });
    return { ...plan, model, hashes };
  }

  #spill(plan: Plan, ticket: LimitTicket, headers: Readonly<Record<string, string>>): void {
    const { exchange, model, hashes } = plan;
    const cache = model.caches[exchange.api].lookup(hashes, this.#options.clock.now());
    this.#run(plan, cache, ticket, headers);
  }

  #run(
    plan: Plan,
    cache: CacheLookup,
    ticket: LimitTicket,
    limitHeaders: Readonly<Record<string, string>>,
  ): void {
    const { exchange, request, model, directives, hashes, fault, streams } = plan;
    const { record, dialect, sink, acceptMs } = exchange;
    const { config, clock, nowNs, nowEpochMs } = this.#options;
    const { settings, timing, blockTokens } = model;
    const random = streams('content');
    const drawn = composeReply({ request, model: settings, directives, random });
    const composed = fault?.kind === 'cut-arguments' ? cutArguments(drawn) : drawn;
    const head: ReplyHead = {
      id: `${ID_PREFIXES[dialect]}${randomId(random)}`,
      model: settings.id,
      createdS: Math.floor(nowEpochMs() / 1000),
      topLogprobs: request.topLogprobs,
    };
    const { includeUsage, obfuscate, choices, background } = request;
    const opensWith = composed.choices[0]!.segments[0]?.kind === 'tool' ? 'tool' : 'text';
    let ttftMs: number | undefined;
    let lastMs = 0;
    plan.hooks.onAdmitted?.(head);
    const generation = new Generation({
      dialect,
      head,
      stream: request.stream,
      writer: () =>
        dialects[dialect].streamWriter(head, {
          includeUsage,
          obfuscate,
          choices,
          opensWith,
          background,
          // The send time in CLOCK_MONOTONIC ns.
          extra: config.stream.stamp ? () => `,"t":${nowNs()}` : undefined,
        }),
      composed,
      cache,
      inputTokens: hashes.tokens,
      fault,
      prelude: config.stream.prelude,
      ticket,
      headers: () => ({ ...commonHeaders(exchange, clock.now()), ...limitHeaders }),
      sink,
      record,
      clock,
      pacer: this.pacer,
      sinceAcceptNs: exchange.sinceAcceptNs,
      onFirstToken: () => {
        lastMs = clock.now();
        ttftMs = lastMs - acceptMs;
        this.metrics.firstToken(settings.id, ttftMs);
      },
      onEnd: (end) => this.#ended(plan, { end, ticket, head, composed, ttftMs }),
    });
    const started = timing.start({
      inputTokens: hashes.tokens,
      cachedTokens: cache.cacheRead,
      steps: composed.steps,
      tokensPerCall: request.stream ? settings.output.tokensPerFrame : composed.steps,
      blocks: hashes.blocks,
      blockTokens,
      ttftMs: directives.ttftMs,
      delayMs: fault?.kind === 'slow-first-token' ? fault.delay : 0,
      random: lazyRandom(streams, 'timing'),
      onTokens: (count, cachedTokens) => {
        if (ttftMs !== undefined) {
          const now = clock.now();
          this.metrics.tokens(settings.id, now - lastMs, count);
          lastMs = now;
        }
        generation.tokens(count, cachedTokens);
      },
      onRefused: (reason) => generation.refuse(engineRefusal(reason)),
    });
    if ('cancel' in started) generation.started(started);
    else generation.refuse(engineRefusal(started.refused));
  }

  #ended(plan: Plan, call: EndedCall): void {
    const { exchange, request, model, hooks } = plan;
    const { end, ticket, head, composed, ttftMs } = call;
    const { outcome, usage } = end;
    const now = this.#options.clock.now();
    ticket.settle(now, usage);
    exchange.record.tokens = usage;
    const totalMs = now - exchange.acceptMs;
    const { finish } = composed.choices[0]!;
    this.metrics.generated(model.settings.id, { outcome, usage, ttftMs, totalMs, finish });
    if (outcome === 'complete') hooks.onFinished?.({ request, head, composed, usage });
    exchange.end(outcome);
  }

  #refuse(
    exchange: Exchange,
    error: ApiError,
    headers: Readonly<Record<string, string>> = {},
  ): void {
    const common = commonHeaders(exchange, this.#options.clock.now());
    answerError(exchange, error, { ...common, ...headers });
  }
}

interface EndedCall {
  readonly end: GenerationEnd;
  readonly ticket: LimitTicket;
  readonly head: ReplyHead;
  readonly composed: ComposedReply;
  readonly ttftMs: number | undefined;
}
