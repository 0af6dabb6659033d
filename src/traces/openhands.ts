import { NO_TOKENS, type TokenRecord } from '../core/tokens.ts';
import type { LlmCall, ToolCall } from '../core/trace.ts';
import { AgentSession, type StepDraft } from './agent-session.ts';
import { argumentsHash } from './argument-hash.ts';
import {
  amountOf,
  isObject,
  listOf,
  numberOf,
  objectOf,
  textOf,
  type JsonObject,
} from './json-value.ts';
import { responseUsage } from './response-usage.ts';
import { isoMs } from './timestamp.ts';
import type { JsonFold, JsonReader, Sample } from './trace-reader.ts';
import type { Place, Tally } from './tally.ts';
import { inclusiveUsage } from './usage.ts';

/**
 * OpenHands: evaluation output (one task per line: history, metrics) and bare lists of events.
 * A response's usage stands on the action and on its observation: response ids are counted, with
 * metrics.token_usages (input includes cached) before the copy in the history. Latency joins on
 * response id. Call ids restart in every task; observations name their action by `cause`.
 */
export const openhands: JsonReader = {
  kind: 'json',
  title: 'OpenHands events',
  lists: 'whole',
  mismatch: (sample: Sample) => {
    if (sample.kind !== 'json') return 'not JSON';
    const isOpenhands = sample.records.some(
      (record) =>
        isObject(record) &&
        (isEvent(record) ||
          (record['instance_id'] !== undefined && listOf(record['history']).some(isEvent))),
    );
    return isOpenhands ? undefined : 'no event with source and action or observation';
  },
  open: (tally: Tally) => new OpenhandsFold(tally),
};

class OpenhandsFold implements JsonFold {
  readonly #tally: Tally;

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  value(value: unknown, place: Place): void {
    const events = Array.isArray(value) ? listOf(value) : listOf(objectOf(value)['history']);
    if (events.length === 0) {
      this.#tally.read();
      this.#tally.skip('record has no events', place);
      return;
    }
    const id = textOf(objectOf(value)['instance_id']) ?? place.toString();
    const task = new Task(
      this.#tally,
      new AgentSession(id, { agent: 'openhands' }),
      objectOf(objectOf(value)['metrics']),
    );
    for (const event of events) task.event(event, place);
    const built = task.build();
    if (built !== undefined) this.#tally.session(built);
  }

  end(): void {}
}

class Task {
  readonly #tally: Tally;
  readonly #session: AgentSession;
  readonly #usages: ReadonlyMap<string, JsonObject>;
  readonly #latencyMs: ReadonlyMap<string, number>;
  readonly #calls = new Map<string, StepDraft<LlmCall>>();
  readonly #tools = new Map<number, StepDraft<ToolCall>>();
  /** The last event a call may answer: a message of the user, an observation. */
  #inputMs: number | undefined;

