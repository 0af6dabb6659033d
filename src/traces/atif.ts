import type { LlmCall, ToolCall } from '../core/trace.ts';
import { AgentSession, type StepDraft, type Thread } from './agent-session.ts';
import { argumentsHash } from './argument-hash.ts';
import { contentTexts } from './estimate.ts';
import { amountOf, isObject, listOf, objectOf, textOf, type JsonObject } from './json-value.ts';
import { recordedCost } from './recorded-cost.ts';
import { isoMs } from './timestamp.ts';
import { needsRecord, type JsonFold, type JsonReader, type Sample } from './trace-reader.ts';
import type { Place, Tally } from './tally.ts';
import { PromptTexts, type Conversation, type TokenEstimates } from './token-estimates.ts';
import { inclusiveUsage } from './usage.ts';

/**
 * ATIF 1.4 to 1.7 (Harbor, terminal-bench). Steps count, final_metrics repeats them.
 * `prompt_tokens` includes cached. A step's time is when it was logged: the call ends there and
 * began at the step before, unless that one ran tools: their time is not the call's, so start and
 * duration are unknown. Sub-agent trajectories are threads of the same session.
 */
export const atif: JsonReader = {
  kind: 'json',
  title: 'ATIF trajectory',
  mismatch: (sample: Sample) =>
    needsRecord(
      sample,
      'with schema_version and steps by source',
      (record) =>
        isObject(record) &&
        record['schema_version'] !== undefined &&
        listOf(record['steps']).some(isStep),
    ),
  open: (tally: Tally) => new AtifFold(tally),
};

class AtifFold implements JsonFold {
  readonly #tally: Tally;

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  value(value: unknown, place: Place): void {
    if (!isObject(value) || !Array.isArray(value['steps'])) {
      this.#tally.read();
      this.#tally.skip('record has no steps', place);
      return;
    }
    const { agent } = value;
    const id = textOf(value['session_id']) ?? textOf(value['trajectory_id']) ?? place.toString();
    const session = new AgentSession(id, { agent: textOf(objectOf(agent)['name']) });
    this.#steps(value, { session, thread: session.main, agent: undefined, place });
    const built = session.build();
    if (built !== undefined) this.#tally.session(built);
  }

  end(): void {}

  #steps(
    trajectory: JsonObject,
    at: { session: AgentSession; thread: Thread; agent: string | undefined; place: Place },
  ): void {
    const model = textOf(objectOf(trajectory['agent'])['model_name']);
    const prompt = new PromptTexts();
    let beforeMs = Number.NaN;
    let ranTools = false;
    for (const step of listOf(trajectory['steps'])) {
      this.#tally.read();
      if (!isStep(step)) {
        this.#tally.skip('entry is not a step', at.place);
        continue;
      }
      this.#tally.used();
      const atMs = isoMs(textOf(step['timestamp']) ?? '') ?? Number.NaN;
      if (step['source'] === 'user' && at.agent === undefined) at.session.startTurn(atMs);
      if (step['source'] === 'agent') {
        const isKnown = beforeMs <= atMs && !ranTools;
        const startMs = isKnown ? beforeMs : atMs;
        const endMs = isKnown ? atMs : undefined;
        const callModel = textOf(step['model_name']) ?? model;
        const answer = contentTexts([step['message'], step['tool_calls']]);
        const callsTools = listOf(step['tool_calls']).length > 0;
        const said = { model: callModel, prompt, answer, callsTools };
        const call = at.thread.call({
          startMs,
          endMs,
          model: callModel,
          operation: 'chat',
          ...usageOf(step, said, this.#tally.estimates),
          details: costOf(step),
          attempts: [{ startMs, endMs }],
          agent: at.agent,
        });
        tools(step, { thread: at.thread, call, atMs });
      }
      prompt.add(contentTexts([step['message'], step['tool_calls'], step['observation']]));
      beforeMs = atMs;
      ranTools = listOf(step['tool_calls']).length > 0;
    }
    for (const inner of listOf(trajectory['subagent_trajectories']).filter(isObject)) {
      const id = textOf(inner['trajectory_id']) ?? textOf(inner['session_id']) ?? '';
      const agent = at.session.nextAgent(textOf(objectOf(inner['agent'])['name']) ?? 'sub-agent');
      // Sub-agents of sub-agents are threads of their own; nesting is bounded by the parsed JSON.
      this.#steps(inner, { ...at, thread: at.session.thread(id), agent });
    }
  }
}

function costOf(step: JsonObject): LlmCall['details'] {
  const costUsd = recordedCost(objectOf(step['metrics'])['cost_usd']);
  return costUsd === undefined ? undefined : { costUsd };
}

function usageOf(
  step: JsonObject,
  said: Conversation,
  estimates: TokenEstimates,
): Pick<LlmCall, 'tokens' | 'tokensBasis'> {
  const metrics = objectOf(step['metrics']);
  const input = amountOf(metrics['prompt_tokens']);
  const output = amountOf(metrics['completion_tokens']);
  if (input === undefined && output === undefined) {
    return { tokens: estimates.estimate(said), tokensBasis: 'estimated' };
  }
  const cacheRead = amountOf(metrics['cached_tokens']);
  const tokens = inclusiveUsage({ input, cacheRead, output });
  if (input !== undefined && output !== undefined) estimates.observe(said, tokens);
  return { tokens, tokensBasis: 'reported' };
}

function tools(
  step: JsonObject,
  { thread, call, atMs }: { thread: Thread; call: StepDraft<LlmCall>; atMs: number },
): void {
  const answered = new Set(
    listOf(objectOf(step['observation'])['results']).map(
      (result) => objectOf(result)['source_call_id'],
    ),
  );
  for (const tool of listOf(step['tool_calls']).filter(isObject)) {
    const name = textOf(tool['function_name']) ?? 'tool';
    const hash = argumentsHash(name, tool['arguments']);
    const draft: StepDraft<ToolCall> = thread.tool(
      { startMs: atMs, name, argumentsHash: hash },
      call,
    );
    if (answered.size === 0 || answered.has(tool['tool_call_id'])) thread.deliver(draft);
  }
}

function isStep(step: unknown): step is JsonObject {
  return isObject(step) && SOURCES.has(step['source'] as string);
}

const SOURCES = new Set(['user', 'agent', 'system']);
