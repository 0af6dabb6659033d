import type { LimitSettings } from '../../src/config/provider.ts';
import { providerConfigSchema } from '../../src/config/provider.ts';
import type { VirtualClock } from '../../src/core/clock.ts';
import type { LlmSkeleton, SessionSkeleton } from '../../src/core/trace.ts';
import { ASSUMED_TIMING } from '../../src/capacity/traffic.ts';
import type { AttemptResult, Transport, TransportCall } from '../../src/loadtest/transport.ts';
import { LocalLimitGate } from '../../src/provider/limit-gate.ts';
import type { LimitAnswer } from '../../src/provider/limit-gate.ts';

/** Generous: no profile has a longer answer. */
const MODEL_MAX_OUTPUT = 200_000;

/**
 * The simulated provider's own limiter and 429 headers in virtual time, without its sockets and
 * texts. Each call takes as long, and finds as much in the cache, as its session recorded.
 */
export class LimitedTransport implements Transport {
  readonly #clock: VirtualClock;
  readonly #gate: LocalLimitGate;
  readonly #session: (index: number) => SessionSkeleton;

  constructor(
    limits: Partial<LimitSettings> & Pick<LimitSettings, 'style'>,
    session: (index: number) => SessionSkeleton,
    clock: VirtualClock,
  ) {
    this.#clock = clock;
    this.#session = session;
    const config = providerConfigSchema.parse({
      apiVersion: 'agent-infra/v1',
      kind: 'ProviderConfig',
      models: [{ id: 'm', limits }],
    });
    this.#gate = new LocalLimitGate(config, clock, () => clock.now());
  }

  send({ session, step, turn }: TransportCall, signal: AbortSignal): Promise<AttemptResult> {
    const sentAt = this.#clock.now();
    const recorded = this.#recorded(session, turn, step.id);
    const { output, reasoning: _reasoning, ...input } = recorded.tokens;
    const answer = this.#admit({ input, output });
    const { decision } = answer;
    if (!decision.admitted) {
      return Promise.resolve({
        sentAt,
        status: 429,
        headers: { ...answer.headers, ...decision.refusal.headers },
        chunks: 0,
        endAt: sentAt,
        outcome: 'failed',
        error: 'http-429',
      });
    }
    const endAt = sentAt + durationOf(recorded);
    return new Promise((resolve) => {
      this.#clock.at(endAt, () => {
        decision.ticket.settle(endAt, recorded.tokens);
        const base = { sentAt, status: 200, headers: {}, endAt } as const;
        if (signal.aborted) resolve({ ...base, chunks: 0, outcome: 'aborted' });
        else resolve({ ...base, chunks: 1, doneAt: endAt, outcome: 'ok', usage: recorded.tokens });
      });
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #admit({
    input,
    output,
  }: {
    readonly input: Omit<LlmSkeleton['tokens'], 'output' | 'reasoning'>;
    readonly output: number;
  }): LimitAnswer {
    let given: LimitAnswer | undefined;
    const request = {
      model: 'm',
      input,
      outputCap: output,
      choices: 1,
      modelMaxOutput: MODEL_MAX_OUTPUT,
      expectedOutput: output,
    };
    this.#gate.admit('key', request, (answer) => {
      given = answer;
    });
    return given!;
  }

  #recorded(session: number, turn: number, id: string): LlmSkeleton {
    const step = this.#session(session).turns[turn]!.steps.find((one) => one.id === id);
    if (step?.kind !== 'llm') throw new Error(`no call ${id}`);
    return step;
  }
}

function durationOf({ durationMs, tokens, ttftMs }: LlmSkeleton): number {
  const { firstTokenMs, perOutputTokenMs } = ASSUMED_TIMING;
  return durationMs ?? (ttftMs ?? firstTokenMs) + tokens.output * perOutputTokenMs;
}
