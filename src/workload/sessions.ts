import { normalCdf } from '../core/statistics.ts';
import type { Random, RandomStreams } from '../core/random.ts';
import type {
  LlmSkeleton,
  SessionSkeleton,
  StepSkeleton,
  ToolSkeleton,
  TurnSkeleton,
} from '../core/trace.ts';
import type { TokenRecord } from '../core/tokens.ts';
import { quantileFunction } from './quantile-function.ts';
import type { QuantileFunction } from './quantile-function.ts';
import type { WorkloadProfile } from './workload-profile.ts';

/** The session of an index; the same profile, seed and index always give the same session. */
export type SessionSampler = (index: number) => SessionSkeleton;

/**
 * Sessions that follow a profile. With skeletons: a bootstrap of whole sessions, which keeps the
 * correlation of tokens, turns, tools and times. Without: parametric, from the
 * summaries, see samplingAssumptions. Load is scaled by starting more sessions, never here.
 */
export function sessionSampler(profile: WorkloadProfile, streams: RandomStreams): SessionSampler {
  const { skeletons } = profile;
  if (skeletons.length > 0) {
    return (index) => streams(`session/${index}`).pick(skeletons);
  }
  const model = sessionModel(profile);
  return (index) => drawSession(model, streams(`session/${index}`));
}

/** What parametric sampling takes for granted; empty when sessions are resampled. */
export function samplingAssumptions(profile: WorkloadProfile): string[] {
  if (profile.skeletons.length > 0) return [];
  const assumptions = [
    'The profile holds no sessions: they are drawn from its percentiles (means are kept exactly), calls independent of each other.',
  ];
  if (profile.turns.llmCallsPerTurn === null) {
    assumptions.push('Turns are unknown: each session is one turn with one LLM call.');
  }
  if (profile.tokens.input === null || profile.tokens.output === null) {
    assumptions.push('Token counts are unknown and taken as 0.');
  }
  return assumptions;
}

interface SessionModel {
  readonly turns: QuantileFunction | null;
  readonly thinkMs: QuantileFunction | null;
  readonly calls: QuantileFunction | null;
  readonly toolCalls: QuantileFunction | null;
  readonly input: QuantileFunction | null;
  readonly output: QuantileFunction | null;
  readonly callMs: QuantileFunction | null;
  readonly ttftMs: QuantileFunction | null;
  /** Correlation of the normal scores of input and output. */
  readonly correlation: number;
  readonly cacheReadShare: number;
  readonly cacheWriteShare: number;
  readonly reasoningShare: number;
  readonly models: readonly Weighted<string>[];
  readonly tools: readonly Weighted<{ name: string; durationMs: QuantileFunction | null }>[];
  readonly readsPerTurn: number;
  readonly writesPerTurn: number;
}

interface Weighted<T> {
  readonly weight: number;
  readonly value: T;
}

function sessionModel(profile: WorkloadProfile): SessionModel {
  const { tokens, latency, turns, sessions, state } = profile;
  const turnCount = turns.count ?? 0;
  const shareOf = (part: { readonly sum: number } | null, whole: { readonly sum: number } | null) =>
    part === null || whole === null || whole.sum === 0 ? 0 : part.sum / whole.sum;
  return {
    turns: quantileFunction(sessions.turnsPerSession),
    thinkMs: quantileFunction(sessions.thinkMs),
    calls: quantileFunction(turns.llmCallsPerTurn),
    toolCalls: quantileFunction(turns.toolCallsPerTurn),
    input: quantileFunction(tokens.input),
    output: quantileFunction(tokens.output),
    callMs: quantileFunction(latency.e2eMs),
    ttftMs: quantileFunction(latency.ttftMs),
    // The normal copula's correlation that gives this rank correlation (Pearson 1907).
    correlation: 2 * Math.sin((Math.PI / 6) * (tokens.spearmanInputOutput ?? 0)),
    cacheReadShare: shareOf(tokens.cacheRead, tokens.input),
    cacheWriteShare: shareOf(tokens.cacheWrite, tokens.input),
    reasoningShare: shareOf(tokens.reasoning, tokens.output),
    models: profile.models.map(({ model, calls }) => ({ weight: calls, value: model })),
    tools: Object.entries(profile.tools).map(([name, { calls, durationMs }]) => ({
      weight: calls,
      value: { name, durationMs: quantileFunction(durationMs) },
    })),
    readsPerTurn: turnCount === 0 ? 0 : state.reads / turnCount,
    writesPerTurn: turnCount === 0 ? 0 : state.writes / turnCount,
  };
}

