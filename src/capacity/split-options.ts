import type { Dimension, Limits } from './limit.ts';
import { dimensionsOf } from './limit.ts';
import { oversizeRequests } from './limits.ts';
import { meanCall, meanDemand } from './mean-demand.ts';
import type { PlanInput, Route } from './plan-input.ts';
import { commonSelection } from './routing.ts';

/** Calls that one routing rule takes together; the split shares each class over its options. */
export interface SplitClass {
  /** The rule as written; undefined for calls that no rule takes. */
  readonly name: string | undefined;
  /** Of all LLM calls. Escalated calls count beyond 100 %. */
  readonly share: number;
  readonly selection: Route['selection'];
}

/** One provider, model and tier that may take calls. */
export interface SplitOption {
  readonly route: Route;
  readonly provider: string;
  readonly model: string;
  readonly limits: Limits;
  readonly limitPool: string;
  readonly serves: (callClass: string | undefined) => boolean;
  readonly call: (callClass: string | undefined) => OptionCall;
}

interface OptionCall {
  /** Per call. */
  readonly usd: number;
  /** In the dimension's own unit when this option takes every call. */
  readonly demand: (dimension: Dimension, at: { readonly scale: number }) => number;
}

export interface LeftOut {
  readonly provider: string;
  readonly model: string;
  readonly why: string;
}

/** Routes of the plan by their rules. A self-hosted pool keeps its calls. */
export function splitClasses(input: PlanInput): SplitClass[] {
  const byRule = new Map<string | undefined, Route[]>();
  for (const route of input.routes) {
    if (route.share === 0) continue;
    byRule.set(route.callClass, [...(byRule.get(route.callClass) ?? []), route]);
  }
  return [...byRule].map(([name, routes]) => ({
    name,
    share: routes.reduce((sum, route) => sum + route.share, 0),
    selection: commonSelection(routes),
  }));
}

/**
 * Routes and alternatives that can be judged: with a price, with limits, and not too small for the
 * requests. An alternative without a rule of its own may take any class but escalated calls.
 */
export function splitOptions(
  input: PlanInput,
  classes: readonly SplitClass[],
): { readonly options: readonly SplitOption[]; readonly leftOut: readonly LeftOut[] } {
  const options: SplitOption[] = [];
  const leftOut: LeftOut[] = [];
  const candidates = [
    ...input.routes.map((route) => ({ route, isAlternative: false })),
    ...input.alternatives.map((route) => ({ route, isAlternative: true })),
  ];
  for (const { route, isAlternative } of candidates) {
    const { provider, model } = route;
    const why = unusable(input, route);
    if (why !== undefined) {
      leftOut.push({ provider, model, why });
      continue;
    }
    const escalated = new Set(
      input.routes
        .filter(({ escalatedFrom }) => escalatedFrom !== undefined)
        .map(({ callClass }) => callClass),
    );
    const serves = (name: string | undefined): boolean =>
      route.callClass === name ||
      (isAlternative && route.callClass === undefined && !escalated.has(name));
    const calls = new Map(
      classes.map(({ name, selection }) => [name, optionCall(input, { ...route, selection })]),
    );
    const { limits, limitPool } = route;
    options.push({
      route,
      provider,
      model,
      limits,
      limitPool,
      serves,
      call: (name) => calls.get(name)!,
    });
  }
  return { options, leftOut };
}

function unusable(input: PlanInput, route: Route): string | undefined {
  if (!input.traffic.tokensKnown) return 'the workload gives no token counts';
  if (route.price === null) return 'no price is known';
  if (dimensionsOf(route.limits).length === 0) return 'no limits are known';
  const oversize = oversizeRequests({ ...input, routes: [route] });
  return oversize.length === 0 ? undefined : 'some requests are larger than its limit';
}

function optionCall(input: PlanInput, route: Route): OptionCall {
  const all: Route = { ...route, share: 1 };
  const known = new Map<Dimension, number>();
  return {
    usd: meanCall(input.traffic, all).costUsd ?? 0,
    demand: (dimension, { scale }) => {
      const mean = known.get(dimension) ?? meanDemand(input, all, dimension) ?? 0;
      known.set(dimension, mean);
      return mean * scale;
    },
  };
}
