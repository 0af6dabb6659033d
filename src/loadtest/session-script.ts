import { inputTokens } from '../core/tokens.ts';
import type { SessionSkeleton, StepSkeleton, TurnSkeleton } from '../core/trace.ts';

/**
 * What a session will send and when, fixed before the run: two engines given the same script send
 * the same requests, and no answer changes what is sent later (assistant turns have the recorded
 * length, not the live one; tool results travel as user text).
 */
export interface SessionScript {
  readonly index: number;
  readonly turns: readonly ScriptTurn[];
}

export interface ScriptTurn {
  /** Wait between the end of the previous turn and this one, scaled and capped. */
  readonly thinkMs: number;
  readonly steps: readonly ScriptStep[];
}

type ScriptStep = LlmStep | WaitStep;

interface StepBase {
  readonly id: string;
  /** Indices of earlier steps of the turn. */
  readonly after: readonly number[];
}

export interface LlmStep extends StepBase {
  readonly kind: 'llm';
  readonly model: string;
  readonly messages: readonly ScriptMessage[];
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** A tool call or state operation: time passes, nothing is executed. */
interface WaitStep extends StepBase {
  readonly kind: 'wait';
  readonly waitMs: number;
}

export interface ScriptMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly tokens: number;
  /** Place in the filler stream. */
  readonly offset: number;
  /** Text in front that makes the message unique, so that no response cache answers it. */
  readonly marker?: string;
}

export interface ScriptOptions {
  /** Part of every marker. */
  readonly seed: string | number;
  readonly model: string;
  /** Whether the skeleton's own model names win over `model`. */
  readonly keepModels: boolean;
  readonly thinkTimeScale: number;
  readonly toolTimeScale: number;
  readonly maxThinkMs?: number | undefined;
  readonly maxToolMs?: number | undefined;
}

/** The script of one session. Steps whose dependencies are unknown or come later throw. */
export function scriptSession(
  skeleton: SessionSkeleton,
  index: number,
  options: ScriptOptions,
): SessionScript {
  const base = systemContext(skeleton);
  const state = { main: base, base };
  const turns = skeleton.turns.map((turn, number) =>
    scriptTurn(turn, `${options.seed}.${index}.${number}`, state, options),
  );
  return { index, turns };
}

/** Number of LLM calls of a script: what "intended" counts. */
export function callsOf(script: SessionScript): number {
  let calls = 0;
  for (const turn of script.turns) {
    for (const step of turn.steps) if (step.kind === 'llm') calls += 1;
  }
  return calls;
}

/** A conversation: what has been said, and its length. */
interface Conversation {
  readonly messages: readonly ScriptMessage[];
  readonly tokens: number;
}

/** What the first call found in the provider's cache was sent before by others: the instructions. */
function systemContext(skeleton: SessionSkeleton): Conversation {
  for (const { steps } of skeleton.turns) {
    for (const step of steps) {
      if (step.kind !== 'llm') continue;
      const tokens = Math.min(step.tokens.cacheRead, inputTokens(step.tokens) - 1);
      return tokens > 0
        ? { messages: [{ role: 'system', tokens, offset: 0 }], tokens }
        : { messages: [], tokens: 0 };
    }
  }
  return { messages: [], tokens: 0 };
}

function scriptTurn(
  turn: TurnSkeleton,
  prefix: string,
  state: { main: Conversation; readonly base: Conversation },
  options: ScriptOptions,
): ScriptTurn {
  const places = new Map(turn.steps.map(({ id }, place) => [id, place]));
  const known: Conversation[][] = [];
  const start = state.main;
  const steps = turn.steps.map((step, place): ScriptStep => {
    const after = step.after.map((id) => earlier(places, id, place));
    // Each once: through parallel tools their number would double with every step.
    const candidates = [
      ...new Set([start, state.base, ...after.flatMap((index) => known[index]!)]),
    ];
    known[place] = candidates;
    if (step.kind !== 'llm') return wait(step, after, options);
    const wanted = Math.max(1, inputTokens(step.tokens));
    const conversation = extend(longestWithin(candidates, wanted), wanted, `[${prefix}.${place}]`);
    const answered = answer(conversation, Math.max(1, step.tokens.output));
    known[place] = [...candidates, answered];
    state.main = answered;
    return {
      kind: 'llm',
      id: step.id,
      after,
      model: (options.keepModels ? step.model : undefined) ?? options.model,
      messages: conversation.messages,
      inputTokens: wanted,
      outputTokens: Math.max(1, step.tokens.output),
    };
  });
  const thinkMs = capped(turn.thinkMs * options.thinkTimeScale, options.maxThinkMs);
  return { thinkMs, steps };
}

function earlier(places: ReadonlyMap<string, number>, id: string, place: number): number {
  const found = places.get(id);
  if (found === undefined || found >= place) {
    throw new RangeError(`step ${place} waits for "${id}", which is not an earlier step`);
  }
  return found;
}

function wait(
  step: Exclude<StepSkeleton, { kind: 'llm' }>,
  after: readonly number[],
  options: ScriptOptions,
): WaitStep {
  const waitMs = capped(step.durationMs * options.toolTimeScale, options.maxToolMs);
  return { kind: 'wait', id: step.id, after, waitMs };
}

function capped(ms: number, capMs: number | undefined): number {
  return capMs === undefined ? ms : Math.min(ms, capMs);
}

/**
 * The longest conversation that fits into the call's prompt is the one it continues: a main line
 * grows, a sub-agent (shorter prompt) starts from the instructions, a compaction starts anew.
 */
function longestWithin(candidates: readonly Conversation[], tokens: number): Conversation {
  let best: Conversation = { messages: [], tokens: 0 };
  for (const candidate of candidates) {
    if (candidate.tokens < tokens && candidate.tokens > best.tokens) best = candidate;
  }
  return best;
}

/** Adds one user message, so that the prompt has `tokens` in all. */
function extend(base: Conversation, tokens: number, marker: string): Conversation {
  const message: ScriptMessage = {
    role: 'user',
    tokens: tokens - base.tokens,
    offset: placeOf(marker),
    marker,
  };
  return { messages: [...base.messages, message], tokens };
}

function answer(conversation: Conversation, tokens: number): Conversation {
  const { length } = conversation.messages;
  const offset = (conversation.messages[length - 1]?.offset ?? 0) + length;
  return {
    messages: [...conversation.messages, { role: 'assistant', tokens, offset }],
    tokens: conversation.tokens + tokens,
  };
}

/** A spread-out number for a text (FNV-1a, 32 bits). */
function placeOf(text: string): number {
  let hash = 2_166_136_261;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 16_777_619);
  }
  return hash >>> 0;
}
