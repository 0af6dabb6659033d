import type { LlmCall, Session } from '../core/trace.ts';
import { sessionOrder, textHash, timeKey, untimedKey } from './order-key.ts';
import { Series } from './series.ts';
import type { SeriesState } from './series.ts';
import { isGeneration } from './session-fold.ts';
import type { Summary } from './summary.ts';

/** What the source states itself, beside times and usage of calls; nothing here is computed. */
export interface StatedFigures {
  /** US dollars per call that has a recorded cost; the sum is what these calls cost. */
  readonly costUsd: Summary | null;
  /** Tokens of tool definitions and of the system prompt of the main agent, per session. */
  readonly toolTokens: Summary | null;
  readonly systemTokens: Summary | null;
  /** Tokens per sub-agent as the source sums them up. */
  readonly subAgentTokens: Summary | null;
}

const SERIES = ['costUsd', 'toolTokens', 'systemTokens', 'subAgentTokens'] as const;

/** Gathers what sources state. */
export class StatedFold {
  readonly #series = {
    costUsd: new Series(),
    toolTokens: new Series(),
    systemTokens: new Series(),
    subAgentTokens: new Series(),
  } satisfies Record<(typeof SERIES)[number], Series>;

  /** A call that belongs to no session. */
  call({ startMs, details }: LlmCall): void {
    const cost = details?.costUsd;
    if (cost === undefined) return;
    const key = Number.isFinite(startMs) ? timeKey(startMs) : untimedKey(textHash(String(cost)), 0);
    this.#series.costUsd.add(cost, key);
  }

  session(session: Session): void {
    let keyAt: ReturnType<typeof sessionOrder> | undefined;
    for (const { steps } of session.turns) {
      for (const step of steps) {
        if (step.kind !== 'llm' || step.details?.costUsd === undefined) continue;
        if (!isGeneration(step)) continue;
        keyAt ??= sessionOrder(session);
        this.#series.costUsd.add(step.details.costUsd, keyAt(step.startMs));
      }
    }
    const { stated } = session;
    if (stated === undefined) return;
    keyAt ??= sessionOrder(session);
    const startMs = session.turns[0]?.startMs ?? Number.NaN;
    this.#series.toolTokens.add(stated.toolTokens, keyAt(startMs));
    this.#series.systemTokens.add(stated.systemTokens, keyAt(startMs));
    for (const tokens of stated.subAgentTokens) {
      this.#series.subAgentTokens.add(tokens, keyAt(startMs));
    }
  }

  state(): StatedFoldState {
    return SERIES.map((name) => this.#series[name].state());
  }

  merge(state: StatedFoldState): void {
    for (const [index, name] of SERIES.entries()) this.#series[name].merge(state[index]!);
  }

  /** Null when the source states none of it. */
  figures(): StatedFigures | null {
    const { costUsd, toolTokens, systemTokens, subAgentTokens } = this.#series;
    const figures = {
      costUsd: costUsd.summary(),
      toolTokens: toolTokens.summary(),
      systemTokens: systemTokens.summary(),
      subAgentTokens: subAgentTokens.summary(),
    };
    return Object.values(figures).every((summary) => summary === null) ? null : figures;
  }
}

export type StatedFoldState = readonly SeriesState[];
