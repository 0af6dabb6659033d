import type { LlmCall } from '../core/trace.ts';
import { inputTokens } from '../core/tokens.ts';
import { NamedTotals } from './named-totals.ts';
import type { ModelShare } from './workload-profile.ts';

/** Distinct model names kept apart. */
const MOST_MODELS = 1000;
const UNKNOWN_MODEL = '(unknown)';

interface Totals {
  calls: number;
  input: number;
  output: number;
}

export type ModelSharesState = readonly (readonly [string, Readonly<Totals>])[];

/** Calls and tokens by model. */
export class ModelShares {
  readonly #models = new NamedTotals<Totals>(
    MOST_MODELS,
    () => ({ calls: 0, input: 0, output: 0 }),
    join,
  );

  add({ model, tokens }: LlmCall): void {
    const totals = this.#models.of(model ?? UNKNOWN_MODEL);
    totals.calls += 1;
    totals.input += inputTokens(tokens);
    totals.output += tokens.output;
  }

  state(): ModelSharesState {
    return this.#models.entries().map(([name, totals]) => [name, { ...totals }]);
  }

  merge(state: ModelSharesState): void {
    for (const [name, totals] of state) join(this.#models.of(name), totals);
  }

  /** Most called first; empty when no call names its model. */
  shares(): ModelShare[] {
    const models = this.#models.entries();
    if (models.length === 1 && models[0]![0] === UNKNOWN_MODEL) return [];
    return models
      .map(([model, { calls, input, output }]) => ({
        model,
        calls,
        inputTokens: input,
        outputTokens: output,
      }))
      .toSorted((a, b) => b.calls - a.calls);
  }
}

function join(into: Totals, { calls, input, output }: Readonly<Totals>): void {
  into.calls += calls;
  into.input += input;
  into.output += output;
}
