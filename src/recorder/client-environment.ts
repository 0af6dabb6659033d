import type { RecorderUpstreams } from './record-target.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const OPENAI_ORIGIN = 'https://api.openai.com/v1';
const ANTHROPIC_ORIGIN = 'https://api.anthropic.com';

/** Where the clients would have gone: what the user has set already, else the public APIs. */
export function upstreamsOf(
  env: Environment,
  flags: { readonly openai?: string | undefined; readonly anthropic?: string | undefined } = {},
): RecorderUpstreams {
  return {
    openai:
      (flags.openai === undefined ? undefined : withVersion(flags.openai)) ??
      given(env['OPENAI_BASE_URL']) ??
      given(env['OPENAI_API_BASE']) ??
      OPENAI_ORIGIN,
    anthropic: flags.anthropic ?? given(env['ANTHROPIC_BASE_URL']) ?? ANTHROPIC_ORIGIN,
  };
}

/**
 * The variables that point SDKs and command-line agents at the proxy. An OTLP endpoint of the
 * user's own is left alone: taking it over would blind their dashboards.
 */
export function clientVariables(proxyUrl: string, env: Environment): Record<string, string> {
  const variables: Record<string, string> = {
    OPENAI_BASE_URL: `${proxyUrl}/v1`, // OpenAI SDKs, Agents SDK, Vercel AI SDK
    OPENAI_API_BASE: `${proxyUrl}/v1`, // openai < 1, LangChain, LiteLLM, CrewAI, aider
    OPENAI_HOST: proxyUrl, // Goose
    ANTHROPIC_BASE_URL: proxyUrl, // Anthropic SDKs, Claude Code, Vercel AI SDK
    ANTHROPIC_API_BASE: proxyUrl, // LiteLLM
    ANTHROPIC_HOST: proxyUrl, // Goose
  };
  const hasOwnTelemetry = Object.keys(env).some(
    (name) => name.startsWith('OTEL_EXPORTER_OTLP') && name.endsWith('ENDPOINT'),
  );
  if (!hasOwnTelemetry) {
    variables['OTEL_EXPORTER_OTLP_ENDPOINT'] = proxyUrl;
    // The one that every exporter speaks; Python's knows no JSON.
    variables['OTEL_EXPORTER_OTLP_PROTOCOL'] = 'http/protobuf';
  }
  // Proxies of the environment would carry loopback traffic away.
  const own = given(env['NO_PROXY']) ?? given(env['no_proxy']);
  const noProxy = own === undefined ? '127.0.0.1' : `${own},127.0.0.1`;
  return { ...variables, NO_PROXY: noProxy, no_proxy: noProxy };
}

/** A flag may name the server alone (`http://127.0.0.1:9000`): then the version is `/v1`. */
function withVersion(url: string): string {
  return URL.canParse(url) && new URL(url).pathname === '/' ? new URL('/v1', url).href : url;
}

function given(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : value;
}
