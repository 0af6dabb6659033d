import type { Dimension, Limits } from '../capacity/limit.ts';
import { harHeaders, otlpHeaders } from './limits-traces.ts';
import type { ImportedLimits, ImportOptions } from './limits-import.ts';

/**
 * Rate-limit headers, in recordings (`agent-infra profile record` keeps their numbers) and in any
 * text that holds them as `name: value` or JSON members.
 */

type Headers = Readonly<Record<string, number>>;

/** One model's headers, folded over the calls that carried them. */
interface Seen {
  calls: number;
  dialect: 'openai' | 'anthropic' | null;
  limits: Record<string, number>;
  mostUsed: number | null;
}

/** What each header limits. Groq's request header counts a day, which its name does not say. */
const PER_MINUTE: Readonly<Record<string, Dimension>> = {
  requests: 'rpm',
  tokens: 'tpm',
  'input-tokens': 'itpm',
  'output-tokens': 'otpm',
};
const GROQ: Readonly<Record<string, Dimension>> = { requests: 'rpd', tokens: 'tpm' };
/** Anthropic's `tokens` repeats the tightest of the others and is no limit of its own. */
const ANTHROPIC: Readonly<Record<string, Dimension>> = {
  requests: 'rpm',
  'input-tokens': 'itpm',
  'output-tokens': 'otpm',
};
/** Seconds, not minutes (Fireworks). */
const FIREWORKS: Readonly<Record<string, Dimension>> = {
  'tokens-prompt': 'itpm',
  'tokens-generated': 'otpm',
};

export function headerLimits(text: string, options: ImportOptions): ImportedLimits[] {
  const byModel = new Map<string, Seen>();
  const take = (model: string, headers: Headers): void => {
    const states = statesOf(headers);
    if (states.length === 0) return;
    const seen = byModel.get(model) ?? { calls: 0, dialect: null, limits: {}, mostUsed: null };
    seen.calls += 1;
    for (const { dialect, name, limit, remaining } of states) {
      seen.dialect = dialect;
      // Limits change; what the last call said holds.
      seen.limits[name] = limit;
      if (remaining === undefined || limit <= 0) continue;
      seen.mostUsed = Math.max(seen.mostUsed ?? 0, 1 - remaining / limit);
    }
    byModel.set(model, seen);
  };
  const recorded = [...recordedCalls(text), ...harHeaders(text), ...otlpHeaders(text)];
  for (const { model, headers } of recorded) take(model, headers);
  if (recorded.length === 0) take('', plainHeaders(text));
  return [...byModel].map(([model, seen]) => imported(model, seen, options));
}

function imported(model: string, seen: Seen, options: ImportOptions): ImportedLimits {
  const anthropic = seen.dialect === 'anthropic';
  const provider = options.provider ?? (anthropic ? 'anthropic' : null);
  const meaning = anthropic
    ? ANTHROPIC
    : provider === 'groq'
      ? GROQ
      : provider === 'fireworks'
        ? FIREWORKS
        : PER_MINUTE;
  const scale = meaning === FIREWORKS ? 60 : 1;
  const limits: { [D in Dimension]?: number } = {};
  const warnings: string[] = [];
  for (const [name, value] of Object.entries(seen.limits)) {
    const dimension = meaning[name];
    if (dimension !== undefined) limits[dimension] = value * scale;
    else if (!(anthropic && name === 'tokens')) warnings.push(`header "${name}" is not used`);
  }
  if (!anthropic && provider === null && seen.limits['requests'] !== undefined) {
    warnings.push('requests are taken per minute; Groq means per day: say --provider groq there');
  }
  const calls = seen.calls === 1 ? '1 call' : `${seen.calls} calls`;
  return {
    provider,
    models: model === '' ? [] : [model],
    limits: limits as Limits,
    evidence: `rate-limit headers of ${calls}`,
    mostUsed: seen.mostUsed,
    warnings,
  };
}

interface HeaderState {
  readonly dialect: 'openai' | 'anthropic';
  readonly name: string;
  readonly limit: number;
  readonly remaining: number | undefined;
}

function statesOf(headers: Headers): HeaderState[] {
  return Object.entries(headers).flatMap(([header, limit]): HeaderState[] => {
    const openai = /^x-ratelimit-limit-(.+)$/.exec(header)?.[1];
    const anthropic = /^anthropic-ratelimit-(.+)-limit$/.exec(header)?.[1];
    // Priority and fast tiers have limits of their own under longer names.
    if (openai !== undefined) {
      const remaining = headers[`x-ratelimit-remaining-${openai}`];
      return [{ dialect: 'openai', name: openai, limit, remaining }];
    }
    if (anthropic !== undefined) {
      const remaining = headers[`anthropic-ratelimit-${anthropic}-remaining`];
      return [{ dialect: 'anthropic', name: anthropic, limit, remaining }];
    }
    return [];
  });
}

function recordedCalls(text: string): { readonly model: string; readonly headers: Headers }[] {
  const calls: { model: string; headers: Headers }[] = [];
  for (const line of text.split('\n')) {
    if (!line.includes('"recorded-call"') || !line.includes('"limits"')) continue;
    const record = parsed(line);
    const { limits, requestedModel, servedModel } = record;
    if (typeof limits !== 'object' || limits === null) continue;
    const model = typeof requestedModel === 'string' ? requestedModel : servedModel;
    const numbers = Object.entries(limits).filter(
      (entry): entry is [string, number] => typeof entry[1] === 'number',
    );
    calls.push({
      model: typeof model === 'string' ? model : '',
      headers: Object.fromEntries(numbers),
    });
  }
  return calls;
}

function parsed(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return {};
  }
}

const HEADER =
  /\b((?:x-ratelimit-(?:limit|remaining)-[a-z-]+)|(?:anthropic-ratelimit-[a-z-]+-(?:limit|remaining)))"?\s*[:=]\s*"?(\d+)\b/gi;

function plainHeaders(text: string): Headers {
  const found = [...text.matchAll(HEADER)];
  return Object.fromEntries(found.map(([, name, value]) => [name!.toLowerCase(), Number(value)]));
}
