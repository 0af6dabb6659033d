import { createHash } from 'node:crypto';

import type { LlmCall, StatedSizes } from '../core/trace.ts';
import { AgentSession, type StepDraft, type Thread } from './agent-session.ts';
import { amountOf, isObject, listOf, textOf, type JsonObject } from './json-value.ts';
import { needsRecord, type JsonFold, type JsonReader, type Sample } from './trace-reader.ts';
import type { Place, Tally } from './tally.ts';
import { exclusiveUsage } from './usage.ts';

/**
 * WEKA traces (kv-cache-tester): one document per session, content-free. `in` includes cached
 * tokens (the split is not known). Times are seconds from the session's start, whole for `t`.
 * Prefix blocks hold inside one trace. A turn starts with a request whose new input has text and
 * no tool result; the gap before any other request is a tool of unknown name (`think_time`).
 * Files with equal requests under other ids are copies.
 */
export const weka: JsonReader = {
  kind: 'json',
  title: 'WEKA kv-cache-tester trace',
  mismatch: (sample: Sample) =>
    needsRecord(
      sample,
      'with block_size and requests',
      (record) =>
        isObject(record) &&
        amountOf(record['block_size']) !== undefined &&
        record['requests'] !== undefined,
    ),
  open: (tally: Tally) => new WekaFold(tally),
};

/** What a request's tool is called: the trace says that there was one, not which. */
const UNNAMED_TOOL = 'tool';

class WekaFold implements JsonFold {
  readonly #tally: Tally;
  readonly #seen = new Set<string>();

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  value(value: unknown, place: Place): void {
    const requests = isObject(value) ? listOf(value['requests']) : [];
    if (!isObject(value) || requests.length === 0) {
      this.#tally.read();
      this.#tally.skip('document has no requests', place);
      return;
    }
    const hash = createHash('sha256').update(JSON.stringify(requests)).digest('base64');
    if (this.#seen.has(hash)) {
      const count = requests.reduce<number>(
        (sum, request) => sum + 1 + innerRequests(request).length,
        0,
      );
      this.#tally.read(count);
      this.#tally.duplicate('trace repeats the requests of another trace', count);
      return;
    }
    this.#seen.add(hash);
    this.#tally.claim('requests', hash);
    const blockTokens = amountOf(value['block_size']) ?? 0;
    const session = new AgentSession(textOf(value['id']) ?? place.toString(), {
      relativeTime: true,
      stated: statedSizes(value, requests),
    });
    new WekaTrace(this.#tally, session, blockTokens).read(requests, place);
    const built = session.build();
    if (built !== undefined) this.#tally.session(built);
  }

  end(): void {}
}

class WekaTrace {
  readonly #tally: Tally;
  readonly #session: AgentSession;
  readonly #blockTokens: number;

  constructor(tally: Tally, session: AgentSession, blockTokens: number) {
    this.#tally = tally;
    this.#session = session;
    this.#blockTokens = blockTokens;
  }

  read(requests: readonly unknown[], place: Place): void {
    let last: StepDraft<LlmCall> | undefined;
    for (const request of requests) {
      this.#tally.read();
      const t = isObject(request) ? amountOf(request['t']) : undefined;
      if (!isObject(request) || t === undefined) {
        this.#tally.skip('request has no time', place);
      } else if (request['type'] === 'subagent') {
        this.#tally.used();
        this.#subAgent(request, { startMs: t * 1000, origin: last, place });
      } else {
        last =
          this.#request(request, { thread: this.#session.main, startMs: t * 1000, place }) ?? last;
      }
    }
  }

  #subAgent(
    entry: JsonObject,
    { startMs, origin, place }: { startMs: number; origin: StepDraft | undefined; place: Place },
  ): void {
    const thread = this.#session.thread(`${textOf(entry['agent_id']) ?? ''} ${startMs}`);
    thread.origin = origin;
    // Several of one type run in a session: each is an agent of its own.
    const agent = this.#session.nextAgent(textOf(entry['subagent_type']) ?? 'sub-agent');
    let last: StepDraft<LlmCall> | undefined;
    for (const request of innerRequests(entry)) {
      this.#tally.read();
      const t = isObject(request) ? amountOf(request['t']) : undefined;
      if (!isObject(request) || t === undefined) this.#tally.skip('request has no time', place);
      else
        last =
          this.#request(request, { thread, agent, startMs: startMs + t * 1000, place }) ?? last;
    }
    // The parent waits for the sub-agents that it did not leave running.
    if (last !== undefined && entry['status'] !== 'async_launched')
      this.#session.main.deliver(last);
  }

  #request(
    request: JsonObject,
    at: { thread: Thread; agent?: string; startMs: number; place: Place },
  ): StepDraft<LlmCall> | undefined {
    const input = amountOf(request['in']);
    const output = amountOf(request['out']);
    if (input === undefined || output === undefined) {
      this.#tally.skip('request has no token counts', at.place);
      return undefined;
    }
    this.#tally.used();
    const { startMs } = at;
    this.#before(request, at);
    const apiSeconds = amountOf(request['api_time']);
    const ttftSeconds = amountOf(request['ttft']);
    const endMs = apiSeconds === undefined ? undefined : startMs + apiSeconds * 1000;
    const ids = request['hash_ids'];
    return at.thread.call({
      startMs,
      endMs,
      model: textOf(request['model']),
      operation: 'chat',
      tokens: exclusiveUsage({ input, output }),
      tokensBasis: 'reported',
      ttftMs: ttftSeconds === undefined ? undefined : ttftSeconds * 1000,
      streamed: request['type'] === 's',
      attempts: [{ startMs, endMs }],
      finishReason: textOf(request['stop']),
      agent: at.agent,
      prefix: Array.isArray(ids)
        ? { blockTokens: this.#blockTokens, ids: ids as readonly number[], scope: 'session' }
        : undefined,
    });
  }

  /** What stood between this request and the one before: the user, or a tool. */
  #before(
    request: JsonObject,
    { thread, agent, startMs }: { thread: Thread; agent?: string; startMs: number },
  ): void {
    const types = listOf(request['input_types']);
    const hasResult = types.includes('tool_result');
    const waitSeconds = amountOf(request['think_time']);
    if (agent === undefined && types.includes('text') && !hasResult) {
      const waitMs = waitSeconds === undefined ? undefined : waitSeconds * 1000;
      this.#session.startTurn(startMs, waitMs);
      return;
    }
    if (!hasResult || waitSeconds === undefined) return;
    thread.finishedTool({
      startMs: startMs - waitSeconds * 1000,
      endMs: startMs,
      name: UNNAMED_TOOL,
    });
  }
}

/** What the trace says of the main agent's prompt and, where they ended, of its sub-agents. */
function statedSizes(trace: JsonObject, requests: readonly unknown[]): StatedSizes {
  return {
    toolTokens: amountOf(trace['tool_tokens']),
    systemTokens: amountOf(trace['system_tokens']),
    subAgentTokens: requests.flatMap((request) =>
      isObject(request) && request['type'] === 'subagent'
        ? (amountOf(request['total_tokens']) ?? [])
        : [],
    ),
  };
}

function innerRequests(request: unknown): readonly unknown[] {
  return isObject(request) && request['type'] === 'subagent' ? listOf(request['requests']) : [];
}
