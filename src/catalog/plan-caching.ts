import { cachedShare, withPromptCaching } from '../capacity/caching.ts';
import type { PlanInput, Route } from '../capacity/plan-input.ts';
import type { PlanDocument } from '../config/plan.ts';
import { formatShare, round } from '../core/units.ts';
import { AgentInfraError } from '../errors.ts';
import { givenSource } from './plan-notes.ts';
import type { Notes } from './plan-notes.ts';
import { profileDate } from './plan-workload.ts';
import type { PlanWorkload } from './plan-workload.ts';

type Caching = NonNullable<PlanDocument['caching']>;
type PromptDocument = NonNullable<Caching['prompt']>;

/** The workload with the prompt caching that the plan asks for. @throws workload.insufficient */
export function cachedWorkload(
  plan: PlanDocument,
  workload: PlanWorkload,
  file: string,
  notes: Notes,
): PlanWorkload {
  const prompt = plan.caching?.prompt;
  if (prompt?.hitRate === undefined) return workload;
  if (!workload.traffic.tokensKnown) {
    throw new AgentInfraError(
      'workload.insufficient',
      `${file}: caching.prompt.hitRate: the workload gives no token counts`,
    );
  }
  const lifetime = prompt.lifetime ?? '5m';
  if (prompt.lifetime === undefined) {
    notes.say('caching.prompt.lifetime', '5m', 'the shorter and cheaper one');
  }
  const { hitRate, source } = hitRateOf(prompt, lifetime, workload, file);
  notes.sources.push(source);
  const written =
    prompt.written ??
    notes.take(
      'caching.prompt.written',
      1,
      '100%',
      'what is not read is written, as with a cache breakpoint at the end of each prompt',
    );
  return {
    ...workload,
    traffic: withPromptCaching(workload.traffic, { hitRate, written, lifetime }),
  };
}

function hitRateOf(
  { hitRate, source }: PromptDocument,
  lifetime: '5m' | '1h',
  { profile }: PlanWorkload,
  file: string,
): { readonly hitRate: number; readonly source: Notes['sources'][number] } {
  const of = 'caching.prompt.hitRate';
  if (hitRate !== 'possible') {
    const given = givenSource(of);
    return { hitRate: hitRate!, source: source === undefined ? given : { ...given, page: source } };
  }
  const prefix = profile?.cache.prefix;
  if (profile === undefined || prefix == null) {
    throw new AgentInfraError(
      'workload.insufficient',
      `${file}: caching.prompt.hitRate: the workload has no prefixes to say what is possible`,
      { hint: 'Give a share, such as hitRate: 80%.' },
    );
  }
  return {
    hitRate: lifetime === '5m' ? prefix.ttl.m5 : prefix.ttl.h1,
    source: {
      of,
      page: `profile ${profile.name}: equal prefixes within ${lifetime === '5m' ? '5 minutes' : 'an hour'}`,
      date: profileDate(profile),
      basis: 'measured',
    },
  };
}

/** Differences below this are no reason to speak. */
const WORTH_SAYING = 0.1;

/** What the workload's prefixes would allow and its traffic does not read. */
export function cacheWarning(plan: PlanDocument, { profile, traffic }: PlanWorkload): string[] {
  const possible = profile?.cache.prefix?.ttl.m5;
  if (possible === undefined || plan.caching?.prompt?.hitRate !== undefined) return [];
  const read = cachedShare(traffic);
  if (!traffic.tokensKnown || possible - read < WORTH_SAYING) return [];
  return [
    `planned with ${formatShare(round(read, 3))} of the input read from the prompt cache; the workload’s prefixes allow ${formatShare(round(possible, 3))} within 5 minutes: say so with caching.prompt.hitRate`,
  ];
}

/** Shares of routes and pool without the calls that response caches answer. */
export function withoutCached<T extends Pick<PlanInput, 'routes' | 'alternatives'> & Pooled>(
  routing: T,
  answered: number,
): T {
  if (answered === 0) return routing;
  const fewer = <S extends { readonly share: number }>(one: S): S => ({
    ...one,
    share: one.share * (1 - answered),
  });
  return { ...routing, routes: routing.routes.map(fewer), pool: fewer(routing.pool) };
}

interface Pooled {
  readonly pool: { readonly share: number };
}

/** Share of the calls that the plan's response caches answer, exact ones first. */
export function answeredFromCache({ caching }: PlanDocument, notes: Notes): number {
  let left = 1;
  for (const name of ['exact', 'semantic'] as const) {
    const cache = caching?.[name];
    if (cache === undefined) continue;
    left *= 1 - cache.hitRate;
    const given = givenSource(`caching.${name}.hitRate`);
    notes.sources.push(cache.source === undefined ? given : { ...given, page: cache.source });
  }
  if (left < 1) {
    const why = 'calls of every kind alike; they keep their time and their place in the turn';
    notes.say('caching', `${formatShare(round(1 - left, 4))} of the calls answered`, why);
  }
  return 1 - left;
}

/** Says what is taken for cache keys where the provider names a rate per key. */
export function noteKeys(plan: PlanDocument, routes: readonly Route[], notes: Notes): void {
  if (plan.caching?.prompt?.keys !== undefined) return;
  const route = routes.find(({ cacheKeyRpm }) => cacheKeyRpm !== undefined);
  if (route === undefined) return;
  notes.say(
    'caching.prompt.keys',
    'one per session',
    `above ${route.cacheKeyRpm} requests a minute per key ${route.provider} may miss; give keys when sessions share them`,
  );
}
