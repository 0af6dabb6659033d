import type { LlmCall, Session, Step } from '../core/trace.ts';
import { inputTokens } from '../core/tokens.ts';
import { PrefixBlockIds } from './write-prefix-blocks.ts';
import { TraceWriter } from './write-trace.ts';

/** Block size of the format's corpora; readers of the format assume it. */
const BLOCK_TOKENS = 64;

interface RequestRow {
  readonly t: number;
  readonly type: 'n' | 's';
  readonly model: string;
  readonly in: number;
  readonly out: number;
  readonly hash_ids: readonly number[];
  readonly input_types: readonly string[];
  readonly output_types: readonly string[];
  readonly stop: 'tool_use' | 'end_turn';
  readonly api_time?: number;
  readonly ttft?: number;
  readonly think_time?: number;
}

/**
 * WEKA agent traces (kv-cache-tester): a JSON file per session, seconds from its start, chained
 * 64-token blocks with ids of the file, full blocks only. Calls of sub-agents stand between the
 * others, as many captures have them. Rows without session become one file each.
 */
export class WekaWriter extends TraceWriter {
  call(call: LlmCall): void {
    this.session({ id: '', turns: [{ startMs: call.startMs, steps: [call] }] });
  }

  session(session: Session): void {
    const blocks = new PrefixBlockIds({
      blockTokens: BLOCK_TOKENS,
      partial: 'dropped',
      firstId: 1,
    });
    const calls = this.callsOf(session).filter(({ call }) => this.isWritable(call));
    const number = String(this.#files + 1).padStart(4, '0');
    if (calls.length === 0) return;
    this.#files += 1;
    const opening = new Set(session.turns.map(({ steps }) => firstCall(steps)));
    const startMs = calls[0]!.call.startMs;
    const requests = calls.map(({ call, chain }, index): RequestRow => {
      const next = calls[index + 1]?.call;
      return {
        ...times(call, startMs, calls[index - 1]?.call),
        model: call.model ?? 'unknown',
        in: inputTokens(call.tokens),
        out: call.tokens.output,
        hash_ids: blocks.ids(call, chain),
        input_types: [opening.has(call) ? 'text' : 'tool_result'],
        output_types: ['text'],
        stop: next === undefined || opening.has(next) ? 'end_turn' : 'tool_use',
      };
    });
    const { toolTokens, systemTokens } = session.stated ?? {};
    if (toolTokens === undefined || systemTokens === undefined) this.#noteUnknown();
    const document = {
      id: `trace_${number}`,
      models: [...new Set(requests.map(({ model }) => model))],
      block_size: BLOCK_TOKENS,
      hash_id_scope: 'local',
      tool_tokens: toolTokens ?? 0,
      system_tokens: systemTokens ?? 0,
      requests,
    };
    this.emitFile(`trace_${number}.json`, `${JSON.stringify(document)}\n`);
    if (blocks.unshared > calls.length / 2)
      this.leaveOut('files whose prompts share no known prefix');
  }

  #files = 0;
  #hasUnknown = false;

  #noteUnknown(): void {
    if (this.#hasUnknown) return;
    this.#hasUnknown = true;
    this.note('tool and system tokens that the trace does not state are written as 0');
  }
}

function firstCall(steps: readonly Step[]): LlmCall | undefined {
  let first: LlmCall | undefined;
  for (const step of steps) {
    if (step.kind === 'llm' && (first === undefined || step.startMs < first.startMs)) first = step;
  }
  return first;
}

/** Seconds with milliseconds; unknown times are left out, as the format allows. */
function times(
  call: LlmCall,
  startMs: number,
  previous: LlmCall | undefined,
): Pick<RequestRow, 't' | 'type' | 'api_time' | 'ttft' | 'think_time'> {
  const seconds = (ms: number): number => Math.round(ms) / 1000;
  const isStream = call.streamed === true || call.ttftMs !== undefined;
  return {
    t: seconds(call.startMs - startMs),
    type: isStream ? 's' : 'n',
    ...(call.endMs === undefined ? {} : { api_time: seconds(call.endMs - call.startMs) }),
    ...(call.ttftMs === undefined ? {} : { ttft: seconds(call.ttftMs) }),
    ...(previous?.endMs === undefined
      ? {}
      : { think_time: seconds(Math.max(0, call.startMs - previous.endMs)) }),
  };
}
