import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { HttpClient, exchange } from '../../src/http/client.ts';
import { realClock } from '../../src/system.ts';
import { scriptedUpstream, sendChat } from '../gateway/scripted-upstream.ts';
import type { ScriptedUpstream } from '../gateway/scripted-upstream.ts';
import { binary } from '../support/requirements.ts';

/** The gateway and the recorder as programs: ready lines, signals, exit codes, files. */
let folder: string;
let upstream: ScriptedUpstream;
let hold: (() => void)[] = [];
let isHolding = false;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'agent-infra-servers-'));
  hold = [];
  isHolding = false;
  upstream = await scriptedUpstream((response) => {
    if (isHolding) hold.push(() => sendChat(response));
    else sendChat(response);
  });
});

afterEach(async () => {
  await upstream.close(0);
  rmSync(folder, { recursive: true, force: true });
});

function start(args: readonly string[], env: Record<string, string> = {}): ChildProcess {
  return spawn(process.execPath, [binary, ...args], {
    cwd: folder,
    env: { ...process.env, ...env },
  });
}

/** The first match in what a program prints to one of its streams. */
function printed(stream: NodeJS.ReadableStream | null, pattern: RegExp): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    let text = '';
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const match = pattern.exec(text);
      if (match !== null) resolve(match);
    });
    stream?.on('end', () => reject(new Error(`no ${pattern} in: ${text}`)));
  });
}

function chat(client: HttpClient, content: string): Promise<{ status: number }> {
  return exchange(client, {
    method: 'POST',
    path: '/v1/chat/completions',
    headers: {
      authorization: 'Bearer an-agent-key-of-the-test',
      'content-type': 'application/json',
    },
    body: JSON.stringify({ model: 'm1', messages: [{ role: 'user', content }] }),
  });
}

describe('gateway', () => {
  test('serves, and drains on SIGTERM: the running call ends, the exit code is 0', async () => {
    writeFileSync(
      join(folder, 'gateway.yaml'),
      `apiVersion: agent-infra/v1
kind: GatewayConfig
upstreams: { openai: { url: 'http://127.0.0.1:1', apiKey: '\${PROVIDER_KEY}' } }
agents: [{ id: planner, key: '\${PLANNER_KEY}' }]
`,
    );
    const gateway = start(['gateway', 'gateway.yaml', '--port', '0', '--upstream', upstream.url], {
      PROVIDER_KEY: 'sk-e2e',
      PLANNER_KEY: 'an-agent-key-of-the-test',
    });
    const ended = once(gateway, 'exit');
    const [, url] = await printed(
      gateway.stdout,
      /^gateway listening on (http:\/\/127\.0\.0\.1:\d+)\n/,
    );
    const client = new HttpClient(url!, realClock);
    expect((await chat(client, 'hi')).status).toBe(200);
    isHolding = true;
    const running = chat(client, 'still running');
    await expect.poll(() => hold.length).toBe(1);
    gateway.kill('SIGTERM');
    await printed(gateway.stderr, /draining/);
    hold[0]!();
    expect((await running).status).toBe(200);
    expect((await ended)[0]).toBe(0);
    await client.destroy();
    expect(upstream.seen[0]!.headers.authorization).toBe('Bearer sk-e2e');
  });

  test.for([
    { why: 'no such file', args: ['gateway', 'nope.yaml'], says: /config\.unreadable.*nope\.yaml/ },
    {
      why: 'a port that is none',
      args: ['gateway', 'x.yaml', '--port', '99999'],
      says: /port number/,
    },
  ])('$why is exit 2', ({ args, says }) => {
    const { status, stderr } = spawnSync(process.execPath, [binary, ...args], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(status).toBe(2);
    expect(stderr).toMatch(says);
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});

describe('profile record', () => {
  const agent = `
    const { request } = require('node:http');
    const call = (content) => new Promise((resolve) => {
      const url = new URL(process.env.OPENAI_BASE_URL + '/chat/completions');
      const sent = request(url, { method: 'POST', headers: { 'content-type': 'application/json', authorization: 'Bearer sk-canary-e2e-0001' } },
        (reply) => reply.resume().on('end', resolve));
      sent.end(JSON.stringify({ model: 'm1', messages: [{ role: 'user', content }] }));
    });
    (async () => { for (let i = 0; i < 3; i += 1) await call('canary words ' + i); process.exitCode = Number(process.argv[2] ?? 0); })();`;

  test('runs the agent, records it without its words, and writes the profile', async () => {
    writeFileSync(join(folder, 'agent.cjs'), agent);
    const run = start([
      'profile',
      'record',
      '--recording',
      'r.jsonl',
      '-o',
      'p.yaml',
      '--upstream-openai',
      upstream.url,
      '--',
      process.execPath,
      'agent.cjs',
    ]);
    const report = printed(run.stdout, /3 LLM calls/);
    expect((await once(run, 'exit'))[0]).toBe(0);
    await report;
    expect(readdirSync(folder).toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      'agent.cjs',
      'p.yaml',
      'r.jsonl',
    ]);
    expect(readFileSync(join(folder, 'r.jsonl'), 'utf8').trim().split('\n')).toHaveLength(4);
    for (const name of ['r.jsonl', 'p.yaml']) {
      expect(readFileSync(join(folder, name), 'utf8')).not.toMatch(/canary/);
    }
  });

  test('a failing agent passes its exit code on', async () => {
    writeFileSync(join(folder, 'agent.cjs'), agent);
    const run = start([
      'profile',
      'record',
      '--upstream-openai',
      upstream.url,
      '--',
      process.execPath,
      'agent.cjs',
      '7',
    ]);
    run.stdout?.resume();
    run.stderr?.resume();
    expect((await once(run, 'exit'))[0]).toBe(7);
  });

  test('a program that does not exist is exit 2 and leaves no recording', () => {
    const { status, stderr } = spawnSync(
      process.execPath,
      [binary, 'profile', 'record', '--', 'no-such-agent'],
      {
        cwd: folder,
        encoding: 'utf8',
      },
    );
    expect(status).toBe(2);
    expect(stderr).toMatch(/cannot run no-such-agent/);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('kill -9 loses the call in flight and nothing else', async () => {
    const run = start([
      'profile',
      'record',
      '--listen',
      '--recording',
      'r.jsonl',
      '--upstream-openai',
      upstream.url,
    ]);
    const ended = once(run, 'exit');
    const [, url] = await printed(run.stderr, /recording on (http:\/\/127\.0\.0\.1:\d+)/);
    const client = new HttpClient(url!, realClock);
    for (let call = 0; call < 3; call += 1) await chat(client, `call ${call}`);
    isHolding = true;
    const lost = chat(client, 'in flight');
    lost.catch(() => {});
    await expect.poll(() => hold.length).toBe(1);
    run.kill('SIGKILL');
    await ended;
    await client.destroy();
    expect(existsSync(join(folder, 'r.jsonl'))).toBe(true);
    const read = spawnSync(process.execPath, [binary, 'profile', 'r.jsonl', '--json'], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(JSON.parse(read.stdout)).toMatchObject({
      source: { format: 'recording', records: { read: 4, used: 4 } },
      calls: { count: 3 },
    });
  });
});
