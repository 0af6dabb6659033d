import { formatDuration, formatShare, MS_PER_SECOND } from '../core/units.ts';
import type { InfraCost } from './infra.ts';
import { stackLoad } from './stack-activity.ts';
import type { StackTraffic } from './stack-activity.ts';
import { ANY_CLOUD, chooseOption, findFlips } from './stack-choice.ts';
import type { ComponentChoice, ComponentNeed, Flip } from './stack-choice.ts';
import { latencyBudget } from './stack-latency.ts';
import type { LatencyBudget, RequestClass } from './stack-latency.ts';
import type { StackLoad } from './stack-load.ts';
import type { OptionAssumption, SizingRules } from './stack-option.ts';
import type { StackSizes } from './stack-sizes.ts';
import { shareLonger } from './stack-workload.ts';
import type { StackWorkload } from './stack-workload.ts';

/** The stack part of a plan, decided: what is needed, what there is, and by which rules to choose. */
export interface StackInput {
  readonly needs: readonly ComponentNeed[];
  readonly rules: SizingRules;
  readonly sizes: StackSizes;
  readonly workload: StackWorkload;
  readonly latency: readonly RequestClass[];
  /** p95 of the measured time to first token; null: not measured. */
  readonly firstTokenP95Ms: number | null;
}

/** The stack at one scale. */
export interface StackScale {
  readonly scale: number;
  readonly components: readonly ComponentChoice[];
  /** Null as soon as one component has no option. */
  readonly infraUsdPerMonth: number | null;
  readonly opsUsdPerMonth: number | null;
  readonly opsHoursPerMonth: number | null;
  readonly lines: readonly InfraCost[];
  readonly latency: readonly LatencyBudget[];
  readonly notes: readonly string[];
  readonly load: StackLoad;
  readonly traffic: StackTraffic;
}

export interface StackPlan {
  readonly scales: readonly StackScale[];
  readonly flips: readonly Flip[];
  /** Of the options that were chosen at any scale. */
  readonly assumed: readonly (OptionAssumption & { readonly option: string })[];
  readonly rules: SizingRules;
}

/** The stack at every scale, and where its choices change in between. */
export function planStack(
  input: StackInput,
  scales: readonly number[],
  trafficAt: (scale: number) => StackTraffic,
): StackPlan {
  const flips = input.needs.flatMap((_need, index) =>
    findFlips(scales, (scale) => {
      const load = stackLoad(trafficAt(scale), input.workload, input.sizes);
      return chooseAll(input, load)[index]!;
    }),
  );
  const planned = scales.map((scale) => stackAt(input, trafficAt(scale)));
  return {
    scales: planned,
    assumed: assumedOf(input, planned),
    flips: flips.toSorted((a, b) => a.atScale - b.atScale),
    rules: input.rules,
  };
}

function assumedOf(input: StackInput, scales: readonly StackScale[]): StackPlan['assumed'] {
  const named = new Set(
    scales.flatMap(({ components }) => components.map(({ chosen }) => chosen?.option)),
  );
  return input.needs
    .flatMap(({ options }) => options)
    .filter((option) => named.has(option.name))
    .flatMap((option) => option.assumed.map((one) => ({ option: option.title, ...one })));
}

/** In the order of the needs; a network is that of the cloud in which the traffic starts. */
function chooseAll({ needs, rules }: StackInput, load: StackLoad): ComponentChoice[] {
  const choices = new Map<string, ComponentChoice>();
  const later = (need: ComponentNeed): boolean => need.component === 'network';
  for (const need of needs) {
    if (!later(need)) choices.set(need.component, chooseOption(need, load, rules));
  }
  // The gateway sends the prompts and the answers; without one the workers do.
  const starts = choices.get('gateway') ?? choices.get('compute');
  const cloud = needs
    .flatMap(({ options }) => options)
    .find((option) => option.name === starts?.chosen?.option)?.cloud;
  return needs.map((need) => {
    const choice = choices.get(need.component);
    if (choice !== undefined) return choice;
    const isBound = cloud !== undefined && cloud !== ANY_CLOUD;
    return chooseOption(isBound ? { ...need, clouds: [cloud] } : need, load, rules);
  });
}

/** Chooses, sizes and prices every component for one scale; nothing is scaled from another. */
export function stackAt(input: StackInput, traffic: StackTraffic): StackScale {
  const load = stackLoad(traffic, input.workload, input.sizes);
  const components = chooseAll(input, load);
  const chosen = components.map((one) => one.chosen);
  const all = chosen.filter((one) => one !== null);
  const isComplete = all.length === chosen.length;
  const sum = (value: (one: (typeof all)[number]) => number): number | null =>
    isComplete ? all.reduce((total, one) => total + value(one), 0) : null;
  const latencies = new Map(
    input.needs.flatMap(({ options }) => options.map((one) => [one.name, one.typicalMs] as const)),
  );
  return {
    scale: traffic.scale,
    components,
    infraUsdPerMonth: sum((one) => one.infraUsdPerMonth),
    opsUsdPerMonth: sum((one) => one.opsUsdPerMonth),
    opsHoursPerMonth: sum((one) => one.opsHoursPerMonth),
    lines: components.flatMap(({ component, chosen: one }) =>
      (one?.lines ?? []).map((line) => ({ ...line, name: `${component}: ${line.name}` })),
    ),
    latency: input.latency.map((request) =>
      latencyBudget(
        request,
        components,
        (option) => latencies.get(option) ?? null,
        input.firstTokenP95Ms,
      ),
    ),
    notes: [
      ...all.flatMap((one) => one.notes.map((note) => `${one.title}: ${note}`)),
      ...cutTurns(input, components),
    ],
    load,
    traffic,
  };
}

/** Turns that the chosen platform would cut off: below the p95, so it was not excluded. */
function cutTurns({ needs, workload }: StackInput, choices: readonly ComponentChoice[]): string[] {
  const choice = choices.find((one) => one.component === 'compute')?.chosen;
  const option = needs
    .find((need) => need.component === 'compute')
    ?.options.find((one) => one.name === choice?.option);
  const limit = option?.limits.find((one) => one.load === 'turnSecondsP95');
  if (option === undefined || limit === undefined) return [];
  const share = shareLonger(workload, limit.atMost);
  if (share === 0) return [];
  const time = formatDuration(limit.atMost * MS_PER_SECOND);
  return [
    `${option.title}: ${formatShare(share)} of turns take longer than ${time} and are cut off`,
  ];
}
