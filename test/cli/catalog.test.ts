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
    { args: ['update', '--from', join(folder, 'none.json')], says: 'ENOENT', why: 'no file' },
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
