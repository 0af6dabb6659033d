import { expect, test } from 'vitest';

import { recordedCost } from '../../src/traces/recorded-cost.ts';
import { allCalls, collectText } from './collected.ts';

test.for([
  { why: 'a number', fields: [0.25], cost: 0.25 },
  { why: 'text, as CSV and OTLP carry it', fields: ['0.25'], cost: 0.25 },
  { why: 'the first field that has one', fields: [undefined, null, 0.5, 2], cost: 0.5 },
  { why: '0 is a model without a price: look on', fields: [0, 0.5], cost: 0.5 },
  { why: 'only 0 is unknown', fields: [0, '0'], cost: undefined },
  { why: 'a refund or damage is no cost', fields: [-1], cost: undefined },
  { why: 'no number', fields: ['much', {}], cost: undefined },
])('$why', ({ fields, cost }) => {
  expect(recordedCost(...fields)).toBe(cost);
});

const times = {
  start_time: '2026-01-05T09:00:00',
  end_time: '2026-01-05T09:00:02',
};
const usage = { prompt_tokens: 40, completion_tokens: 2 };
const seconds = Date.UTC(2026, 0, 5, 9) / 1000;

const documents: readonly { readonly format: string; readonly document: object }[] = [
  {
    format: 'litellm',
    document: {
      request_id: 'r',
      call_type: 'acompletion',
      startTime: times.start_time,
      spend: 0.0074,
      ...usage,
    },
  },
  {
    format: 'helicone',
    document: {
      request_id: 'r',
      request_created_at: '2026-01-05T09:00:00Z',
      cost: 0.0074,
      ...usage,
    },
  },
  {
    format: 'langsmith',
    document: { id: 'r', trace_id: 'r', run_type: 'llm', total_cost: '0.0074', ...times, ...usage },
  },
  {
    format: 'langfuse',
    document: {
      id: 'o',
      traceId: 't',
      type: 'GENERATION',
      startTime: '2026-01-05T09:00:00Z',
      usageDetails: { input: 40, output: 2, total: 42 },
      costDetails: { input: 0.007, output: 0.0004, total: 0.0074 },
      totalCost: 0,
    },
  },
  {
    format: 'atif',
    document: {
      schema_version: 'ATIF-v1.4',
      session_id: 's',
      steps: [
        { step_id: 1, source: 'user', message: 'x' },
        { step_id: 2, source: 'agent', message: 'y', metrics: { ...usage, cost_usd: 0.0074 } },
      ],
    },
  },
  {
    format: 'mini-swe-agent',
    document: {
      info: {},
      messages: [
        { role: 'user', content: 'x', extra: { timestamp: seconds } },
        {
          role: 'assistant',
          content: 'y',
          extra: { timestamp: seconds + 2, cost: 0.0074, response: { usage } },
        },
      ],
    },
  },
  {
    format: 'otlp',
    document: {
      resourceLogs: [
        {
          scopeLogs: [
            {
              logRecords: [
                {
                  timeUnixNano: `${seconds}000000000`,
                  body: { stringValue: 'claude_code.api_request' },
                  attributes: [
                    { key: 'session.id', value: { stringValue: 's' } },
                    { key: 'input_tokens', value: { intValue: '40' } },
                    { key: 'output_tokens', value: { intValue: '2' } },
                    { key: 'cost_usd', value: { doubleValue: 0.0074 } },
                  ],
                },
              ],
            },
          ],
        },
      ],
    },
  },
];

test.for(documents)('$format: the cost that it records', async ({ format, document }) => {
  const found = await collectText(JSON.stringify(document));
  expect(found.format).toBe(format);
  expect(allCalls(found).map(({ details }) => details?.costUsd)).toEqual([0.0074]);
});
