import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { main } from '../../src/cli/main.ts';

const folder = mkdtempSync(join(tmpdir(), 'agent-infra-catalog-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let out = '';
let err = '';

beforeEach(() => {
  [out, err] = ['', ''];
  vi.stubEnv('SOURCE_DATE_EPOCH', String(Date.parse('2026-11-20') / 1000));
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += String(text);
    return true;
  });
  vi.spyOn(console, 'error').mockImplementation((text) => {
    err += `${String(text)}\n`;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const list = JSON.stringify([
  {
    id: 'openai',
    models: [{ id: 'gpt-5.5', prices: { input_mtok: 6, output_mtok: 30 } }],
  },
]);

describe('catalog list, show and check', () => {
  test('list names every provider', async () => {
    expect(await main(['catalog', 'list'])).toBe(0);
    expect(out).toContain('openai');
    expect(out).toContain('tier1, tier2');
  });

  test('show gives each row its date and page', async () => {
    expect(await main(['catalog', 'show', 'openai', 'gpt-5.5'])).toBe(0);
    expect(out).toContain('2026-09-01');
    expect(out).toContain('developers.openai.com');
  });

  test.for([
    { args: ['show', 'opnai'], says: 'did you mean "openai"?', why: 'unknown provider' },
    { args: ['show', 'openai', 'gpt-5.6-soll'], says: 'did you mean "gpt-5.6-sol"?', why: 'model' },
    { args: ['show', 'openai', '--on', 'soon'], says: 'expected a date', why: 'date' },
    { args: ['check', '--max-price-age', '30'], says: 'such as 30d', why: 'age without unit' },
    { args: ['update', '--from', 'http://example.com/x'], says: 'only https', why: 'plain http' },
    { args: ['update', '--from', join(folder, 'none.json')], says: 'no such file', why: 'no file' },
  ])('bad input exits with 2 or 3: $why', async ({ args, says }) => {
    expect(await main(['catalog', ...args])).toBeGreaterThanOrEqual(2);
    expect(err).toContain(says);
  });

  test('check passes without a bound and fails with 99 beyond it', async () => {
    expect(await main(['catalog', 'check'])).toBe(0);
    expect(await main(['catalog', 'check', '--max-price-age', '4000d'])).toBe(0);
    expect(await main(['catalog', 'check', '--max-price-age', '30d'])).toBe(99);
    expect(err).toContain('gate failed');
  });
});

describe('catalog update and limits', () => {
  test('a file: differences, and an overlay that plans can use', async () => {
    const overlay = join(folder, 'overlay.yaml');
    const from = file('data.json', list);
    expect(await main(['catalog', 'update', '--from', from, '--write', overlay])).toBe(0);
    expect(out).toContain('gpt-5.5');
    expect(out).toContain('$6');
    const written = readFileSync(overlay, 'utf8');
    expect(written).toContain('genai-prices (data.json)');
    expect(written, 'no path of this machine').not.toContain(folder);
    expect(await main(['catalog', 'check', '--prices', overlay, '--json'])).toBe(0);
  });

  test('an address on loopback', async () => {
    const server = createServer((_request, response) => response.end(list));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    expect(await main(['catalog', 'update', '--from', `http://127.0.0.1:${port}/d.json`])).toBe(0);
    expect(out).toContain('gpt-5.5');
    server.close();
  });

  test('limits of 429 bodies', async () => {
    const body =
      'Rate limit reached for gpt-5.5 in organization org-1 on tokens per min (TPM): Limit 30000, Used 28000, Requested 3000. Please try again in 2s.';
    expect(await main(['catalog', 'limits', '--from', file('log.txt', body)])).toBe(0);
    expect(out).toContain('30k');
    expect(out).toContain('93.3% used');
  });
});

describe('plans with prices and limits from elsewhere', () => {
  const plan = (): string =>
    file(
      'plan.yaml',
      `apiVersion: agent-infra/v1
kind: Plan
workload: { numbers: { callsPerTurn: 2, inputTokens: 1k, outputTokens: 100 } }
targets: { concurrentUsers: 10, interactionsPerMinute: 1 }
scales: [1]
routes: [{ provider: openai, model: gpt-5.5 }]
`,
    );

  test('an overlay’s price, with its page, changes the bill', async () => {
    const overlay = join(folder, 'plan-overlay.yaml');
    const from = file('plan-data.json', list);
    await main(['catalog', 'update', '--from', from, '--write', overlay]);
    out = '';
    expect(await main(['plan', plan(), '--json'])).toBe(0);
    const before = JSON.parse(out) as { scales: { cost: { monthly: { api: number } } }[] };
    out = '';
    expect(await main(['plan', plan(), '--prices', overlay, '--json'])).toBe(0);
    const after = JSON.parse(out) as typeof before;
    // 1,000 tokens in at $6 instead of $5, 100 out at $30.
    const ratio = after.scales[0]!.cost.monthly.api / before.scales[0]!.cost.monthly.api;
    expect(ratio).toBeCloseTo(9 / 8, 9);
    expect(out).toContain('genai-prices (plan-data.json)');
  });

  test('limits of the account replace the tier’s, and the report says whose they are', async () => {
    const body =
      'Rate limit reached for gpt-5.5 in organization org-1 on tokens per min (TPM): Limit 12345, Used 12000, Requested 3000. Please try again in 2s.';
    const log = file('429.log', body);
    expect(await main(['plan', plan(), '--limits-from', log, '--json'])).toBe(0);
    const { scales } = JSON.parse(out) as {
      scales: { limits: { dimension: string; limit: number }[] }[];
    };
    const tpm = scales[0]!.limits.find(({ dimension }) => dimension === 'tpm')!;
    expect(tpm.limit).toBe(12_345);
    expect(out).toContain("the account's own (a 429 body)");
  });

  test('an old price warns in plan and fails plan check', async () => {
    expect(await main(['plan', plan(), '--max-price-age', '30d'])).toBe(0);
    expect(out).toContain('1 price is older than 30 days: prices openai gpt-5.5');
    const generous = [
      'plan',
      'check',
      plan(),
      '--max-price-age',
      '4000d',
      '--set',
      'routes.0.limits={rpm: 5000}',
    ];
    expect(await main(generous)).toBe(0);
    const strict = generous.map((one) => (one === '4000d' ? '30d' : one));
    expect(await main(strict)).toBe(99);
    expect(err).toContain('gate failed: age of prices');
  });
});
