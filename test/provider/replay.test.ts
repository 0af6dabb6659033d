import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { loadProviderConfig } from '../../src/config/provider.ts';
import { readRecordedTimes } from '../../src/provider/recorded-times.ts';
import type { RecordedCall } from '../../src/provider/recorded-times.ts';
import { openRequestLog } from '../../src/provider/request-log.ts';
import { startProvider } from '../../src/provider/start-provider.ts';
import { VirtualProvider, config } from './virtual-provider.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'agent-infra-replay-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function replaying(calls: readonly RecordedCall[], speed?: number): VirtualProvider {
  const timing = {
    kind: 'replay',
    file: 'unread',
    ...(speed === undefined ? {} : { speed }),
  } as const;
  return new VirtualProvider(config({ timing }), undefined, new Map([['m', calls]]));
}

function ask(content: string, tokens: number): Record<string, unknown> {
  const mark = `[[sim output=${tokens}]] ${content}`;
  return { messages: [{ role: 'user', content: mark }], stream: true };
}

const recorded = { firstMs: 300, gapsMs: [10, 30] };

test.for([
  { why: 'as recorded, and round again', speed: undefined, atMs: [300, 310, 340, 350, 380] },
  { why: 'twice as fast', speed: 2, atMs: [150, 155, 170, 175, 190] },
])('a stream is sent $why', async ({ speed, atMs }) => {
  const { reply } = await replaying([recorded], speed).ask(ask('hi', 5));
  expect(reply.writes.map((write) => write.atMs)).toEqual(atMs);
});

test('a whole reply takes as long as its stream', async () => {
  const { reply } = await replaying([recorded]).ask({ ...ask('hi', 5), stream: false });
  expect(reply.endedAtMs).toBe(380);
});

test('calls are drawn by the seed: all are used, the same ones for the same requests', async () => {
  const calls = [100, 200, 300, 400].map((firstMs) => ({ firstMs, gapsMs: [] }));
  const ends = async (): Promise<(number | undefined)[]> => {
    const provider = replaying(calls);
    const sent = Array.from({ length: 60 }, (_, index) => provider.send(ask(`${index}`, 3)));
    await provider.clock.run();
    return sent.map(({ reply }) => reply.endedAtMs);
  };
  const first = await ends();
  expect(new Set(first)).toEqual(new Set([100, 200, 300, 400]));
  expect(await ends()).toEqual(first);
});

test('the provider’s own log is a recording', async () => {
  const file = join(folder, 'requests.jsonl');
  const log = await openRequestLog(file);
  const provider = await startProvider({
    config: config({ timing: { kind: 'fixed', ttft: '30ms', itl: '3ms' } }),
    address: { host: '127.0.0.1', port: 0 },
    log,
  });
  for (const stream of [true, false]) {
    const answer = await fetch(`${provider.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer k' },
      body: JSON.stringify({ ...ask('hi', 8), model: 'm', stream }),
    });
    await answer.text();
  }
  await provider.close();
  await log.close();
  const [call, ...others] = await readRecordedTimes(file);
  expect(others).toEqual([]); // the whole reply is none
  expect(call!.gapsMs).toHaveLength(7);
  expect(call!.firstMs).toBeGreaterThanOrEqual(29);
  expect(call!.firstMs + call!.gapsMs.reduce((a, b) => a + b)).toBeGreaterThanOrEqual(50);
});

test.for([
  {
    why: 'plain times',
    line: '{"firstMs":5,"gapsMs":[1,2]}',
    calls: [{ firstMs: 5, gapsMs: [1, 2] }],
  },
  {
    why: 'a log line',
    line: '{"chunkNs":[5e6,7e6],"stream":true,"outcome":"complete"}',
    calls: [{ firstMs: 5, gapsMs: [2] }],
  },
  { why: 'a broken stream', line: '{"chunkNs":[5e6],"stream":true,"outcome":"fault"}', calls: [] },
  {
    why: 'time that runs backwards',
    line: '{"chunkNs":[5e6,4e6],"stream":true,"outcome":"complete"}',
    calls: [],
  },
  { why: 'a negative gap', line: '{"firstMs":5,"gapsMs":[-1]}', calls: [] },
  { why: 'no JSON', line: 'firstMs', calls: [] },
])('a line of $why', async ({ line, calls }) => {
  const file = join(folder, 'line.jsonl');
  writeFileSync(file, `${line}\n{"firstMs":9,"gapsMs":[]}\n`);
  expect(await readRecordedTimes(file)).toEqual([...calls, { firstMs: 9, gapsMs: [] }]);
});

test('no file, and no call in it, are errors that say so', async () => {
  await expect(readRecordedTimes(join(folder, 'none'))).rejects.toMatchObject({
    code: 'trace.unreadable',
  });
  writeFileSync(join(folder, 'empty.jsonl'), '{}\n');
  await expect(readRecordedTimes(join(folder, 'empty.jsonl'))).rejects.toMatchObject({
    code: 'trace.empty',
  });
});

test('the file is found from the document’s folder on', async () => {
  const file = join(folder, 'provider.yaml');
  writeFileSync(
    file,
    'apiVersion: agent-infra/v1\nkind: ProviderConfig\nmodels: [{ id: m, timing: { kind: replay, file: times.jsonl } }]\n',
  );
  expect((await loadProviderConfig(file)).models[0]!.timing).toMatchObject({
    file: join(folder, 'times.jsonl'),
  });
});
