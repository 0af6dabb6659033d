import type { TokenRecord } from '../core/tokens.ts';
import { formatCount, formatShare } from '../core/units.ts';
import { keysWanted } from './caching.ts';
import { trafficMeans } from './traffic.ts';
import { outcome } from './way-out.ts';
import type { Situation, WayOut } from './way-out.ts';
import { withCallFactor, withRoutes, withTokens } from './what-if.ts';

/** Ways to carry more by answering more from caches. */

/** Hit rate of a response cache that is shown when a smaller one does not decide: an example, not a promise. */
const EXAMPLE_HIT_RATE = 0.3;
/** Prompt-cache share that agents with a stable prefix reach (Anthropic and OpenAI guides name 80 to 90 %). */
const EXAMPLE_PROMPT_CACHE = 0.8;
export function responseCache(now: Situation): WayOut[] {
  const { input, before } = now;
  // The plan says already what its caches answer.
  if (input.answeredFromCache !== undefined) return [];
  const needed = 1 - before.scale / input.goals.fitsAtScale;
  const note =
    needed > 0
      ? `a hit rate of ${formatShare(needed)} is needed at ${input.goals.fitsAtScale}x; measure yours`
      : 'an example hit rate; measure yours';
  return [
    outcome(now, withCallFactor(input, 1 - EXAMPLE_HIT_RATE), {
      kind: 'response-cache',
      change: `answer ${formatShare(EXAMPLE_HIT_RATE)} of calls from a response cache`,
      note,
    }),
  ];
}

export function promptCache(now: Situation): WayOut[] {
  const { input, before } = now;
  if (!input.traffic.tokensKnown || before.dimension === 'rpm' || before.dimension === 'rps')
    return [];
  const { tokens } = trafficMeans(input.traffic);
  const all = tokens.uncached + tokens.cacheRead + tokens.cacheWrite5m + tokens.cacheWrite1h;
  if (all === 0 || tokens.cacheRead / all >= EXAMPLE_PROMPT_CACHE) return [];
  const traffic = withTokens(input.traffic, withPromptCache);
  return [
    outcome(
      now,
      { ...input, traffic },
      {
        kind: 'prompt-cache',
        change: `read ${formatShare(EXAMPLE_PROMPT_CACHE)} of input tokens from the prompt cache`,
        note: 'needs a stable prompt prefix; helps limits only where cache reads do not count',
      },
    ),
  ];
}

/** Shared cache keys that miss for their rate: more of them, or one per session. */
export function cacheKeys(now: Situation): WayOut[] {
  const { input, pool } = now;
  const missing = pool.routes.filter(({ cacheKept }) => cacheKept !== undefined);
  if (missing.length === 0) return [];
  const wanted = missing.map((route) => keysWanted(input, route, input.goals.fitsAtScale) ?? 1);
  const changed = withRoutes(input, (route) =>
    route.limitPool === pool.key ? { ...route, cacheKept: undefined } : route,
  );
  return [
    outcome(now, changed, {
      kind: 'cache-keys',
      change: `use ${formatCount(Math.max(...wanted))} prompt-cache keys instead of ${formatCount(input.promptKeys ?? 1)}`,
      note: `at most ${missing[0]!.cacheKeyRpm} requests a minute per key find their prompt`,
    }),
  ];
}

function withPromptCache(tokens: TokenRecord): TokenRecord {
  const input = tokens.uncached + tokens.cacheRead;
  return {
    ...tokens,
    uncached: input * (1 - EXAMPLE_PROMPT_CACHE),
    cacheRead: input * EXAMPLE_PROMPT_CACHE,
  };
}
