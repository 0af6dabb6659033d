import { classifyCalls } from '../capacity/routing-classes.ts';
import type { CallClass, CallFeatures } from '../capacity/routing-classes.ts';
import type { PlanInput, Route, SelfHosted } from '../capacity/plan-input.ts';
import { routeTokens } from '../capacity/routing.ts';
import type { Traffic } from '../capacity/traffic.ts';
import type { AlternativeDocument, PlanDocument } from '../config/plan.ts';
import { formatCount, formatShare, round } from '../core/units.ts';
import { AgentInfraError } from '../errors.ts';
import type { WorkloadProfile } from '../workload/workload-profile.ts';
import type { Notes } from './plan-notes.ts';
import { resolveRoute } from './plan-route.ts';
import type { Catalogs } from './providers.ts';
import { tokenizerFactor } from './tokenizers.ts';

/** What routing rules look at, and what they are resolved against. */
export interface RoutedWorkload {
  readonly traffic: Traffic;
  /** One entry per call of the traffic. */
  readonly features: readonly CallFeatures[];
  readonly profile: WorkloadProfile | undefined;
}

export interface RouteContext {
  readonly file: string;
  /** ISO day whose prices hold. */
  readonly day: string;
  readonly catalogs: Catalogs;
}

type Routing = Pick<PlanInput, 'routes' | 'alternatives'> & {
  /** Of all calls, for the self-hosted pool. */
  readonly pool: Pick<SelfHosted, 'share' | 'selection'>;
};

/** Routes and alternatives with the calls that each rule takes. @throws when calls match no rule */
export function planRoutes(
  plan: PlanDocument,
  workload: RoutedWorkload,
  context: RouteContext,
  notes: Notes,
): Routing {
  const documents = plan.routes ?? [];
  const withoutRule = documents.filter(({ when }) => when === undefined);
  const rules = [...new Map(documents.map(({ when }) => [when?.text, when?.tests ?? []]))];
  // The rest is judged last, wherever it is written: every rule before it has its chance.
  const ordered = rules.toSorted(([a], [b]) => Number(a === undefined) - Number(b === undefined));
  if (plan.pool !== undefined && withoutRule.length === 0) ordered.push([undefined, []]);
  checkRules(ordered, workload, context);
  const { classes, unmatched } = classifyCalls(
    ordered.map(([, tests]) => tests),
    workload.features,
  );
  if (unmatched > 0) {
    throw new AgentInfraError(
      'config.invalid',
      `${context.file}: routes: ${formatShare(round(unmatched, 4))} of the calls match no rule`,
      { hint: 'Add a route without "when" for the rest.' },
    );
  }
  const classOf = (rule: string | undefined): CallClass =>
    classes[ordered.findIndex(([text]) => text === rule)] ?? { share: 1, selection: undefined };
  for (const [text] of ordered) {
    if (text === undefined) continue;
    const { share } = classOf(text);
    const why = share === 0 ? 'no call of the workload matches' : 'measured on the workload';
    notes.say(`routes "${text}"`, `${formatShare(round(share, 4))} of the calls`, why);
  }
  const resolve = (document: AlternativeDocument, key: string): Route => {
    const route = resolveRoute(document, key, context.day, context.catalogs, notes);
    return rescaled(route, document, key, workload, notes);
  };
  const rest = 1 - (plan.pool?.share ?? 0);
  const routes = documents.map((document, index): Route => {
    const own = classOf(document.when?.text);
    const share = document.share ?? (document.when === undefined ? rest : 1);
    return {
      ...resolve(document, `routes.${index}`),
      share: own.share * share,
      batchShare: document.batchShare ?? 0,
      callClass: document.when?.text,
      selection: own.selection,
    };
  });
  const given = documents.reduce(
    (sum, one) => sum + (one.when === undefined ? (one.share ?? 0) : 0),
    0,
  );
  const others = classOf(undefined);
  return {
    routes: [...routes, ...escalated(documents, routes, resolve)],
    alternatives: (plan.alternatives ?? []).map((document, index) => ({
      ...resolve(document, `alternatives.${index}`),
      callClass: document.when?.text,
    })),
    pool: {
      share: (plan.pool?.share ?? 1 - given) * others.share,
      selection: others.selection,
    },
  };
}

