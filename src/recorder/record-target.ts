import type { Dialect } from '../http/dialect.ts';
import type { RecordedCall } from '../traces/recording-format.ts';

/** Where the recorded calls go: base URLs as SDKs know them. */
export interface RecorderUpstreams {
  /** With its `/v1`, like OPENAI_BASE_URL. */
  readonly openai: string;
  /** Without `/v1`, like ANTHROPIC_BASE_URL. */
  readonly anthropic: string;
}

export interface RecordTarget {
  readonly upstream: keyof RecorderUpstreams;
  /** Undefined for paths that pass unrecorded (models, files, token counts). */
  readonly endpoint: RecordedCall['endpoint'] | undefined;
  readonly dialect: Dialect | undefined;
}

const ENDPOINTS: Readonly<Record<string, Omit<RecordTarget, 'upstream'>>> = {
  '/chat/completions': { endpoint: 'chat', dialect: 'openai-chat' },
  '/responses': { endpoint: 'responses', dialect: 'openai-responses' },
  '/messages': { endpoint: 'messages', dialect: 'anthropic-messages' },
  '/embeddings': { endpoint: 'embeddings', dialect: undefined },
};

/**
 * Who a request is for and whether it is recorded. Told by the path first; shared paths such as
 * /v1/models by the headers that only Anthropic clients send.
 */
export function recordTarget(
  method: string,
  path: string,
  headers: Readonly<Record<string, unknown>>,
): RecordTarget {
  const bare = withoutVersion(path.split('?', 1)[0]!);
  const found = Object.hasOwn(ENDPOINTS, bare) ? ENDPOINTS[bare] : undefined;
  const isAnthropic =
    bare.startsWith('/messages') ||
    (found === undefined &&
      (headers['anthropic-version'] !== undefined || headers['x-api-key'] !== undefined));
  const upstream = isAnthropic ? 'anthropic' : 'openai';
  if (found === undefined || method !== 'POST') {
    return { upstream, endpoint: undefined, dialect: undefined };
  }
  return { upstream, ...found };
}

/** The path to ask an upstream for. OpenAI's base URLs end in the version, Anthropic's do not. */
export function upstreamPath(upstream: keyof RecorderUpstreams, base: URL, path: string): string {
  const prefix = base.pathname.replace(/\/+$/, '');
  return prefix + (upstream === 'openai' ? withoutVersion(path) : path);
}

function withoutVersion(path: string): string {
  return path.replace(/^\/v1(?=\/|$)/, '');
}
