import type { LlmCall, Session } from '../core/trace.ts';
import { inputTokens } from '../core/tokens.ts';
import { TraceWriter } from './write-trace.ts';

interface DagTurn {
  readonly messages: readonly { readonly role: 'user'; readonly content: string }[];
  readonly model?: string;
  readonly max_tokens: number;
  /** Milliseconds after the end of the turn before. */
  readonly delay?: number;
}

/** A common word that is one token in every known vocabulary. */
const FILLER = ' the';

/**
 * AIPerf dag_jsonl: a conversation per line. Each call adds a message of filler words as long as
 * its prompt grew beyond the answer before it (a prompt that shrank adds one word), so replays
 * have the trace's sizes and pauses. Sub-agents become conversations of their own, side by side.
 */
export class DagWriter extends TraceWriter {
  call(call: LlmCall): void {
    this.session({ id: '', turns: [{ startMs: call.startMs, steps: [call] }] });
  }

  session(session: Session): void {
    const chains = new Map<string, LlmCall[]>();
    for (const { call, chain } of this.callsOf(session)) {
      if (!this.isWritable(call)) continue;
      const own = chains.get(chain);
      if (own === undefined) chains.set(chain, [call]);
      else own.push(call);
    }
    let agent = 0;
    for (const [chain, calls] of chains) {
      const id = `session-${chain.split(' ')[0]}${agent === 0 ? '' : `-agent-${agent}`}`;
      this.emit(`${JSON.stringify({ session_id: id, turns: calls.map(turnOf) })}\n`);
      agent += 1;
    }
  }
}

function turnOf(call: LlmCall, index: number, calls: readonly LlmCall[]): DagTurn {
  const previous = calls[index - 1];
  const history =
    previous === undefined ? 0 : inputTokens(previous.tokens) + previous.tokens.output;
  const fresh = Math.max(1, inputTokens(call.tokens) - history);
  const pause =
    previous?.endMs === undefined ? undefined : Math.max(0, call.startMs - previous.endMs);
  return {
    messages: [{ role: 'user', content: FILLER.repeat(fresh).trimStart() }],
    ...(call.model === undefined ? {} : { model: call.model }),
    max_tokens: Math.max(1, call.tokens.output),
    ...(pause === undefined ? {} : { delay: Math.round(pause) }),
  };
}
