import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { importLimits, limitsFor } from '../../src/catalog/limits-import.ts';
import { runCli } from '../support/run-cli.ts';

const har = (model: string | undefined, headers: Record<string, string>): string =>
  JSON.stringify({
    log: {
      version: '1.2',
      entries: [
        {
          request: {
            method: 'POST',
            url: 'https://api.example.com/v1/chat/completions',
            postData: { text: JSON.stringify({ model, messages: [{ content: 'a secret' }] }) },
          },
          response: {
            status: 200,
            headers: Object.entries(headers).map(([name, value]) => ({ name, value })),
          },
        },
        { request: {}, response: { status: 204 } },
      ],
    },
  });

const headers = {
  'X-RateLimit-Limit-Requests': '30000',
  'X-RateLimit-Remaining-Requests': '15000',
  'X-RateLimit-Limit-Tokens': '180000000',
  Date: 'today',
};

const attribute = (key: string, value: object): object => ({ key, value });
const otlp = (spans: readonly object[]): string =>
  JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] });
const httpSpan = {
  spanId: 'b',
  parentSpanId: 'a',
  attributes: [
    attribute('http.response.header.anthropic-ratelimit-requests-limit', {
      arrayValue: { values: [{ stringValue: '4000' }] },
    }),
    attribute('http.response.header.anthropic_ratelimit_input_tokens_limit', {
      stringValue: '2000000',
    }),
  ],
};
const chatSpan = {
  spanId: 'a',
  attributes: [attribute('gen_ai.request.model', { stringValue: 'claude-haiku-4-5' })],
};

describe('limits out of traces', () => {
  test('an HTTP archive: the model of the request, the headers of its answer', () => {
    const imported = importLimits(har('gpt-5.4-mini', headers), 'x.har');
    expect(limitsFor(imported, 'openai', 'gpt-5.4-mini')).toEqual({
      limits: { rpm: 30_000, tpm: 180_000_000 },
      evidence: ['rate-limit headers of 1 call'],
    });
    expect(imported[0]!.mostUsed).toBeCloseTo(0.5, 9);
    expect(JSON.stringify(imported)).not.toContain('secret');
  });

  test.for([
    { why: 'one document', text: otlp([chatSpan, httpSpan]) },
    { why: 'a document per line', text: `${otlp([chatSpan])}\n${otlp([httpSpan])}\n` },
    {
      why: 'headers at the GenAI span itself',
      text: otlp([{ attributes: [...chatSpan.attributes, ...httpSpan.attributes] }]),
    },
  ])('OTLP, $why: the model stands at the span above', ({ text }) => {
    const imported = importLimits(text, 'otlp.json');
    expect(limitsFor(imported, 'anthropic', 'claude-haiku-4-5')?.limits).toEqual({
      rpm: 4000,
      itpm: 2_000_000,
    });
    expect(JSON.stringify(imported)).toContain('rate-limit headers of 1 call"');
  });

  test('spans without such headers tell nothing', () => {
    expect(() => importLimits(otlp([chatSpan]), 'otlp.json')).toThrow('otlp.json: no limits found');
  });
});

describe('limits out of quota exports', () => {
  const quota = (QuotaName: string, Value: number): object => ({ QuotaName, Value, Unit: 'None' });

  test('AWS Service Quotas: other models, other kinds of inference and quotas of 0 stay apart', () => {
    const tokens = 'model inference tokens per minute for Anthropic';
    const imported = importLimits(
      JSON.stringify({
        Quotas: [
          quota(`Cross-region ${tokens} Claude 3.5 Sonnet`, 800_000),
          quota(`Cross-region ${tokens} Claude 3.5 Sonnet V2`, 1_000_000),
          quota(`On-demand, latency-optimized ${tokens} Claude 3.5 Sonnet`, 5),
          quota(`Global cross-region ${tokens} Claude Sonnet 4 V1`, 9000),
          quota(`Cross-region ${tokens} Claude Sonnet 4 V1`, 0),
        ],
      }),
      'quotas.json',
    );
    expect(imported.map(({ limits, models }) => [models, limits])).toEqual([
      [['claude-sonnet-4'], { tpm: 9000 }],
      [['claude-3-5-sonnet'], { tpm: 800_000 }],
      [['claude-3-5-sonnet-v2'], { tpm: 1_000_000 }],
    ]);
  });

  test('AWS Service Quotas: cross-region wins, models as the catalog names them', () => {
    const text = JSON.stringify({
      Quotas: [
        quota(
          'Cross-region model inference tokens per minute for Anthropic Claude Sonnet 4.6',
          5e6,
        ),
        quota('On-demand model inference tokens per minute for Anthropic Claude Sonnet 4.6', 2e5),
        quota('Cross-Region InvokeModel tokens per minute for Claude Haiku 4.5 V1', 3e6),
        quota('On-demand model inference requests per minute for Anthropic Claude Haiku 4.5', 100),
        quota('Number of custom models per account', 10),
      ],
    });
    const imported = importLimits(text, 'quotas.json');
    expect(limitsFor(imported, 'bedrock', 'claude-sonnet-4-6')?.limits).toEqual({ tpm: 5e6 });
    expect(limitsFor(imported, 'bedrock', 'claude-haiku-4-5')?.limits).toEqual({
      tpm: 3e6,
      rpm: 100,
    });
    expect(imported).toHaveLength(2);
  });

  test.for([
    { why: 'the REST answer', wrap: (value: unknown) => ({ value }) },
    { why: 'the list that az prints', wrap: (value: unknown) => value },
  ])('Azure usages, $why: thousands of tokens a minute', ({ wrap }) => {
    const usages = [
      { name: { value: 'OpenAI.GlobalStandard.gpt-5.4-mini' }, currentValue: 250, limit: 1000 },
      { name: { value: 'AccountCount' }, currentValue: 1, limit: 30 },
    ];
    const imported = importLimits(JSON.stringify(wrap(usages)), 'usages.json');
    expect(limitsFor(imported, 'azure', 'gpt-5.4-mini')?.limits).toEqual({ tpm: 1_000_000 });
    expect(imported[0]!.warnings[0]).toContain('250 of 1000 thousand tokens');
  });
});

describe('plan --limits-from', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'agent-infra-limits-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('evidence without a model is that of the plan’s only model of the provider', async () => {
    const evidence = join(folder, 'headers.txt');
    writeFileSync(evidence, 'x-ratelimit-limit-requests: 77\nx-ratelimit-limit-tokens: 90000\n');
    const plan = join(folder, 'plan.yaml');
    writeFileSync(
      plan,
      [
        'apiVersion: agent-infra/v1',
        'kind: Plan',
        'workload: { numbers: { callsPerTurn: 1 } }',
        'targets: { concurrentUsers: 10, interactionsPerMinute: 1 }',
        'routes: [{ provider: openai, model: gpt-5.4-mini, tier: tier5 }]',
        'scales: [1]',
      ].join('\n'),
    );
    const { code, out } = await runCli(['plan', plan, '--json', '--limits-from', evidence]);
    expect(code).toBe(0);
    const { scales, sources } = JSON.parse(out) as {
      scales: { limits: { dimension: string; limit: number }[] }[];
      sources: { page: string }[];
    };
    expect(scales[0]!.limits).toContainEqual(
      expect.objectContaining({ dimension: 'rpm', limit: 77 }),
    );
    expect(sources.map(({ page }) => page)).toContain(
      "the account's own (rate-limit headers of 1 call)",
    );
  });
});
