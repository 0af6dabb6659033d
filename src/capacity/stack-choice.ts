import { formatUsd } from '../core/units.ts';
import { formatScale } from './limit.ts';
import { COMPONENT_TITLES } from './stack-load.ts';
import type { Component, StackLoad } from './stack-load.ts';
import { describeCost, sizeOption } from './stack-option.ts';
import type {
  ExcludedOption,
  Feature,
  SizedOption,
  SizingRules,
  StackOption,
} from './stack-option.ts';

/** A component of the plan: the options that may serve it. */
export interface ComponentNeed {
  readonly component: Component;
  /** `auto`, or the option or family that the plan asks for. */
  readonly choose: string;
  readonly options: readonly StackOption[];
  readonly features: readonly Feature[];
  /** Clouds that the plan runs in; services reached from any cloud always count. */
  readonly clouds: readonly string[];
}

/** What was chosen for a component at one scale, and why. */
export interface ComponentChoice {
  readonly component: Component;
  readonly choose: string;
  /** Null: no option carries the load; cost is then unknown, never 0. */
  readonly chosen: SizedOption | null;
  readonly runnerUp: SizedOption | null;
  readonly why: string;
  /** All that carry the load, cheapest first. */
  readonly ranked: readonly SizedOption[];
  readonly excluded: readonly ExcludedOption[];
}

export const ANY_CLOUD = 'any';

/**
 * The cheapest option that carries the load: infrastructure and the team's hours. Ties go to the
 * option with less work, then to the catalog's order.
 */
export function chooseOption(
  need: ComponentNeed,
  load: StackLoad,
  rules: SizingRules,
): ComponentChoice {
  const excluded: ExcludedOption[] = [];
  const ranked: SizedOption[] = [];
  for (const option of need.options) {
    const reason = misfit(option, need);
    if (reason !== undefined) {
      excluded.push({ option: option.name, title: option.title, reason, kind: 'fit' });
      continue;
    }
    const outcome = sizeOption(option, load, rules);
    if (outcome.fits) ranked.push(outcome.sized);
    else excluded.push(outcome.excluded);
  }
  ranked.sort((a, b) => a.usdPerMonth - b.usdPerMonth || a.opsHoursPerMonth - b.opsHoursPerMonth);
  const [chosen = null, runnerUp = null] = ranked;
  const { component, choose } = need;
  const why = reasonFor(need, chosen, runnerUp, excluded);
  return { component, choose, chosen, runnerUp, why, ranked, excluded };
}

function misfit(option: StackOption, need: ComponentNeed): string | undefined {
  const { choose, clouds, features } = need;
  if (choose !== 'auto' && choose !== option.name && choose !== option.family) {
    return `the plan asks for ${choose}`;
  }
  const isNamed = choose === option.name;
  if (!isNamed && option.cloud !== ANY_CLOUD && !clouds.includes(option.cloud)) {
    return `runs on ${option.cloud}; the plan runs on ${clouds.join(', ')}`;
  }
  const missing = features.find((feature) => !option.features.includes(feature));
  return missing === undefined ? undefined : MISSING_FEATURE[missing];
}

const MISSING_FEATURE: Readonly<Record<Feature, string>> = {
  ordered: 'does not keep the order of a session’s messages',
  durable: 'does not survive a restart',
};

function reasonFor(
  { component, choose }: ComponentNeed,
  chosen: SizedOption | null,
  runnerUp: SizedOption | null,
  excluded: readonly ExcludedOption[],
): string {
  if (chosen === null) {
    const told = excluded.filter((one) => one.kind !== 'fit');
    const reasons = (told.length > 0 ? told : excluded).map((one) => `${one.title}: ${one.reason}`);
    return `no option for ${COMPONENT_TITLES[component]}: ${reasons.join('; ')}`;
  }
  const asked = choose === 'auto' ? '' : 'asked for by the plan; ';
  const cost = `${asked}${describeCost(chosen)}`;
  if (runnerUp === null) return cost;
  const more = runnerUp.usdPerMonth - chosen.usdPerMonth;
  return `${cost}, ${formatUsd(more)} less than ${runnerUp.title}${comparison(chosen, runnerUp)}`;
}

/** What the difference is made of, when one part works against the other. */
function comparison(chosen: SizedOption, other: SizedOption): string {
  const infra = other.infraUsdPerMonth - chosen.infraUsdPerMonth;
  const ops = other.opsUsdPerMonth - chosen.opsUsdPerMonth;
  const skill =
    other.missingSkills.length > 0 && chosen.missingSkills.length === 0
      ? `; the team lacks ${other.missingSkills.join(', ')} for it`
      : '';
  if (infra < 0) return `, which costs ${formatUsd(-infra)} less to rent but more to run${skill}`;
  if (ops < 0) return `, which costs ${formatUsd(-ops)} less to run but more to rent${skill}`;
  return skill;
}

/** Where the choice for a component changes as the load grows. */
export interface Flip {
  readonly component: Component;
  readonly atScale: number;
  readonly from: string | null;
  readonly to: string | null;
  readonly text: string;
}

/** Points between two scales at which the choice is looked at before narrowing down. */
const PROBES = 24;
/** Halvings of the gap between two probes: below a thousandth of a scale. */
const HALVINGS = 12;

/** Every change of the choice between the smallest and the largest scale. */
export function findFlips(
  scales: readonly number[],
  choiceAt: (scale: number) => ComponentChoice,
): Flip[] {
  const first = scales[0];
  const last = scales.at(-1);
  if (first === undefined || last === undefined || last <= first) return [];
  const flips: Flip[] = [];
  let low = first;
  let before = choiceAt(low);
  for (let probe = 1; probe <= PROBES; probe += 1) {
    const high = first * (last / first) ** (probe / PROBES);
    const after = choiceAt(high);
    // A gap may hold several changes: each is looked for from the one before it.
    while (nameOf(after) !== nameOf(before)) {
      const name = nameOf(before);
      low = narrow(low, high, (scale) => nameOf(choiceAt(scale)) === name);
      const changed = choiceAt(low);
      flips.push(flip(before, changed, low));
      before = changed;
    }
    low = high;
    before = after;
  }
  return flips;
}

function nameOf({ chosen }: ComponentChoice): string | null {
  return chosen?.option ?? null;
}

function narrow(low: number, high: number, isBefore: (scale: number) => boolean): number {
  let below = low;
  let above = high;
  for (let step = 0; step < HALVINGS; step += 1) {
    const middle = (below + above) / 2;
    if (isBefore(middle)) below = middle;
    else above = middle;
  }
  return above;
}

function flip(before: ComponentChoice, after: ComponentChoice, atScale: number): Flip {
  const from = before.chosen;
  const to = after.chosen;
  const limit = after.excluded.find((one) => one.option === from?.option && one.kind === 'limit');
  const because = limit === undefined ? 'it is cheaper from there' : limit.reason;
  const text =
    to === null
      ? `from ${formatScale(atScale)} nothing carries the load: ${after.why}`
      : `from ${formatScale(atScale)} ${to.title} instead of ${from?.title ?? 'nothing'}: ${because}`;
  return {
    component: after.component,
    atScale,
    from: nameOf(before),
    to: nameOf(after),
    text,
  };
}
