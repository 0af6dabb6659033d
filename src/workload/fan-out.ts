import { inputTokens } from '../core/tokens.ts';
import type { LlmCall, Session, Step } from '../core/trace.ts';
import { sessionOrder } from './order-key.ts';
import type { OrderKey } from './order-key.ts';
import { Series } from './series.ts';
import type { SeriesState } from './series.ts';
import { isGeneration } from './session-fold.ts';
import type { Summary } from './summary.ts';

/** How work spreads out inside turns, and what it costs to bring it together again. */
export interface FanOutProfile {
  /** Tools that one answer asks for; answers without tools are left out. */
  readonly toolsPerAnswer: Summary | null;
  /** LLM calls that follow one and the same call, where there are two or more. */
  readonly spawnWidth: Summary | null;
  /** Results that a call waits for, where there are two or more (tools, sub-agents). */
  readonly joinWidth: Summary | null;
  /**
   * Join spike: input of such a call minus the input of the same agent's call before it. All
   * results come back at once, and with them a burst of uncached tokens.
   */
  readonly joinSpike: Summary | null;
}

const SERIES = ['toolsPerAnswer', 'spawnWidth', 'joinWidth', 'joinSpike'] as const;

/** Folds sessions into fan-out figures. */
export class FanOutFold {
  readonly #series = {
    toolsPerAnswer: new Series(),
    spawnWidth: new Series(),
    joinWidth: new Series(),
    joinSpike: new Series(),
  } satisfies Record<(typeof SERIES)[number], Series>;

  /** Tools and calls that follow each step of the turn at hand. */
  readonly #tools: number[] = [];
  readonly #calls: number[] = [];

  add(session: Session): void {
    const keyAt = sessionOrder(session);
    /** Input of each agent's last call. */
    const inputs = new Map<string, number>();
    for (const { steps } of session.turns) {
      if (steps.length < 2) {
        for (const step of steps) if (isGeneration(step)) remember(inputs, step);
        continue;
      }
      this.#turn(steps, inputs, keyAt);
    }
  }

  state(): FanOutFoldState {
    return SERIES.map((name) => this.#series[name].state());
  }

  merge(state: FanOutFoldState): void {
    for (const [index, name] of SERIES.entries()) this.#series[name].merge(state[index]!);
  }

  figures(): FanOutProfile {
    const { toolsPerAnswer, spawnWidth, joinWidth, joinSpike } = this.#series;
    return {
      toolsPerAnswer: toolsPerAnswer.summary(),
      spawnWidth: spawnWidth.summary(),
      joinWidth: joinWidth.summary(),
      joinSpike: joinSpike.summary(),
    };
  }

  #turn(
    steps: readonly Step[],
    inputs: Map<string, number>,
    keyAt: (startMs: number) => OrderKey,
  ): void {
    const places = this.#follow(steps);
    for (const step of steps) {
      if (!isGeneration(step)) continue;
      const width = resultsFor(step, steps, places);
      if (width > 1) this.#join(step, width, inputs.get(step.agent ?? ''), keyAt(step.startMs));
      remember(inputs, step);
    }
    const { toolsPerAnswer, spawnWidth } = this.#series;
    for (const step of steps) {
      if (!isGeneration(step)) continue;
      const place = places.get(step.id)!;
      const [tools, calls] = [this.#tools[place]!, this.#calls[place]!];
      const key = tools + calls > 0 ? keyAt(step.startMs) : 0;
      if (tools > 0) toolsPerAnswer.add(tools, key);
      if (calls > 1) spawnWidth.add(calls, key);
    }
  }

  /** Counts the tools and calls after each step; gives the places of the counts by id. */
  #follow(steps: readonly Step[]): ReadonlyMap<string, number> {
    const places = new Map<string, number>();
    for (let place = 0; place < steps.length; place += 1) {
      places.set(steps[place]!.id, place);
      this.#tools[place] = 0;
      this.#calls[place] = 0;
    }
    for (const step of steps) {
      const isCall = isGeneration(step);
      if (!isCall && step.kind !== 'tool') continue;
      for (const id of step.after) {
        const place = places.get(id);
        if (place === undefined) continue;
        if (isCall) this.#calls[place]! += 1;
        else this.#tools[place]! += 1;
      }
    }
    return places;
  }

  #join(call: LlmCall, width: number, before: number | undefined, key: OrderKey): void {
    this.#series.joinWidth.add(width, key);
    if (before !== undefined && call.tokensBasis !== 'missing') {
      this.#series.joinSpike.add(inputTokens(call.tokens) - before, key);
    }
  }
}

export type FanOutFoldState = readonly SeriesState[];

function remember(inputs: Map<string, number>, { agent, tokens, tokensBasis }: LlmCall): void {
  if (tokensBasis !== 'missing') inputs.set(agent ?? '', inputTokens(tokens));
}

/** A sub-agent may show twice: as the tool that started it and as its own last call. */
function resultsFor(
  { after }: LlmCall,
  steps: readonly Step[],
  places: ReadonlyMap<string, number>,
): number {
  if (after.length < 2) return after.length;
  let calls = 0;
  for (const id of after) if (steps[places.get(id) ?? -1]?.kind === 'llm') calls += 1;
  return Math.max(calls, after.length - calls);
}
