import type { ModelSettings } from '../config/provider.ts';
import type { Random } from '../core/random.ts';
import type { Finish, ModelRequest, ToolCallPart, ToolDefinition } from '../http/dialect.ts';
import { CHARACTERS_PER_TOKEN, tokensOfCharacters } from '../http/dialect-prompt.ts';
import type { Directives } from './directives.ts';
import { replyText } from './reply-text.ts';
import { samplePattern } from './sample-pattern.ts';
import { sampleSchema } from './sample-schema.ts';
import { drawSpread } from './spread.ts';

/** A stretch of output that streams as one kind of delta. */
export type Segment =
  | {
      readonly kind: 'reasoning';
      readonly text: string;
      readonly tokens: number;
      readonly visible: boolean;
    }
  | { readonly kind: 'text'; readonly text: string; readonly tokens: number }
  | { readonly kind: 'tool'; readonly call: ToolCallPart; readonly tokens: number };

export interface ComposedChoice {
  readonly segments: readonly Segment[];
  readonly finish: Finish;
  readonly stopSequence?: string | undefined;
}

/** What the simulated model says: everything but the time it takes. */
export interface ComposedReply {
  readonly choices: readonly ComposedChoice[];
  /** Output tokens of one choice: the steps of the decoding timeline. */
  readonly steps: number;
  /** Of all choices together, as usage counts them. */
  readonly outputTokens: number;
  readonly reasoningTokens: number;
}

export interface ComposeInput {
  readonly request: ModelRequest;
  readonly model: ModelSettings;
  readonly directives: Directives;
  readonly random: Random;
}

/** Reasoning effort as a multiple of the model's own amount; a convention of this simulator. */
const EFFORT: Readonly<Record<string, number>> = {
  none: 0,
  minimal: 0.1,
  low: 0.3,
  medium: 1,
  high: 2,
  xhigh: 3,
  max: 4,
};

/** Decides length, tool calls and text of a reply; depends on the random stream only, never on time. */
export function composeReply(input: ComposeInput): ComposedReply {
  const { request } = input;
  const choices = Array.from({ length: request.choices }, () => composeChoice(input));
  const tokens = choices.map(({ segments }) => sum(segments));
  const reasoning = choices.map(({ segments }) => sum(segments.filter(isReasoning)));
  return {
    choices,
    steps: Math.max(...tokens),
    outputTokens: tokens.reduce((a, b) => a + b, 0),
    reasoningTokens: reasoning.reduce((a, b) => a + b, 0),
  };
}

function composeChoice(input: ComposeInput): ComposedChoice {
  const { request, model, directives } = input;
  const cap = Math.min(request.maxOutputTokens ?? model.maxOutput, model.maxOutput);
  const whole = wholeOutput(input, cap);
  const wanted = Math.min(reasoningTarget(input), cap + 1);
  const reasoningTokens = whole === undefined ? wanted : Math.min(wanted, whole - 1);
  const tools = pickTools(input);
  const segments: Segment[] = [];
  let finish: Finish = 'stop';
  let stopSequence: string | undefined;
  if (reasoningTokens > 0) {
    const visible = request.reasoning.visible || model.reasoning.visible;
    const text = visible ? replyText(input.random, reasoningTokens) : '';
    segments.push({ kind: 'reasoning', text, tokens: reasoningTokens, visible });
  }
  if (tools.length > 0) {
    for (const tool of tools) segments.push(toolSegment(tool, input));
    finish = 'tool_calls';
  } else {
    const drawn = whole === undefined ? answerTokens(input) : whole - reasoningTokens;
    const length = Math.min(drawn, cap + 1); // one too many is enough to be cut
    const answer = answerText(input, length);
    const stop = firstStop(answer, request.stop);
    const text = stop === undefined ? answer : answer.slice(0, stop.at);
    if (stop !== undefined) {
      finish = 'stop_sequence';
      stopSequence = stop.sequence;
    }
    segments.push({ kind: 'text', text, tokens: Math.max(1, tokensOfCharacters(text.length)) });
  }
  const fills =
    directives.outputTokens === undefined && (request.ignoreEos || model.output.tokens === 'max');
  if (sum(segments) > cap) return { segments: cut(segments, cap), finish: 'length' };
  if (finish === 'stop' && sum(segments) === cap && fills) finish = 'length';
  return { segments, finish, ...(stopSequence === undefined ? {} : { stopSequence }) };
}

/** Output tokens, reasoning included, when they are prescribed; undefined when they are drawn. */
function wholeOutput(
  { request, model, directives }: ComposeInput,
  cap: number,
): number | undefined {
  const asked = directives.outputTokens;
  if (asked !== undefined) return Math.max(1, Math.min(asked, cap + 1));
  return model.output.tokens === 'max' || request.ignoreEos ? Math.max(1, cap) : undefined;
}

function answerTokens({ request, model, random }: ComposeInput): number {
  const { tokens } = model.output;
  const drawn = tokens === 'max' ? model.maxOutput : Math.round(drawSpread(tokens, () => random));
  return Math.max(1, drawn, request.minOutputTokens ?? 1);
}