function checkRules(
  rules: readonly (readonly [string | undefined, readonly { readonly field: string }[]])[],
  { traffic, features }: RoutedWorkload,
  { file }: RouteContext,
): void {
  for (const [text, tests] of rules) {
    const onSize = tests.some(({ field }) => field.endsWith('Tokens'));
    const onModel = tests.some(({ field }) => field === 'model');
    const lacks =
      onSize && !traffic.tokensKnown
        ? 'the workload gives no token counts'
        : onModel && features.every(({ model }) => model === null)
          ? 'the workload names no models'
          : undefined;
    if (lacks === undefined) continue;
    throw new AgentInfraError('workload.insufficient', `${file}: routes: "${text}": ${lacks}`);
  }
}

/** Routes that are asked again, each an own class of calls beyond those of the workload. */
function escalated(
  documents: NonNullable<PlanDocument['routes']>,
  routes: readonly Route[],
  resolve: (document: AlternativeDocument, key: string) => Route,
): Route[] {
  return documents.flatMap(({ escalate }, index): Route[] => {
    if (escalate === undefined) return [];
    const from = routes[index]!;
    return [
      {
        ...resolve(escalate, `routes.${index}.escalate`),
        share: from.share * escalate.share,
        batchShare: 0,
        callClass: `escalated from ${from.provider} ${from.model}`,
        selection: from.selection,
        escalatedFrom: index,
      },
    ];
  });
}

/** The route with its own tokenizer's factor and smallest cacheable prompt. */
function rescaled(
  route: Route,
  document: AlternativeDocument,
  key: string,
  { traffic, profile }: RoutedWorkload,
  notes: Notes,
): Route {
  const factor = factorOf(route, document, key, profile, notes);
  const own = factor === 1 ? route : { ...route, tokenFactor: factor };
  if (own.minCacheableTokens === undefined || !traffic.tokensKnown) return own;
  let reads = 0;
  let refused = 0;
  for (const { calls } of traffic.sessions) {
    for (const { tokens } of calls) {
      if (tokens.cacheRead === 0) continue;
      reads += 1;
      if (routeTokens(own, tokens).cacheRead === 0) refused += 1;
    }
  }
  if (refused > 0) {
    notes.say(
      `${key}.minCacheablePrompt`,
      `${formatCount(own.minCacheableTokens)} tokens`,
      `${formatShare(round(refused / reads, 3))} of the calls that read the cache are too short for ${route.model}: billed uncached`,
    );
  }
  return own;
}

function factorOf(
  route: Route,
  { tokenFactor }: AlternativeDocument,
  key: string,
  profile: WorkloadProfile | undefined,
  notes: Notes,
): number {
  if (typeof tokenFactor === 'object') {
    const { factor, source: page } = tokenFactor;
    notes.sources.push({ of: `${key}.tokenFactor`, page, date: '', basis: 'given' });
    return factor;
  }
  if (tokenFactor !== undefined) return tokenFactor;
  const answer = tokenizerFactor(profile?.models ?? [], route.model);
  switch (answer.kind) {
    case 'same':
    case 'unknown':
      return 1;
    case 'factor':
      return notes.take(
        `${key}.tokenFactor`,
        answer.factor,
        String(round(answer.factor, 3)),
        answer.why,
      );
    case 'unpublished':
      notes.say(
        `${key}.tokenFactor`,
        '1',
        `measured with the tokenizer of ${answer.from}, ${answer.to} may differ by ±15 %; no factor is published`,
      );
      return 1;
  }
}
