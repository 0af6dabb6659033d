import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { addTokens, inputTokens, NO_TOKENS } from '../../src/core/tokens.ts';
import type { TokenRecord } from '../../src/core/tokens.ts';
import { startGateway } from '../../src/gateway/gateway.ts';
import type { RunningGateway } from '../../src/gateway/gateway.ts';
import type { RequestRecord } from '../../src/provider/request-log.ts';
import { startProvider } from '../../src/provider/start-provider.ts';
import type { RunningProvider } from '../../src/provider/start-provider.ts';
import { startRecordingProxy } from '../../src/recorder/recording-proxy.ts';
import type { RunningRecorder } from '../../src/recorder/recording-proxy.ts';
import { config } from '../provider/virtual-provider.ts';
import { allCalls, collect, toolsOf } from '../traces/collected.ts';
import { KEY, testConfig } from './gateway-under-test.ts';

/** SDK → recorder → gateway → simulated provider: three counts of the same tokens must agree. */
let folder: string;
let log: RequestRecord[];
let provider: RunningProvider;
let gateway: RunningGateway;
let recorder: RunningRecorder;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'agent-infra-chain-'));
  log = [];
  provider = await startProvider({
    config: config({
      timing: { kind: 'fixed', ttft: '2ms', itl: '1ms' },
      output: { tokens: 20 },
      tools: { parallel: 2 },
    }),
    address: { host: '127.0.0.1', port: 0 },
    log: { write: (record) => void log.push(record), close: () => Promise.resolve() },
  });
  gateway = await startGateway(testConfig(provider.url));
  recorder = await startRecordingProxy({
    listen: { host: '127.0.0.1', port: 0 },
    upstreams: { openai: `${gateway.url}/v1`, anthropic: gateway.url },
    recording: join(folder, 'run.jsonl'),
    tool: 'test',
  });
});

afterEach(async () => {
  await recorder.close();
  await gateway.close(0);
  await provider.close(0);
  rmSync(folder, { recursive: true, force: true });
});

function sum(records: readonly { readonly tokens?: TokenRecord | undefined }[]): TokenRecord {
  return records.reduce((total, { tokens }) => addTokens(total, tokens ?? NO_TOKENS), NO_TOKENS);
}

/** Tokens of one direction in the gateway's metrics. */
function gatewayTokens(direction: 'in' | 'out'): number {
  const pattern = new RegExp(
    `^agent_gateway_tokens_total\\{[^}]*direction="${direction}"[^}]*\\} (\\d+)$`,
    'gm',
  );
  return [...gateway.metricsText().matchAll(pattern)].reduce(
    (total, [, value]) => total + Number(value),
    0,
  );
}

async function agree(calls: number): Promise<void> {
  await expect.poll(() => recorder.calls).toBe(calls);
  await expect.poll(() => log.length).toBe(calls);
  const recorded = await collect([join(folder, 'run.jsonl')]);
  const truth = sum(log);
  expect(truth.output).toBeGreaterThan(0);
  expect(sum(allCalls(recorded))).toEqual(truth);
  expect(gatewayTokens('in')).toBe(inputTokens(truth));
  expect(gatewayTokens('out')).toBe(truth.output);
  expect(readFileSync(join(folder, 'run.jsonl'), 'utf8')).not.toContain('rain');
}

const parameters = {
  type: 'object',
  properties: { city: { type: 'string', enum: ['Paris', 'Rome'] } },
  required: ['city'],
  additionalProperties: false,
} as const;

test('openai: streamed, whole, tools and a second turn', async () => {
  const sdk = new OpenAI({ baseURL: `${recorder.url}/v1`, apiKey: KEY });
  const tools = [{ type: 'function' as const, function: { name: 'weather', parameters } }];
  const messages: OpenAI.ChatCompletionMessageParam[] = [
    { role: 'user', content: 'Will it rain?' },
  ];
  const first = await sdk.chat.completions
    .stream({
      model: 'm',
      messages,
      tools,
      tool_choice: 'required',
      stream_options: { include_usage: true },
    })
    .finalChatCompletion();
  const asked = first.choices[0]!.message;
  messages.push(asked);
  for (const call of asked.tool_calls ?? []) {
    messages.push({ role: 'tool', tool_call_id: call.id, content: 'no rain' });
  }
  const second = await sdk.chat.completions.create({ model: 'm', messages });
  messages.push(second.choices[0]!.message, { role: 'user', content: 'And in Rome, rain?' });
  await sdk.chat.completions.create({ model: 'm', messages });
  await agree(3);
  const { sessions } = await collect([join(folder, 'run.jsonl')]);
  expect(sessions).toHaveLength(1);
  expect(sessions[0]!.turns).toHaveLength(2);
  const called = asked.tool_calls?.length ?? 0;
  expect(called).toBeGreaterThan(0);
  expect(toolsOf(await collect([join(folder, 'run.jsonl')]))).toHaveLength(called);
});

test('anthropic: streamed with tools, and whole', async () => {
  const sdk = new Anthropic({ baseURL: recorder.url, apiKey: KEY });
  const tools = [
    { name: 'weather', input_schema: parameters as unknown as Anthropic.Tool.InputSchema },
  ];
  const messages: Anthropic.MessageParam[] = [{ role: 'user', content: 'Will it rain?' }];
  const first = await sdk.messages
    .stream({ model: 'm', max_tokens: 200, messages, tools, tool_choice: { type: 'any' } })
    .finalMessage();
  messages.push({ role: 'assistant', content: first.content });
  const uses = first.content.filter((block) => block.type === 'tool_use');
  messages.push({
    role: 'user',
    content: uses.map(({ id }) => ({ type: 'tool_result', tool_use_id: id, content: 'no rain' })),
  });
  await sdk.messages.create({ model: 'm', max_tokens: 200, messages, tools });
  await agree(2);
  const { sessions } = await collect([join(folder, 'run.jsonl')]);
  expect(sessions.map(({ turns }) => turns.length)).toEqual([1]);
  expect(uses.length).toBeGreaterThan(0);
});

test('openai responses, streamed', async () => {
  const sdk = new OpenAI({ baseURL: `${recorder.url}/v1`, apiKey: KEY });
  const stream = await sdk.responses.create({ model: 'm', input: 'Will it rain?', stream: true });
  const types: string[] = [];
  for await (const event of stream) types.push(event.type);
  expect(types.at(-1)).toBe('response.completed');
  await agree(1);
});
