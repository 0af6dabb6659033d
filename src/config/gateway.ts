import { createHash } from 'node:crypto';

import { z } from 'zod';

import { AgentInfraError } from '../errors.ts';
import { header, loadDocument } from './document.ts';
import type { LoadOptions } from './document.ts';
import { bytes, count, duration, oneOf, strict } from './fields.ts';

/** The document of `agent-infra gateway`. Every default stands here and nowhere else. */

/** Names that become metric labels and log fields: no spaces, no control characters. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Shorter keys can be guessed: 16 characters of a 64-letter alphabet are 96 bits. */
const SHORTEST_KEY = 16;

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

const name = (): z.ZodString =>
  z.string().regex(NAME, { error: 'expected letters, digits, ".", "_" or "-" (at most 64)' });

const upstream = strict({
  url: z.string().superRefine((text, context) => {
    const message = upstreamProblem(text);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  }),
  /** Credential sent to the provider; write it as `${VARIABLE}`. */
  apiKey: z.string().optional(),
  /** `bearer` sends Authorization: Bearer, `x-api-key` Anthropic's older header. */
  auth: oneOf(['bearer', 'x-api-key']).default('bearer'),
  /** Extra headers for every request, for example `openai-organization`. */
  headers: z.record(z.string(), z.string()).default({}),
});

const limits = strict({
  requestsPerMinute: count().optional(),
  tokensPerMinute: count().optional(),
  /** Requests that may arrive at once; default one minute's worth. */
  burstRequests: count().optional(),
  /** Tokens that may be reserved at once; default one minute's worth. */
  burstTokens: count().optional(),
});

const agent = strict({
  id: name(),
  tenant: name().default('default'),
  /** The agent's key, as `${VARIABLE}`; only its SHA-256 is kept. */
  key: z
    .string()
    .min(SHORTEST_KEY, { error: `expected at least ${SHORTEST_KEY} characters` })
    .optional(),
  /** SHA-256 of the key in hexadecimal: `printf %s "$KEY" | sha256sum`. */
  keySha256: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/, { error: 'expected 64 hexadecimal digits' })
    .optional(),
  /** Models the agent may ask for; all when absent. */
  models: z.array(z.string()).min(1).optional(),
  limits: limits.optional(),
  cache: oneOf(['off', 'deterministic', 'all']).optional(),
})
  .superRefine(({ key, keySha256 }, context) => {
    if ((key === undefined) === (keySha256 === undefined)) {
      const message = 'give exactly one of key and keySha256';
      context.addIssue({ code: 'custom', message });
    }
  })
  .transform(({ key, keySha256, ...rest }) => ({
    ...rest,
    keySha256: key === undefined ? (keySha256 ?? '').toLowerCase() : sha256(key),
  }));

/** Framing is the gateway's, credentials are the agent's: no configuration sends these on. */
const NEVER_FORWARDED = new Set([
  'accept-encoding',
  'authorization',
  'connection',
  'content-encoding',
  'content-length',
  'cookie',
  'expect',
  'host',
  'keep-alive',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-api-key',
]);

function forwardedHeader(): z.ZodString {
  return z
    .string()
    .regex(/^[a-z0-9-]+$/, { error: 'expected a header name in lower case' })
    .refine((header) => !NEVER_FORWARDED.has(header), { error: 'this header never goes upstream' });
}

export const gatewayConfigSchema = strict({
  ...header('GatewayConfig'),
  listen: strict({
    host: z.string().default('127.0.0.1'),
    port: z.int().min(0).max(65_535).default(8080),
  }).prefault({}),
  upstreams: strict({ openai: upstream.optional(), anthropic: upstream.optional() }),
  agents: z.array(agent).default([]),
  /** Serve callers without a key, as agent "anonymous". Loopback only. */
  openAccess: z.boolean().default(false),
  /** Limits of each agent that states none of its own. */
  limits: limits.prefault({}),
  cache: strict({
    /** `deterministic`: temperature 0 and embeddings. `all`: every reply that ended well. */
    mode: oneOf(['off', 'deterministic', 'all']).default('off'),
    ttl: duration().prefault('5m'),
    maxSize: bytes().prefault('64MiB'),
    /** Larger replies are not stored. */
    maxEntrySize: bytes().prefault('1MiB'),
    /** Who shares an entry. */
    scope: oneOf(['agent', 'tenant']).default('agent'),
  }).prefault({}),
  timeouts: strict({
    /** For the client to send its whole body. */
    body: duration().prefault('30s'),
    /** From sending upstream to the first token (streams) or to the headers. */
    firstToken: duration().prefault('120s'),
    /** Longest silence inside a reply. SDK timeouts do not cover it. */
    idle: duration().prefault('60s'),
    /** Longest whole exchange. */
    total: duration().prefault('15m'),
    /** How long running calls may take to finish after SIGTERM. */
    drain: duration().prefault('30s'),
  }).prefault({}),
  bodyLimit: bytes().prefault('32MiB'),
  /** Request headers passed to the provider beyond the built-in list. */
  forwardHeaders: z.array(forwardedHeader()).default([]),
}).superRefine((config, context) => {
  for (const problem of crossProblems(config)) {
    context.addIssue({ code: 'custom', message: problem.message, path: problem.path });
  }
});

