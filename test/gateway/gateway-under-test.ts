import { gatewayConfigSchema } from '../../src/config/gateway.ts';
import type { GatewayConfig } from '../../src/config/gateway.ts';
import { realClock } from '../../src/system.ts';
import { startGateway } from '../../src/gateway/gateway.ts';
import type { RunningGateway } from '../../src/gateway/gateway.ts';
import { HttpClient, exchange } from '../../src/http/client.ts';
import type { WholeResponse } from '../../src/http/client.ts';
import { scriptedUpstream } from './scripted-upstream.ts';
import type { Script, ScriptedUpstream } from './scripted-upstream.ts';

export const KEY = 'agent-key-for-tests-0001';
export const OTHER_KEY = 'agent-key-for-tests-0002';
export const PROVIDER_KEY = 'sk-provider-canary-7f3a';

type ConfigInput = Record<string, unknown>;

export interface UnderTest {
  readonly gateway: RunningGateway;
  readonly upstream: ScriptedUpstream;
  readonly client: HttpClient;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<WholeResponse>;
  chat(fields?: object, headers?: Record<string, string>): Promise<WholeResponse>;
  /** The value of one series of /metrics, 0 when it does not exist. */
  metric(series: string): number;
  close(): Promise<void>;
}

/** A gateway with two agents in front of a scripted provider. */
export async function gatewayUnderTest(
  script: Script,
  config: ConfigInput = {},
): Promise<UnderTest> {
  const upstream = await scriptedUpstream(script);
  const gateway = await startGateway(testConfig(upstream.url, config));
  const client = new HttpClient(gateway.url, realClock);
  const post: UnderTest['post'] = (path, body, headers = {}) =>
    exchange(client, {
      method: 'POST',
      path,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}`, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  return {
    gateway,
    upstream,
    client,
    post,
    chat: (fields = {}, headers = {}) =>
      post('/v1/chat/completions', { model: 'm1', messages: [], ...fields }, headers),
    metric(series) {
      const line = gateway
        .metricsText()
        .split('\n')
        .find((text) => text.startsWith(`${series} `));
      return line === undefined ? 0 : Number(line.slice(series.length + 1));
    },
    async close() {
      await client.destroy();
      await gateway.close(0);
      await upstream.close(0);
    },
  };
}

export function testConfig(upstreamUrl: string, config: ConfigInput = {}): GatewayConfig {
  return gatewayConfigSchema.parse({
    apiVersion: 'agent-infra/v1',
    kind: 'GatewayConfig',
    listen: { port: 0 },
    upstreams: {
      openai: { url: upstreamUrl, apiKey: PROVIDER_KEY },
      anthropic: { url: upstreamUrl, apiKey: PROVIDER_KEY, auth: 'x-api-key' },
    },
    agents: [
      { id: 'planner', tenant: 'acme', key: KEY },
      { id: 'coder', tenant: 'globex', key: OTHER_KEY },
    ],
    ...config,
  });
}
