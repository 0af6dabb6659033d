import type { Limits } from '../capacity/limit.ts';
import { AgentInfraError } from '../errors.ts';
import { anthropicLimits } from './limits-anthropic.ts';
import { awsLimits, azureLimits } from './limits-quotas.ts';
import { headerLimits } from './limits-headers.ts';
import { refusalLimits } from './limits-refusals.ts';

/** Limits of one's own account, as the provider itself told them. */
export interface ImportedLimits {
  /** Null when the evidence does not say: it then fits any provider that has the model. */
  readonly provider: string | null;
  /** Exact model ids the limits hold for; empty when the evidence names none. */
  readonly models: readonly string[];
  readonly limits: Limits;
  /** Such as "Rate Limits API" or "x-ratelimit headers of 144 calls". */
  readonly evidence: string;
  /** Highest share of a limit that was seen used; null when the evidence does not show use. */
  readonly mostUsed: number | null;
  readonly warnings: readonly string[];
}

export interface ImportOptions {
  /** Whose headers they are: Groq's request header is per day, not per minute. */
  readonly provider?: string | undefined;
  /** For evidence that names no model. */
  readonly model?: string | undefined;
}

/**
 * Limits out of whatever the user has: Anthropic's Rate Limits API answer, quota exports of AWS and
 * Azure, rate-limit headers in a recording, an HTTP archive, OTLP spans, a log or `curl -i` output,
 * and the texts of OpenAI's and Groq's 429 bodies.
 * @param name of the file, for messages
 * @throws AgentInfraError config.invalid when nothing in it tells a limit
 */
export function importLimits(
  text: string,
  name: string,
  options: ImportOptions = {},
): ImportedLimits[] {
  const found = [
    ...(anthropicLimits(text) ?? []),
    ...awsLimits(text),
    ...azureLimits(text),
    ...headerLimits(text, options),
    ...refusalLimits(text),
  ].map((one) =>
    one.models.length === 0 && options.model !== undefined
      ? { ...one, models: [options.model] }
      : one,
  );
  if (found.length > 0) return found;
  throw new AgentInfraError('config.invalid', `${name}: no limits found`, {
    hint: 'Known: the answer of GET /v1/organizations/rate_limits (Anthropic), AWS Service Quotas, Azure usages, x-ratelimit or anthropic-ratelimit headers in recordings, HAR files, OTLP/JSON and logs, and 429 bodies with "Limit …, Requested …".',
  });
}

/** The imported limits that hold for a provider's model; later evidence wins. */
export function limitsFor(
  imported: readonly ImportedLimits[],
  provider: string,
  model: string,
): { readonly limits: Limits; readonly evidence: readonly string[] } | undefined {
  const fitting = imported.filter(
    (one) => (one.provider === null || one.provider === provider) && one.models.includes(model),
  );
  if (fitting.length === 0) return undefined;
  return {
    limits: Object.assign({}, ...fitting.map(({ limits }) => limits)) as Limits,
    evidence: fitting.map(({ evidence }) => evidence),
  };
}