export type GatewayConfig = z.output<typeof gatewayConfigSchema>;
export type AgentConfig = GatewayConfig['agents'][number];
export type UpstreamConfig = NonNullable<GatewayConfig['upstreams']['openai']>;
export type AgentLimits = z.output<typeof limits>;
export type CacheMode = GatewayConfig['cache']['mode'];

/** Reads a GatewayConfig document; throws a ConfigError with every problem. */
export function loadGatewayConfig(file: string, options: LoadOptions = {}): Promise<GatewayConfig> {
  return loadDocument(gatewayConfigSchema, file, options);
}

/** What the command line may change of a document. */
export interface GatewayOverrides {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  /** Base URL that takes the place of every configured upstream's; credentials stay. */
  readonly upstream?: string | undefined;
}

/**
 * The configuration with command-line values in place.
 * @throws AgentInfraError usage.invalid when a value is wrong or makes open access public
 */
export function overrideGatewayConfig(
  config: GatewayConfig,
  overrides: GatewayOverrides,
): GatewayConfig {
  const { host = config.listen.host, port = config.listen.port, upstream: url } = overrides;
  if (config.openAccess && !LOOPBACK.has(host)) {
    throw new AgentInfraError(
      'usage.invalid',
      `open access is for loopback only, not for ${host}`,
      {
        hint: 'List agents with keys in the configuration, or listen on 127.0.0.1.',
      },
    );
  }
  const listen = { host, port };
  if (url === undefined) return { ...config, listen };
  const problem = upstreamProblem(url);
  if (problem !== undefined) throw new AgentInfraError('usage.invalid', `--upstream: ${problem}`);
  const { openai, anthropic } = config.upstreams;
  const upstreams = {
    openai: { auth: 'bearer' as const, headers: {}, ...openai, url },
    anthropic: { auth: 'bearer' as const, headers: {}, ...anthropic, url },
  };
  return { ...config, listen, upstreams };
}

/** Why a text cannot be an upstream's base URL, or undefined when it can. */
export function upstreamProblem(text: string): string | undefined {
  if (!URL.canParse(text)) return 'expected a URL such as https://api.openai.com';
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'expected http:// or https://';
  if (url.username !== '' || url.password !== '') return 'put the credential into apiKey';
  if (url.search !== '' || url.hash !== '') return 'expected a URL without query and fragment';
  return undefined;
}

interface CrossProblem {
  readonly path: (string | number)[];
  readonly message: string;
}

function crossProblems(config: {
  listen: { host: string };
  upstreams: { openai?: unknown; anthropic?: unknown };
  agents: readonly { id: string; keySha256: string }[];
  openAccess: boolean;
}): CrossProblem[] {
  const problems: CrossProblem[] = [];
  const { agents, listen, openAccess, upstreams } = config;
  if (upstreams.openai === undefined && upstreams.anthropic === undefined) {
    problems.push({ path: ['upstreams'], message: 'expected openai, anthropic or both' });
  }
  if (agents.length === 0 && !openAccess) {
    problems.push({
      path: ['agents'],
      message: 'expected at least one agent, or openAccess: true',
    });
  }
  if (openAccess && !LOOPBACK.has(listen.host)) {
    const message = `open access is for loopback only, not for ${listen.host}`;
    problems.push({ path: ['openAccess'], message });
  }
  for (const field of ['id', 'keySha256'] as const) {
    const seen = new Set<string>();
    for (const [index, entry] of agents.entries()) {
      if (seen.has(entry[field])) {
        const what = field === 'id' ? `agent id "${entry.id}"` : 'key';
        problems.push({ path: ['agents', index], message: `this ${what} is used twice` });
      }
      seen.add(entry[field]);
    }
  }
  return problems;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