function drawSession(model: SessionModel, random: Random): SessionSkeleton {
  const turns = Math.max(1, whole(model.turns?.(random.uniform()) ?? 1));
  return { turns: Array.from({ length: turns }, (_, index) => drawTurn(model, random, index)) };
}

/** LLM calls in a chain, the turn's tool calls spread over the gaps between them, side by side. */
function drawTurn(model: SessionModel, random: Random, index: number): TurnSkeleton {
  const thinkMs = index === 0 ? 0 : whole(model.thinkMs?.(random.uniform()) ?? 0);
  const calls = Math.max(1, whole(model.calls?.(random.uniform()) ?? 1));
  let tools = model.tools.length === 0 ? 0 : whole(model.toolCalls?.(random.uniform()) ?? 0);
  const steps: StepSkeleton[] = [];
  const next = (): string => `s${steps.length + 1}`;
  let after: string[] = [];
  for (const operation of ['read', 'write'] as const) {
    const rate = operation === 'read' ? model.readsPerTurn : model.writesPerTurn;
    for (let left = wholeInMean(rate, random); left > 0; left -= 1) {
      const id = next();
      steps.push({ kind: 'state', id, after, operation, durationMs: 0 });
      after = [id];
    }
  }
  for (let call = 1; call <= calls; call += 1) {
    const id = next();
    steps.push(drawCall(model, random, { id, after }));
    after = [id];
    const share = call === calls ? tools : Math.ceil(tools / (calls - call));
    // The last call of a turn answers the user; tools run after it only when it is the only one.
    if (call === calls && calls > 1) break;
    tools -= share;
    const started = Array.from({ length: share }, () => {
      const tool = drawTool(model, random, { id: next(), after: [id] });
      steps.push(tool);
      return tool.id;
    });
    if (started.length > 0) after = started;
  }
  return { thinkMs, steps };
}

interface StepBase {
  readonly id: string;
  readonly after: readonly string[];
}

function drawCall(model: SessionModel, random: Random, base: StepBase): LlmSkeleton {
  // Correlated uniforms through a normal copula; both marginals stay as measured.
  const a = random.normal();
  const b = model.correlation * a + Math.sqrt(1 - model.correlation ** 2) * random.normal();
  const input = whole(model.input?.(normalCdf(a)) ?? 0);
  const output = whole(model.output?.(normalCdf(b)) ?? 0);
  const name = model.models.length === 0 ? undefined : pickWeighted(model.models, random);
  const durationMs = model.callMs?.(random.uniform());
  const ttftMs = model.ttftMs?.(random.uniform());
  return {
    kind: 'llm',
    ...base,
    ...(name === undefined ? {} : { model: name }),
    tokens: tokenRecord(model, input, output),
    ...(durationMs === undefined ? {} : { durationMs: whole(durationMs) }),
    ...(ttftMs === undefined ? {} : { ttftMs: whole(Math.min(ttftMs, durationMs ?? ttftMs)) }),
  };
}

function tokenRecord(model: SessionModel, input: number, output: number): TokenRecord {
  const cacheRead = Math.min(input, whole(input * model.cacheReadShare));
  const cacheWrite5m = Math.min(input - cacheRead, whole(input * model.cacheWriteShare));
  return {
    uncached: input - cacheRead - cacheWrite5m,
    cacheRead,
    cacheWrite5m,
    cacheWrite1h: 0,
    output,
    reasoning: Math.min(output, whole(output * model.reasoningShare)),
  };
}

function drawTool(model: SessionModel, random: Random, base: StepBase): ToolSkeleton {
  const { name, durationMs } = pickWeighted(model.tools, random);
  return { kind: 'tool', ...base, name, durationMs: whole(durationMs?.(random.uniform()) ?? 0) };
}

function pickWeighted<T>(items: readonly Weighted<T>[], random: Random): T {
  let total = 0;
  for (const { weight } of items) total += weight;
  let left = random.uniform() * total;
  for (const { weight, value } of items) {
    left -= weight;
    if (left < 0) return value;
  }
  return items.at(-1)!.value;
}

function whole(value: number): number {
  return Math.max(0, Math.round(value));
}

/** An integer whose expectation is `rate`. */
function wholeInMean(rate: number, random: Random): number {
  const floor = Math.floor(rate);
  return floor + (random.uniform() < rate - floor ? 1 : 0);
}