function reasoningTarget({ request, model, directives, random }: ComposeInput): number {
  if (directives.reasoningTokens !== undefined) return directives.reasoningTokens;
  const { effort, budgetTokens } = request.reasoning;
  const factor = EFFORT[effort ?? 'medium'] ?? 1;
  const drawn = Math.round(drawSpread(model.reasoning.tokens, () => random) * factor);
  return Math.min(drawn, budgetTokens ?? drawn);
}

function pickTools({
  request,
  model,
  directives,
  random,
}: ComposeInput): readonly ToolDefinition[] {
  const { tools, toolChoice, toolRounds, parallelToolCalls } = request;
  if (tools.length === 0 || toolChoice.kind === 'none') return [];
  if (toolChoice.kind === 'named') return tools.filter(({ name }) => name === toolChoice.name);
  const scripted = directives.tools?.[toolRounds];
  if (scripted !== undefined || directives.tools !== undefined) {
    const wanted = (scripted ?? []).flatMap(
      (name) => tools.find((tool) => tool.name === name) ?? [],
    );
    if (wanted.length > 0) return parallelToolCalls ? wanted : wanted.slice(0, 1);
    if (toolChoice.kind === 'auto') return [];
  }
  const { probability, parallel, maxRounds } = model.tools;
  const calls =
    toolChoice.kind === 'required' || (toolRounds < maxRounds && random.uniform() < probability);
  if (!calls) return [];
  const count = parallelToolCalls ? 1 + random.integer(parallel) : 1;
  return Array.from({ length: count }, () => random.pick(tools));
}

function toolSegment(tool: ToolDefinition, { request, random }: ComposeInput): Segment {
  const prefix = request.dialect === 'anthropic-messages' ? 'toolu_' : 'call_';
  const isCustom = tool.isCustom === true;
  const call: ToolCallPart = {
    id: `${prefix}${randomId(random)}`,
    name: tool.name,
    arguments: isCustom
      ? customInput(tool, random)
      : JSON.stringify(sampleSchema(tool.schema, random)),
    ...(isCustom ? { isCustom } : {}),
  };
  return { kind: 'tool', call, tokens: toolTokens(call) };
}

/** Tokens of a custom tool's input when no pattern says its shape. */
const CUSTOM_INPUT_TOKENS = 12;

function customInput({ pattern }: ToolDefinition, random: Random): string {
  const matching =
    pattern === undefined
      ? undefined
      : samplePattern(pattern, random, { minLength: 0, maxLength: Number.POSITIVE_INFINITY });
  return matching ?? replyText(random, CUSTOM_INPUT_TOKENS).trimEnd();
}

/** The name is generated like the arguments. */
function toolTokens({ name, arguments: text }: ToolCallPart): number {
  return Math.max(2, tokensOfCharacters(name.length) + tokensOfCharacters(text.length));
}

function answerText({ request, random }: ComposeInput, tokens: number): string {
  if (request.outputSchema === undefined) return replyText(random, tokens);
  return JSON.stringify(sampleSchema(request.outputSchema, random));
}

function firstStop(
  text: string,
  sequences: readonly string[],
): { readonly at: number; readonly sequence: string } | undefined {
  let found: { readonly at: number; readonly sequence: string } | undefined;
  for (const sequence of sequences) {
    const at = text.indexOf(sequence);
    if (at !== -1 && (found === undefined || at < found.at)) found = { at, sequence };
  }
  return found;
}

/** The first `cap` tokens: a cut tool call keeps the start of its arguments, as real ones do. */
function cut(segments: readonly Segment[], cap: number): readonly Segment[] {
  const kept: Segment[] = [];
  let left = cap;
  for (const segment of segments) {
    if (left <= 0) break;
    const tokens = Math.min(segment.tokens, left);
    left -= tokens;
    if (tokens === segment.tokens) kept.push(segment);
    else if (segment.kind === 'tool') kept.push(cutCall(segment, tokens));
    else
      kept.push({ ...segment, tokens, text: segment.text.slice(0, tokens * CHARACTERS_PER_TOKEN) });
  }
  return kept;
}

function cutCall(segment: Segment & { kind: 'tool' }, tokens: number): Segment {
  const { call } = segment;
  const name = tokensOfCharacters(call.name.length);
  const text = call.arguments.slice(0, Math.max(0, tokens - name) * CHARACTERS_PER_TOKEN);
  return { kind: 'tool', tokens, call: { ...call, arguments: text } };
}

/** Two characters of base 62 for each of 4,096 values of 12 bits (the last 252 repeat). */
const PAIRS = Array.from({ length: 4096 }, (_, value) => {
  const letters = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  return `${letters[Math.floor(value / 62) % 62]!}${letters[value % 62]!}`;
});

/** 24 letters and digits, as provider ids look. */
export function randomId(random: Random): string {
  let id = '';
  for (let draw = 0; draw < 6; draw += 1) {
    const bits = random.uint32();
    id += PAIRS[bits & 4095]! + PAIRS[(bits >>> 12) & 4095]!;
  }
  return id;
}

function isReasoning(segment: Segment): boolean {
  return segment.kind === 'reasoning';
}

function sum(segments: readonly Segment[]): number {
  let tokens = 0;
  for (const segment of segments) tokens += segment.tokens;
  return tokens;
}
