import type { SessionSkeleton, StepSkeleton } from '../core/trace.ts';
import { inputTokens } from '../core/tokens.ts';

/** What a routing rule can look at before it sends a call. */
export interface CallFeatures {
  readonly inputTokens: number;
  /** Known only afterwards; a rule on it says what a perfect predictor would win. */
  readonly outputTokens: number;
  /** Place among the LLM calls of its turn. */
  readonly step: CallStep;
  /** Model that the workload was measured on, when the trace says. */
  readonly model: string | null;
}

/** `parallel`: several calls of the turn wait for the same steps, so that they run at once. */
export type CallStep = 'only' | 'first' | 'middle' | 'last' | 'parallel';

/** One comparison of a rule; a rule holds when all of its comparisons do. */
export type CallTest =
  | {
      readonly field: 'inputTokens' | 'outputTokens';
      readonly is: 'below' | 'atMost' | 'above' | 'atLeast';
      readonly value: number;
    }
  | { readonly field: 'step'; readonly is: 'equal' | 'different'; readonly value: CallStep }
  | { readonly field: 'model'; readonly is: 'equal' | 'different'; readonly value: string };

/** Every LLM call of the sessions in order, as the planner's traffic lists them. */
export function callFeatures(sessions: readonly SessionSkeleton[]): CallFeatures[] {
  return sessions.flatMap((session) =>
    session.turns.flatMap((turn) => {
      const calls = turn.steps.filter((step) => step.kind === 'llm');
      const waits = new Map<string, number>();
      for (const call of calls) waits.set(waitsFor(call), (waits.get(waitsFor(call)) ?? 0) + 1);
      return calls.map((call, index): CallFeatures => ({
        inputTokens: inputTokens(call.tokens),
        outputTokens: call.tokens.output,
        step: (waits.get(waitsFor(call)) ?? 0) > 1 ? 'parallel' : stepAt(index, calls.length),
        model: call.model ?? null,
      }));
    }),
  );
}

function waitsFor(step: StepSkeleton): string {
  return step.after.toSorted().join('\n');
}

function stepAt(index: number, calls: number): CallStep {
  if (calls === 1) return 'only';
  if (index === 0) return 'first';
  return index === calls - 1 ? 'last' : 'middle';
}

export function holds(rule: readonly CallTest[], call: CallFeatures): boolean {
  return rule.every((one) => {
    switch (one.field) {
      case 'inputTokens':
      case 'outputTokens':
        return compares(call[one.field], one.is, one.value);
      case 'step':
        return (call.step === one.value) === (one.is === 'equal');
      case 'model':
        return (call.model === one.value) === (one.is === 'equal');
    }
  });
}

function compares(
  value: number,
  is: 'below' | 'atMost' | 'above' | 'atLeast',
  bound: number,
): boolean {
  switch (is) {
    case 'below':
      return value < bound;
    case 'atMost':
      return value <= bound;
    case 'above':
      return value > bound;
    case 'atLeast':
      return value >= bound;
  }
}

/** The calls one rule takes: their share of all, and a weight of mean 1 for each. */
export interface CallClass {
  readonly share: number;
  /** Undefined when the class takes every call or none. */
  readonly selection: Float64Array | undefined;
}

/**
 * Every call goes to the first rule that holds; an empty rule holds always.
 * @returns per rule its calls, and the share that no rule takes
 */
export function classifyCalls(
  rules: readonly (readonly CallTest[])[],
  calls: readonly CallFeatures[],
): { readonly classes: readonly CallClass[]; readonly unmatched: number } {
  const counts = rules.map(() => 0);
  const chosen = calls.map((call) => rules.findIndex((rule) => holds(rule, call)));
  for (const rule of chosen) if (rule >= 0) counts[rule]! += 1;
  const matched = counts.reduce((sum, count) => sum + count, 0);
  return {
    unmatched: calls.length === 0 ? 0 : 1 - matched / calls.length,
    classes: counts.map((count, rule): CallClass => {
      const share = calls.length === 0 ? 0 : count / calls.length;
      if (count === 0 || count === calls.length) return { share, selection: undefined };
      const weight = calls.length / count;
      return { share, selection: Float64Array.from(chosen, (one) => (one === rule ? weight : 0)) };
    }),
  };
}