  constructor(tally: Tally, session: AgentSession, metrics: JsonObject) {
    this.#tally = tally;
    this.#session = session;
    this.#usages = new Map(
      listOf(metrics['token_usages']).map((usage) => [
        textOf(objectOf(usage)['response_id']) ?? '',
        objectOf(usage),
      ]),
    );
    this.#latencyMs = new Map(
      listOf(metrics['response_latencies']).map((entry) => [
        textOf(objectOf(entry)['response_id']) ?? '',
        (amountOf(objectOf(entry)['latency']) ?? 0) * 1000,
      ]),
    );
  }

  event(event: unknown, place: Place): void {
    this.#tally.read();
    const atMs = isObject(event) ? isoMs(textOf(event['timestamp']) ?? '') : undefined;
    if (!isObject(event) || !isEvent(event) || atMs === undefined) {
      this.#tally.skip('entry is not an event with a time', place);
      return;
    }
    const response = objectOf(objectOf(event['tool_call_metadata'])['model_response']);
    const responseId = textOf(response['id']) ?? responseOfMetrics(event);
    const isRepeat = responseId !== undefined && this.#calls.has(responseId);
    if (isRepeat) this.#tally.duplicate('event repeats a model response already counted');
    else this.#tally.used();
    if (responseId !== undefined && !isRepeat) this.#call(responseId, response, atMs);
    if (event['action'] === 'message' && event['source'] === 'user') this.#session.startTurn(atMs);
    else if (event['action'] !== undefined && isObject(event['tool_call_metadata']))
      this.#tool(event, atMs);
    else if (event['observation'] !== undefined) this.#observation(event, atMs);
    const isInput = event['observation'] !== undefined || event['source'] === 'user';
    if (isInput) this.#inputMs = atMs;
  }

  build(): ReturnType<AgentSession['build']> {
    return this.#session.build();
  }

  /** Logged with its first action, so it ended about then; its start is in the metrics or at its input. */
  #call(responseId: string, response: JsonObject, atMs: number): void {
    const latencyMs = this.#latencyMs.get(responseId);
    const waitMs = latencyMs ?? atMs - (this.#inputMs ?? Number.NaN);
    this.#inputMs = undefined;
    const startMs = waitMs >= 0 ? atMs - waitMs : atMs;
    const endMs = waitMs >= 0 ? atMs : undefined;
    const tokens = this.#usageOf(responseId, response);
    const draft = this.#session.main.call({
      startMs,
      endMs,
      model: textOf(response['model']) ?? textOf(this.#usages.get(responseId)?.['model']),
      operation: 'chat',
      tokens: tokens ?? NO_TOKENS,
      tokensBasis: tokens === undefined ? 'missing' : 'reported',
      attempts: [{ startMs, endMs }],
      finishReason: textOf(objectOf(listOf(response['choices'])[0])['finish_reason']),
    });
    this.#calls.set(responseId, draft);
  }

  #usageOf(responseId: string, response: JsonObject): TokenRecord | undefined {
    const usage = this.#usages.get(responseId);
    if (usage === undefined) return responseUsage(response['usage']);
    return inclusiveUsage({
      input: amountOf(usage['prompt_tokens']),
      cacheRead: amountOf(usage['cache_read_tokens']),
      cacheWrite5m: amountOf(usage['cache_write_tokens']),
      output: amountOf(usage['completion_tokens']),
    });
  }

  #tool(event: JsonObject, atMs: number): void {
    const metadata = objectOf(event['tool_call_metadata']);
    const name = textOf(metadata['function_name']) ?? textOf(event['action']) ?? 'tool';
    const responseId = textOf(objectOf(metadata['model_response'])['id']) ?? '';
    const fields = { name, startMs: atMs, argumentsHash: argumentsHash(name, event['args']) };
    const tool = this.#session.main.tool(fields, this.#calls.get(responseId));
    const id = numberOf(event['id']);
    if (id !== undefined) this.#tools.set(id, tool);
  }

  #observation(event: JsonObject, atMs: number): void {
    const tool = this.#tools.get(numberOf(event['cause']) ?? Number.NaN);
    if (tool === undefined || tool.step.endMs !== undefined) return;
    tool.step.endMs = Math.max(atMs, tool.step.startMs);
    tool.step.durationMs = tool.step.endMs - tool.step.startMs;
    if (event['observation'] === 'error') tool.step.error = true;
    this.#session.main.deliver(tool);
  }
}

/** An answer in plain text has no tool metadata; its metrics name the last response. */
function responseOfMetrics(event: JsonObject): string | undefined {
  if (event['action'] !== 'message' || event['source'] !== 'agent') return undefined;
  const usages = listOf(objectOf(event['llm_metrics'])['token_usages']);
  return textOf(objectOf(usages.at(-1))['response_id']);
}

function isEvent(value: unknown): value is JsonObject {
  return (
    isObject(value) &&
    textOf(value['source']) !== undefined &&
    (textOf(value['action']) !== undefined || textOf(value['observation']) !== undefined)
  );
}
