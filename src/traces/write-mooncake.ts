import type { LlmCall, Session } from '../core/trace.ts';
import { inputTokens } from '../core/tokens.ts';
import { TraceWriter } from './write-trace.ts';
import { PrefixBlockIds } from './write-prefix-blocks.ts';

/** Block size that readers of Mooncake traces assume (FAST'25 traces; AIPerf and inference-perf defaults). */
const BLOCK_TOKENS = 512;

interface Row {
  readonly timestamp: number;
  readonly input_length: number;
  readonly output_length: number;
  readonly hash_ids: readonly number[];
}

/**
 * Mooncake JSON lines: one row per LLM call, sorted by time, in milliseconds from the first call.
 * Sessions, tools and times of answers have no place in the format. Calls without time or without
 * token counts cannot be written.
 */
export class MooncakeWriter extends TraceWriter {
  readonly #blocks = new PrefixBlockIds({ blockTokens: BLOCK_TOKENS, partial: 'kept', firstId: 0 });
  readonly #rows: Row[] = [];

  call(call: LlmCall): void {
    this.#add(call, '');
  }

  session(session: Session): void {
    if (session.relativeTime === true) {
      this.leaveOut('sessions without a common clock');
      return;
    }
    for (const { call, chain } of this.callsOf(session)) this.#add(call, chain);
  }

  override end(): void {
    const sorted = this.#rows.toSorted((a, b) => a.timestamp - b.timestamp);
    const first = sorted[0]?.timestamp ?? 0;
    for (const row of sorted) {
      const timestamp = Math.round(row.timestamp - first);
      this.emit(`${JSON.stringify({ ...row, timestamp })}\n`);
    }
    if (this.#blocks.unshared > 0) {
      this.note(
        `${this.#blocks.unshared} calls have neither prefix hashes nor cache reads: they share no blocks, so a replay finds no cache hits for them`,
      );
    }
  }

  #add(call: LlmCall, chain: string): void {
    if (!this.isWritable(call)) return;
    this.#rows.push({
      timestamp: call.startMs,
      input_length: inputTokens(call.tokens),
      output_length: call.tokens.output,
      hash_ids: this.#blocks.ids(call, chain),
    });
  }
}
