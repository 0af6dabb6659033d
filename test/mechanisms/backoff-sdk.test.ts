import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { Random } from '../../src/core/random.ts';
import { retryDelayMs } from '../../src/mechanisms/backoff.ts';
import type { RetryPolicy } from '../../src/mechanisms/backoff.ts';

/**
 * The installed SDKs are asked themselves: the same failed answers go to the SDK and to our policy,
 * and the delays the SDK hands to setTimeout must be ours. (openai 6.49, @anthropic-ai/sdk 1.11.)
 */
const TIMEOUT_MS = 600_000;
const NOW_MS = Date.UTC(2026, 10, 20, 12);
/** Makes the SDK's jitter the middle one. */
const MIDDLE = 0.5;

const realTimeout = globalThis.setTimeout;
let slept: number[] = [];

beforeEach(() => {
  slept = [];
  vi.spyOn(Math, 'random').mockReturnValue(MIDDLE);
  vi.spyOn(Date, 'now').mockReturnValue(NOW_MS);
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(((action: () => void, ms?: number) => {
    if (ms === TIMEOUT_MS) return realTimeout(() => {}, 0);
    slept.push(ms ?? 0);
    return realTimeout(action, 0);
  }) as typeof setTimeout);
});

afterEach(() => {
  vi.restoreAllMocks();
});

type Answer = { status: number; headers: Record<string, string> } | 'connection error';

function fetchOf(answer: Answer): typeof fetch {
  return () => {
    if (answer === 'connection error') return Promise.reject(new TypeError('fetch failed'));
    const { status, headers } = answer;
    return Promise.resolve(
      new Response('{"error":{"message":"no"}}', {
        status,
        headers: { 'content-type': 'application/json', ...headers },
      }),
    );
  };
}

const clients: Record<'openai-js-6' | 'anthropic-js', (answer: Answer) => Promise<unknown>> = {
  'openai-js-6': (answer) =>
    new OpenAI({ apiKey: 'none', fetch: fetchOf(answer), timeout: TIMEOUT_MS }).models.list(),
  'anthropic-js': (answer) =>
    new Anthropic({ apiKey: 'none', fetch: fetchOf(answer), timeout: TIMEOUT_MS }).models.list(),
};

/** The delays our policy gives for the same answer again and again, at the middle jitter. */
function ours(policy: RetryPolicy, answer: Answer): number[] {
  const middle = { uniform: () => MIDDLE } as Random;
  const delays: number[] = [];
  for (let attempt = 1; ; attempt += 1) {
    const failed = answer === 'connection error' ? { headers: {} } : answer;
    const ms = retryDelayMs(policy, { ...failed, attempt, nowEpochMs: NOW_MS }, middle);
    if (ms === undefined) return delays;
    delays.push(ms);
  }
}

/** Delays that all fire at once on a real timer count as 0. */
function asTimer(ms: number): number {
  return ms > 0 && ms <= 2 ** 31 - 1 ? ms : 0;
}

const date = (seconds: number): string => new Date(NOW_MS + seconds * 1000).toUTCString();
const answers: readonly { why: string; answer: Answer }[] = [
  { why: 'connection error', answer: 'connection error' },
  ...[400, 401, 402, 403, 404, 408, 409, 422, 429, 500, 503, 504, 529].map((status) => ({
    why: `status ${status}`,
    answer: { status, headers: {} },
  })),
  ...[
    { 'retry-after': '1' },
    { 'retry-after': '0' },
    { 'retry-after': '0.25' },
    { 'retry-after': '60' },
    { 'retry-after': '3600' },
    { 'retry-after': '2592000' },
    { 'retry-after': '-1' },
    { 'retry-after': 'soon' },
    { 'retry-after': '2s' },
    { 'retry-after': date(5) },
    { 'retry-after': date(-5) },
    { 'retry-after-ms': '200' },
    { 'retry-after-ms': '0' },
    { 'retry-after-ms': '200', 'retry-after': '7' },
    { 'retry-after-ms': '0', 'retry-after': '3' },
    { 'retry-after-ms': 'soon', 'retry-after': '3' },
    { 'x-should-retry': 'false' },
  ].map((headers) => ({
    why: JSON.stringify(headers),
    answer: { status: 429, headers: { ...headers } },
  })),
  {
    why: '400 with x-should-retry',
    answer: { status: 400, headers: { 'x-should-retry': 'true' } },
  },
];

describe.each(['openai-js-6', 'anthropic-js'] as const)('%s', (policy) => {
  test.for(answers)('$why', async ({ answer }) => {
    await expect(clients[policy](answer)).rejects.toThrow(Error);
    expect(slept.map(asTimer)).toEqual(ours(policy, answer).map(asTimer));
  });
});
