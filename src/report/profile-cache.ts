import { formatCount, formatShare, round } from '../core/units.ts';
import type { CacheProfile, PrefixReuse } from '../workload/cacheability.ts';
import type { CacheMisses, MissCause } from '../workload/cache-misses.ts';
import type { WorkloadProfile } from '../workload/workload-profile.ts';
import { lifetimeLines } from './profile-lifetimes.ts';
import { bar, barTable, heading } from './text.ts';
import type { TextStyle } from './text.ts';

const BAR_WIDTH = 20;

/** What prompt caching does and could do; empty when the trace says nothing about it. */
export function cacheSection({ cache, sessions }: WorkloadProfile, style: TextStyle): string {
  const { realisedHitRate, potentialHitRate, prefix, misses, lifetimes } = cache;
  if (realisedHitRate === null && potentialHitRate === null) return '';
  return [
    heading('Prompt cache (share of input tokens read from it)', style),
    barTable(
      (width) => rateRows(cache, width),
      BAR_WIDTH,
      { align: ['left', 'right', 'left'] },
      style,
    ),
    ...(prefix == null ? [] : [...reuseLine(prefix), ...sessionLine(prefix)]),
    ...(misses == null ? [] : [...readLine(misses), ...missLines(misses, style)]),
    ...(lifetimes == null
      ? prefix == null
        ? []
        : writeLine(prefix)
      : lifetimeLines(lifetimes, sessions.count, style)),
  ].join('\n');
}

const SCOPES = {
  trace: 'equal prefixes anywhere in the trace',
  session: 'equal prefixes within a session',
  mixed: 'equal prefixes in the trace or, where ids are local, within a session',
} as const;

function rateRows(
  { realisedHitRate, potentialHitRate, scope, prefix }: CacheProfile,
  width: number,
): string[][] {
  const row = (name: string, rate: number | null): string[][] =>
    rate === null ? [] : [[name, formatShare(rate), bar(rate, 1, width)]];
  return [
    ...row('realised (as the source reports)', realisedHitRate),
    ...row(`possible (${scope === undefined ? 'prefixes' : SCOPES[scope]})`, potentialHitRate),
    ...row('  kept for 1 h after use', prefix?.ttl.h1 ?? null),
    ...row('  kept for 5 min after use', prefix?.ttl.m5 ?? null),
    ...row('  from the call before only', prefix?.consecutiveHitRate ?? null),
    ...lruPoints(prefix).flatMap(({ tokens, hitRate }) =>
      row(`  shared cache of ${formatCount(tokens)} tokens`, hitRate),
    ),
  ];
}

/** Sizes up to the first that serves as much as the largest. */
function lruPoints(prefix: CacheProfile['prefix']): PrefixReuse['lru'] {
  const all = prefix?.lru ?? [];
  const most = all.at(-1)?.hitRate;
  const enough = all.findIndex(({ hitRate }) => hitRate === most);
  return all.slice(0, enough + 1);
}

const LIMITS: Readonly<Record<number, string>> = {
  1: '1 s',
  10: '10 s',
  60: '1 min',
  300: '5 min',
  3600: '1 h',
};
/** Longer times add nothing to this share. */
const ALL = 0.9995;

function reuseLine({ reuseTimes }: PrefixReuse): string[] {
  if (reuseTimes === undefined || reuseTimes.length === 0) return [];
  const enough = reuseTimes.findIndex(({ share }) => share > ALL);
  const shown = enough === -1 ? reuseTimes : reuseTimes.slice(0, enough + 1);
  const parts = shown.map(
    ({ seconds, share }) => `${formatShare(share)} within ${LIMITS[seconds] ?? `${seconds} s`}`,
  );
  return [`  of the reused blocks ${parts.join(', ')} of the use before`];
}

/** Whether requests may be spread over servers or must follow their session. */
function sessionLine({ bySession }: PrefixReuse): string[] {
  if (bySession == null) return [];
  const { same, others } = bySession;
  return [
    `  of the possible ${formatShare(round(same + others, 3))}, the session itself has sent ${formatShare(round(same, 3))} before and only other sessions ${formatShare(round(others, 3))}: routing each session to one server keeps the first`,
  ];
}

function readLine({ reads }: CacheMisses): string[] {
  if (reads === undefined) return [];
  const { sameSession, otherSessions, unclear } = reads;
  const all = sameSession + otherSessions + unclear;
  if (all === 0) return [];
  const part = (tokens: number): string => formatShare(round(tokens / all, 3));
  const parts = [
    `${part(sameSession)} left by the same session`,
    `${part(otherSessions)} by other sessions`,
    ...(unclear === 0 ? [] : [`${part(unclear)} by one or the other`]),
  ];
  return [`  of the tokens read, ${parts.join(', ')}`];
}

/** Profiles of earlier versions know the whole only. */
function writeLine({ writes }: PrefixReuse): string[] {
  if (writes.cheaper === null) return [];
  const other = writes.cheaper === '5m' ? 'one of an hour' : 'one of 5 minutes';
  const own = writes.cheaper === '5m' ? '5 minutes' : 'an hour';
  return [
    `  a cache lifetime of ${own} costs less than ${other}: gaps of 5 to 60 min would rewrite ${formatCount(writes.rewrittenTokens)} tokens, ${formatCount(writes.h1Tokens)} are written anyway`,
  ];
}

const CAUSES: Readonly<Record<MissCause, string>> = {
  coldStart: 'cold start',
  modelSwitched: 'model or provider switched',
  routeSwitched: 'another deployment answered',
  toolsChanged: 'tool definitions changed',
  systemChanged: 'system prompt changed',
  messagesChanged: 'earlier messages changed',
  contextCut: 'prompt cut (compaction, clear, edit)',
  ttlLapsed: 'lifetime lapsed between calls',
  prefixTooShort: 'prefix too short to be cached',
  unexplained: 'unexplained (evicted, or not seen)',
};

function missLines({ causes, hitTokens }: CacheMisses, style: TextStyle): string[] {
  const known = (Object.keys(CAUSES) as MissCause[])
    .map((cause) => ({ cause, ...(causes[cause] ?? { calls: 0, tokens: 0 }) }))
    .filter(({ calls }) => calls > 0)
    .toSorted((a, b) => b.tokens - a.tokens);
  if (known.length === 0) return [];
  const most = known[0]!.tokens;
  return [
    `  ${formatCount(hitTokens)} tokens hit; missed:`,
    barTable(
      (width) =>
        known.map(({ cause, calls, tokens }) => [
          CAUSES[cause],
          formatCount(calls),
          formatCount(tokens),
          bar(tokens, most, width),
        ]),
      BAR_WIDTH,
      {
        head: ['', 'calls', 'tokens', ''],
        align: ['left', 'right', 'right', 'left'],
        indent: 4,
      },
      style,
    ),
  ];
}
