import type { ProviderConfig } from '../config/provider.ts';
import type { LimitRequest, LimitTicket } from './key-limits.ts';
import type { LimitAnswer, LimitGate } from './limit-gate.ts';
import type { ToPrimary, ToWorker } from './worker-messages.ts';

/** Output tokens between two reports of a stream: the primary's count is behind by at most these. */
const PROGRESS_TOKENS = 16;

/**
 * Limits that live in the primary process, so that a key has one account however its connections
 * fall on workers. Models without limits are answered here.
 */
export class RemoteLimitGate implements LimitGate {
  readonly #limited: ReadonlySet<string>;
  readonly #send: (message: ToPrimary) => void;
  readonly #waiting = new Map<number, (answer: LimitAnswer) => void>();
  #ids = 0;

  constructor(config: ProviderConfig, send: (message: ToPrimary) => void) {
    const models = [...config.models, ...config.embeddings];
    this.#limited = new Set(
      models.filter(({ limits }) => limits !== undefined).map(({ id }) => id),
    );
    this.#send = send;
  }

  admit(key: string, request: LimitRequest, answer: (answer: LimitAnswer) => void): void {
    if (!this.#limited.has(request.model)) {
      answer({ decision: { admitted: true, ticket: { settle: () => {} } }, headers: {} });
      return;
    }
    this.#ids += 1;
    this.#waiting.set(this.#ids, answer);
    this.#send({ kind: 'admit', id: this.#ids, key, request });
  }

  /** The primary has decided. */
  answered({ id, refusal, headers, servedBy, live }: ToWorker & { readonly kind: 'answer' }): void {
    const answer = this.#waiting.get(id);
    this.#waiting.delete(id);
    answer?.({
      headers,
      servedBy,
      decision:
        refusal === undefined
          ? { admitted: true, ticket: this.#ticket(id, live) }
          : { admitted: false, refusal },
    });
  }

  #ticket(id: number, live: boolean): LimitTicket {
    let reported = 0;
    return {
      progress: live
        ? (_nowMs, outputTokens) => {
            if (outputTokens - reported < PROGRESS_TOKENS) return;
            reported = outputTokens;
            this.#send({ kind: 'progress', id, outputTokens });
          }
        : undefined,
      settle: (_nowMs, used) => this.#send({ kind: 'settle', id, used }),
    };
  }
}
