import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { binary } from '../support/requirements.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'agent-infra-provider-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Started {
  readonly url: string;
  /** Sends the signal and returns the exit code. */
  stop(signal: NodeJS.Signals): Promise<number | null>;
}

async function start(...args: string[]): Promise<Started> {
  const child = spawn(process.execPath, [binary, 'provider', '--port', '0', ...args]);
  const exited = new Promise<number | null>((resolve) => void child.once('exit', resolve));
  const lines = createInterface({ input: child.stdout });
  const line = await new Promise<string>((resolve, reject) => {
    lines.once('line', resolve);
    child.once('exit', () => reject(new Error('ended before it was ready')));
  });
  expect(line).toMatch(/^provider listening on http:\/\/127\.0\.0\.1:\d+$/);
  return {
    url: line.replace('provider listening on ', ''),
    stop: (signal) => {
      child.kill(signal);
      return exited;
    },
  };
}

const chat = (stream: boolean, max_tokens = 20): RequestInit => ({
  method: 'POST',
  headers: { authorization: 'Bearer key' },
  body: JSON.stringify({
    model: 'sim-1',
    stream,
    max_tokens,
    ignore_eos: true,
    messages: [{ role: 'user', content: 'hi' }],
  }),
});

test.for(['SIGTERM', 'SIGINT'] as const)(
  'serves, and drains on %s: a running stream is finished',
  async (signal) => {
    const provider = await start();
    const response = await fetch(`${provider.url}/v1/chat/completions`, chat(true, 200));
    const ended = provider.stop(signal);
    expect(await response.text()).toMatch(/data: \[DONE\]\n\n$/);
    expect(await ended).toBe(0);
  },
);

test('a configuration file, its log, and the admin counts', async () => {
  const file = join(folder, 'provider.yaml');
  const log = join(folder, 'log.jsonl');
  writeFileSync(
    file,
    'apiVersion: agent-infra/v1\nkind: ProviderConfig\nmodels:\n  - id: sim-1\n    limits: {style: openai, rpm: 1}\n    timing: {kind: fixed, ttft: 1ms, itl: 1ms}\n',
  );
  const provider = await start(file, '--log', log);
  const statuses = [];
  for (const stream of [true, false]) {
    const response = await fetch(`${provider.url}/v1/chat/completions`, chat(stream));
    statuses.push(response.status);
    await response.text();
  }
  expect(statuses).toEqual([200, 429]);
  const { keys } = (await (await fetch(`${provider.url}/admin/keys`)).json()) as {
    keys: Record<string, unknown>;
  };
  expect(Object.values(keys)).toMatchObject([{ requests: 2, limited: 1 }]);
  await provider.stop('SIGTERM');
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { outcome: string }).outcome).toSorted()).toEqual(
    ['complete', 'refused'],
  );
});

test('workers share one port, one account per key, one log, and one admin view', async () => {
  const file = join(folder, 'workers.yaml');
  const log = join(folder, 'workers.jsonl');
  writeFileSync(
    file,
    'apiVersion: agent-infra/v1\nkind: ProviderConfig\nmodels:\n  - id: sim-1\n    limits: {style: openai, rpm: 10}\n    timing: {kind: fixed, ttft: 1ms, itl: 1ms}\n',
  );
  const provider = await start(file, '--workers', '2', '--log', log);
  const statuses: number[] = [];
  // A connection each: they fall on both workers.
  for (let index = 0; index < 14; index += 1) {
    const init = chat(index % 2 === 0);
    const headers = { ...(init.headers as Record<string, string>), connection: 'close' };
    const response = await fetch(`${provider.url}/v1/chat/completions`, { ...init, headers });
    statuses.push(response.status);
    await response.text();
  }
  expect(statuses).toEqual([...Array.from({ length: 10 }, () => 200), 429, 429, 429, 429]);
  const json = async (path: string, init?: RequestInit): Promise<unknown> =>
    (await fetch(`${provider.url}${path}`, init)).json();
  const { keys } = (await json('/admin/keys')) as { keys: Record<string, unknown> };
  expect(Object.values(keys)).toMatchObject([
    { requests: 14, limited: 4, outcomes: { complete: 10 } },
  ]);
  const metrics = await (await fetch(`${provider.url}/metrics`)).text();
  expect(metrics).toContain(
    'vllm:request_success_total{model_name="sim-1",finished_reason="length"} 10',
  );
  expect(metrics.match(/# TYPE vllm:num_requests_running gauge/g)).toHaveLength(1);
  // A fault script is in force in every worker when the answer comes.
  await json('/admin/faults', {
    method: 'PUT',
    body: JSON.stringify([{ kind: 'status', status: 529 }]),
  });
  const struck = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const init = {
        ...chat(false),
        headers: { authorization: 'Bearer key', connection: 'close' },
      };
      return (await fetch(`${provider.url}/v1/chat/completions`, init)).status;
    }),
  );
  expect(struck).toEqual(Array.from({ length: 6 }, () => 529));
  expect(await provider.stop('SIGTERM')).toBe(0);
  const records = readFileSync(log, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { id: string });
  expect(new Set(records.map(({ id }) => id)).size).toBe(20);
});

test.for([
  {
    why: 'an unknown preset',
    args: ['--preset', 'fats'],
    says: ['unknown preset "fats"', 'Did you mean "fast"?'],
  },
  { why: 'file and preset', args: ['x.yaml', '--preset', 'fast'], says: ['not both'] },
  { why: 'a missing file', args: ['nothing.yaml'], says: ['config.unreadable', 'nothing.yaml'] },
  { why: 'a port that is none', args: ['--port', '80a'], says: ['--port'] },
])('refused with exit code 2: $why', ({ args, says }) => {
  const { status, stderr } = spawnSync(process.execPath, [binary, 'provider', ...args], {
    encoding: 'utf8',
    cwd: folder,
  });
  expect(status).toBe(2);
  for (const part of says) expect(stderr).toContain(part);
});

test.for([['1'], ['2']])(
  'a port that is taken is exit code 3, with %s workers too',
  async ([workers]) => {
    const provider = await start();
    const { status, stderr } = spawnSync(
      process.execPath,
      [binary, 'provider', '--port', new URL(provider.url).port, '--workers', workers!],
      { encoding: 'utf8' },
    );
    await provider.stop('SIGTERM');
    expect(status).toBe(3);
    expect(stderr).toContain('listen.failed');
  },
);
