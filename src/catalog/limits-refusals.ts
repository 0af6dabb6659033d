import type { Dimension } from '../capacity/limit.ts';
import type { ImportedLimits } from './limits-import.ts';

/**
 * 429 texts of OpenAI and Groq: "Rate limit reached for gpt-5.5 in organization org-1 on tokens per
 * min (TPM): Limit 30000, Used 28000, Requested 3000." A log of them tells the account's limits and
 * how full they were.
 */
const REFUSAL =
  /(?:Rate limit reached|Request too large) for (?:model )?(`?)([\w./:-]+?)\1 in organization `?[\w-]*`?(?: service tier `?[\w-]+`?)? on [a-z ]+\((RPM|RPD|TPM|TPD|ITPM|OTPM)\): Limit (\d+)(?:, Used (\d+))?, Requested (\d+)/g;

export function refusalLimits(text: string): ImportedLimits[] {
  interface Seen {
    readonly groq: boolean;
    count: number;
    mostUsed: number | null;
    oversize: number;
    readonly limits: { [D in Dimension]?: number };
  }
  const byModel = new Map<string, Seen>();
  for (const match of text.matchAll(REFUSAL)) {
    const [, tick, model, short, limitText, usedText, requestedText] = match;
    const dimension = short!.toLowerCase() as Dimension;
    const limit = Number(limitText);
    const key = `${tick}${model}`;
    const seen: Seen = byModel.get(key) ?? {
      groq: tick === '`',
      count: 0,
      mostUsed: null,
      oversize: 0,
      limits: {},
    };
    seen.count += 1;
    seen.limits[dimension] = limit;
    if (usedText !== undefined && limit > 0) {
      seen.mostUsed = Math.max(seen.mostUsed ?? 0, Number(usedText) / limit);
    }
    if (Number(requestedText) > limit) seen.oversize += 1;
    byModel.set(key, seen);
  }
  return [...byModel].map(([key, seen]): ImportedLimits => ({
    // Groq writes the names in backticks; the same text comes from OpenAI and its imitators.
    provider: seen.groq ? 'groq' : null,
    models: [key.replace('`', '')],
    limits: seen.limits,
    evidence: seen.count === 1 ? 'a 429 body' : `${seen.count} 429 bodies`,
    mostUsed: seen.mostUsed,
    warnings:
      seen.oversize === 0
        ? []
        : [`${seen.oversize} requests were larger than the limit itself: no waiting serves them`],
  }));
}
