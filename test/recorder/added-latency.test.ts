import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import type { ClientRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import type { Clock } from '../../src/core/clock.ts';
import { startRecordingProxy } from '../../src/recorder/recording-proxy.ts';
import type { RunningRecorder } from '../../src/recorder/recording-proxy.ts';
import { realClock } from '../../src/system.ts';
import type { RecordedCall } from '../../src/traces/recording-format.ts';
import { CHAT_ROLE, CHAT_STREAM, scriptedUpstream, sse } from '../gateway/scripted-upstream.ts';
import type { Script, ScriptedUpstream } from '../gateway/scripted-upstream.ts';

/**
 * The recorder's own cost on a clock that only the test moves: what passes while the provider works
 * is the provider's, what passes while the recorder holds the request is the recorder's.
 */
let nowMs = 0;
const handClock: Clock = { now: () => nowMs, at: (atMs, action) => realClock.at(atMs, action) };

let folder: string;
let upstream: ScriptedUpstream;
let recorder: RunningRecorder;

beforeEach(() => {
  nowMs = 1000;
  folder = mkdtempSync(join(tmpdir(), 'agent-infra-added-'));
});

afterEach(async () => {
  await recorder.close();
  await upstream.close(0);
  rmSync(folder, { recursive: true, force: true });
});

async function start(script: Script): Promise<void> {
  upstream = await scriptedUpstream(script);
  recorder = await startRecordingProxy({
    listen: { host: '127.0.0.1', port: 0 },
    upstreams: { openai: `${upstream.url}/v1`, anthropic: upstream.url },
    recording: join(folder, 'run.jsonl'),
    tool: 'test',
    clock: handClock,
  });
}

const BODY = JSON.stringify({ model: 'm1', stream: true, messages: [] });

/** A request whose body is sent by hand. */
function ask(headers: Record<string, string> = {}): {
  readonly call: ClientRequest;
  readonly over: Promise<void>;
} {
  const call = request(`${recorder.url}/v1/chat/completions`, { method: 'POST', headers });
  const over = new Promise<void>((resolve) => {
    call.on('response', (reply) => reply.resume().on('close', () => resolve()));
    call.on('error', () => resolve());
  });
  return { call, over };
}

async function recorded(): Promise<RecordedCall> {
  await expect.poll(() => recorder.calls).toBe(1);
  const [, line] = readFileSync(join(folder, 'run.jsonl'), 'utf8').split('\n');
  return JSON.parse(line!) as RecordedCall;
}

test('time at the provider, before and within the reply, is not the recorder’s', async () => {
  let finish = (): void => {};
  await start((response) => {
    nowMs += 700;
    sse(response).write(CHAT_ROLE);
    finish = () => {
      nowMs += 300;
      response.end(CHAT_STREAM.slice(CHAT_ROLE.length));
    };
  });
  const { call, over } = ask();
  // The rest goes out when the first part has gone through.
  call.on('response', (reply) => reply.once('data', () => finish()));
  call.end(BODY);
  await over;
  expect(await recorded()).toMatchObject({
    sentMs: 0,
    endMs: 1000,
    added: { firstByteMs: 0, totalMs: 0 },
  });
  expect(recorder.added.total.count).toBe(1);
  expect(recorder.added.total.quantileMs(0.5)).toBe(0);
});

test('time in which the recorder waits for the body is its own: it stores and forwards', async () => {
  await start((response) => {
    nowMs += 700;
    sse(response).end(CHAT_STREAM);
  });
  const { call, over } = ask({ expect: '100-continue' });
  call.flushHeaders();
  // "Continue" says that the head has arrived.
  call.on('continue', () => {
    nowMs += 40;
    call.end(BODY);
  });
  await over;
  const { added, endMs } = await recorded();
  expect(added).toEqual({ firstByteMs: 40, totalMs: 40 });
  expect(endMs).toBe(700);
  expect(recorder.added.firstByte.quantileMs(0.5)).toBeCloseTo(40, 1);
});

test('a reply that never ended adds nothing to the figures', async () => {
  await start((response) => {
    sse(response).write(CHAT_ROLE, () => response.destroy());
  });
  const { call, over } = ask();
  call.end(BODY);
  await over;
  expect((await recorded()).added).toBeUndefined();
  expect(recorder.added.total.count).toBe(0);
});
