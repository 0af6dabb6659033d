import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { LatencyHistogram } from '../../src/core/histogram.ts';
import type { TokenRecord } from '../../src/core/tokens.ts';
import type { RequestRecord } from '../../src/provider/request-log.ts';
import type { RecordedCall } from '../../src/traces/recording-format.ts';
import { binary, root } from '../support/requirements.ts';

/**
 * `profile record` between agents on the official SDKs and the simulated provider, all three as
 * programs. The provider's own request log says what is true.
 */
const folder = mkdtempSync(join(tmpdir(), 'agent-infra-record-'));
const agents = resolve(root, 'test/fixtures/agents');

/** One seed and one creation time: a fresh provider repeats every byte. */
const PROVIDER = `apiVersion: agent-infra/v1
kind: ProviderConfig
seed: bytes
createdAt: 2026-01-01T00:00:00Z
models:
  - id: sim-1
    timing: { kind: fixed, ttft: 10ms, itl: 1ms }
    tools: { parallel: 3 }
embeddings: [{ id: sim-embed-1, dimensions: 64, latency: 2ms }]
faults:
  # The SDK tries again: one call of two attempts.
  - { kind: status, status: 529, first: 1, retryAfterMs: 5ms }
`;
writeFileSync(join(folder, 'provider.yaml'), PROVIDER);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program that must succeed. */
async function node(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const child = spawn(process.execPath, args, { cwd: folder, env: { ...process.env, ...env } });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`);
  return { stdout, stderr };
}

/** Runs something against a provider of its own, and gives what that logged. */
async function withProvider(
  log: string,
  use: (url: string) => Promise<void>,
): Promise<RequestRecord[]> {
  const args = [binary, 'provider', 'provider.yaml', '--port', '0', '--log', log];
  const provider = spawn(process.execPath, args, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const over = once(provider, 'exit');
  try {
    const [line] = (await once(provider.stdout, 'data')) as [Buffer];
    await use(/http:\/\/[\d.]+:\d+/.exec(line.toString())![0]);
  } finally {
    provider.kill('SIGTERM');
    await over;
  }
  return jsonLines<RequestRecord>(log);
}

function jsonLines<T>(file: string): T[] {
  const lines = readFileSync(join(folder, file), 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as T);
}

/** Nothing of this machine's environment may lead an SDK elsewhere, or past the proxy. */
const KEYS = { OPENAI_API_KEY: 'k', ANTHROPIC_API_KEY: 'k' };

interface Hash {
  readonly path: string;
  readonly status: number;
  readonly bytes: number;
  readonly sha256: string;
}

const total = (records: readonly TokenRecord[], count: (tokens: TokenRecord) => number): number =>
  records.reduce((sum, tokens) => sum + count(tokens), 0);

describe.each([
  { agent: 'openai', calls: 12, embeddings: 1, unrecorded: 0, sessions: 5 },
  // Counting tokens passes through and is no call.
  { agent: 'anthropic', calls: 10, embeddings: 0, unrecorded: 1, sessions: 5 },
])('an agent on the $agent SDK', ({ agent, calls, embeddings, sessions, unrecorded }) => {
  let without: readonly Hash[];
  let through: readonly Hash[];
  let log: readonly RequestRecord[];
  let lines: readonly RecordedCall[];
  let ended: Ended;
  /** The parts of the profile that are looked at. */
  let profile: {
    calls: Record<string, number>;
    sessions: { count: number };
    tokens: Record<string, { sum: number }>;
  };

  beforeAll(async () => {
    const script = join(agents, `${agent}-agent.mjs`);
    await withProvider(`${agent}-direct.log`, async (url) => {
      const env = { ...KEYS, OPENAI_BASE_URL: `${url}/v1`, ANTHROPIC_BASE_URL: url };
      await node([script, `${agent}-direct.json`], env);
    });
    log = await withProvider(`${agent}.log`, async (url) => {
      const upstreams = ['--upstream-openai', url, '--upstream-anthropic', url];
      const record = ['profile', 'record', '--json', '--recording', `${agent}.jsonl`, ...upstreams];
      const command = [process.execPath, script, `${agent}-through.json`];
      ended = await node([binary, ...record, '--', ...command], KEYS);
    });
    without = JSON.parse(readFileSync(join(folder, `${agent}-direct.json`), 'utf8')) as Hash[];
    through = JSON.parse(readFileSync(join(folder, `${agent}-through.json`), 'utf8')) as Hash[];
    lines = jsonLines<RecordedCall>(`${agent}.jsonl`).slice(1);
    profile = JSON.parse(ended.stdout) as typeof profile;
  });

  test('the SDK’s fetch receives the same bytes with and without the proxy', () => {
    expect(without).toHaveLength(calls + unrecorded);
    expect(without.every(({ bytes, sha256 }) => bytes > 0 && sha256.length === 64)).toBe(true);
    expect(new Set(without.map(({ status }) => status))).toEqual(new Set([529, 200, 404]));
    expect(through).toEqual(without);
  });

  test('every call has the tokens of the provider’s own log', () => {
    const logged = log.filter(({ path }) => !path.endsWith('/count_tokens'));
    expect(logged).toHaveLength(calls);
    // Calls that ran at once may end in another order.
    const row = (path: string, status?: number, tokens?: TokenRecord): string =>
      JSON.stringify([path.split('/').at(-1), status, tokens]);
    const recorded = lines.map(({ endpoint, status, tokens }) =>
      row(endpoint === 'chat' ? 'completions' : endpoint, status, tokens),
    );
    const byText = (a: string, b: string): number => (a < b ? -1 : 1);
    expect(recorded.toSorted(byText)).toEqual(
      logged.map(({ path: asked, status, tokens }) => row(asked, status, tokens)).toSorted(byText),
    );
    expect(lines.filter(({ tokensBasis }) => tokensBasis === 'estimated')).toEqual([]);
  });

  test('so has the profile: tokens, attempts, sessions', () => {
    const generated = log.flatMap(({ path, tokens }) =>
      tokens === undefined || path.endsWith('/embeddings') ? [] : [tokens],
    );
    const { cacheRead, input, output, uncached } = profile.tokens;
    expect({
      uncached: uncached!.sum,
      cacheRead: cacheRead!.sum,
      cacheWrite: profile.tokens['cacheWrite']?.sum ?? 0,
      output: output!.sum,
    }).toEqual({
      uncached: total(generated, (tokens) => tokens.uncached),
      cacheRead: total(generated, (tokens) => tokens.cacheRead),
      cacheWrite: total(generated, (tokens) => tokens.cacheWrite5m + tokens.cacheWrite1h),
      output: total(generated, (tokens) => tokens.output),
    });
    expect(input!.sum).toBeGreaterThan(5000);
    expect(cacheRead!.sum).toBeGreaterThan(5000);
    // One refusal stays an error; the overload was tried again.
    expect(profile.calls).toMatchObject({
      count: calls - 1 - embeddings,
      attempts: calls - embeddings,
      errors: 1,
      embeddings,
    });
    expect(profile.sessions.count).toBe(sessions);
  });

  test('the latency that the proxy added is measured per call and told', () => {
    const [firstByte, whole] = [new LatencyHistogram(), new LatencyHistogram()];
    for (const { added } of lines) {
      firstByte.record(added!.firstByteMs!);
      whole.record(added!.totalMs);
      expect(added!.totalMs).toBeGreaterThan(0);
    }
    expect(whole.count).toBe(calls);
    const [first, all] = [firstByte, whole].map((times) => {
      const [p50, p95] = [0.5, 0.95].map((share) => times.quantileMs(share)!.toFixed(2));
      return `p50 ${p50} ms, p95 ${p95} ms`;
    });
    expect(ended.stderr).toContain(
      `recorded ${calls} calls; the proxy added ${first} to the first byte and ${all} to the whole call`,
    );
  });
});

test('a stream that the agent leaves is recorded as cancelled, its tokens estimated', async () => {
  const log = await withProvider('leaver.log', async (url) => {
    const script = join(agents, 'openai-leaver.mjs');
    const record = ['profile', 'record', '--json', '--recording', 'leaver.jsonl'];
    const upstream = ['--upstream-openai', url];
    const command = [process.execPath, script];
    const { stdout } = await node([binary, ...record, ...upstream, '--', ...command], KEYS);
    expect(JSON.parse(stdout)).toMatchObject({
      calls: { count: 1, attempts: 2, errors: 1, tokensEstimated: 1 },
    });
  });
  const [, call] = jsonLines<RecordedCall>('leaver.jsonl').slice(1);
  expect(call).toMatchObject({
    outcome: 'cancelled',
    error: 'cancelled',
    tokensBasis: 'estimated',
  });
  // The provider counts what it made until it noticed; the agent saw at least ten pieces.
  const left = log.find(({ outcome }) => outcome === 'client-closed');
  expect(call!.tokens!.uncached).toBe(left!.tokens!.uncached);
  expect(call!.tokens!.output).toBeGreaterThanOrEqual(10);
  expect(call!.tokens!.output).toBeLessThan(5000);
});
