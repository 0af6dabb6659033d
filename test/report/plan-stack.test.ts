import { describe, expect, test } from 'vitest';
import { z } from 'zod';

import { makePlan } from '../../src/capacity/plan.ts';
import type { Plan } from '../../src/capacity/plan.ts';
import type { StackInput } from '../../src/capacity/stack-plan.ts';
import { parseYaml } from '../../src/config/yaml.ts';
import { planJson } from '../../src/report/plan-json.ts';
import { infracostUsage } from '../../src/report/plan-stack-infracost.ts';
import { stackText } from '../../src/report/plan-stack.ts';
import { planOf } from '../capacity/example-plan.ts';
import { optionOf, rulesOf, sizesOf, workloadOf } from '../capacity/stack-example.ts';

const usd = (amount: number, per: 'hour' | 'month' | 'unit') => ({ per, steps: [{ usd: amount }] });

const sqs = optionOf({
  name: 'sqs',
  title: 'Amazon SQS',
  typicalMs: 10,
  limits: [{ load: 'messagesPerSecond', atMost: 100, effect: 'excludes' }],
  prices: [{ item: 'request', price: usd(1e-6, 'unit'), per: 'messages', units: 3 }],
});
const broker = optionOf({
  name: 'broker',
  title: 'Broker',
  operations: 'managed',
  limits: [{ load: 'concurrentTurns', atMost: 200, effect: 'raisable' }],
  nodes: [
    {
      name: 'node',
      carries: [{ load: 'messagesPerSecond', each: 40 }],
      atLeast: 3,
      prices: [{ item: 'node', price: usd(0.1, 'hour'), units: 1 }],
    },
  ],
  assumed: [{ what: 'messagesPerSecond of node', why: 'as a test would have it' }],
});

function planWith(stack: Partial<StackInput> = {}): Plan {
  return makePlan(
    planOf({
      scales: [1, 10],
      stack: {
        needs: [
          {
            component: 'queue',
            choose: 'auto',
            options: [sqs, broker],
            features: [],
            clouds: ['aws'],
          },
        ],
        rules: rulesOf({
          hours: { ...rulesOf().hours, managed: { base: 2, perNode: 0.5, onCall: 0 } },
        }),
        sizes: sizesOf(),
        workload: workloadOf(),
        latency: [
          {
            name: 'chat',
            budgetMs: 1000,
            regionRttMs: 40,
            edgeRttMs: null,
            newConnectionShare: 0,
            providerRttMs: 20,
            through: ['queue'],
          },
        ],
        firstTokenP95Ms: 800,
        ...stack,
      },
    }),
    // Peaks of a short simulation do for what is shown here.
    { replications: 2, mostCalls: 50_000 },
  );
}

test('the section, in full', () => {
  expect(stackText(planWith(), { colour: false })).toMatchInlineSnapshot(`
    "
    Stack: chosen by rent and the team’s hours
      1x                 size      rent  work  $/month  next best
      queue  Amazon SQS  by use  $31.68   0 h   $31.68  Broker, $569
      total                      $31.68   0 h   $31.68
      10x            size                            rent  work  $/month  next best
      queue  Broker  6 × node (messages per second)  $438   5 h     $938  -
      total                                          $438   5 h     $938

    Where the choice changes
      from 4.53x Broker instead of Amazon SQS: messages per second of just over 100 exceeds the 100 limit

    Why, and what was left out
      queue: Amazon SQS, $31.68 a month ($31.68 + 0 h of work), $537 less than Broker
        not Amazon SQS at 10x: messages per second of 209 exceeds the 100 limit

    Latency to the first token, by class of request
            budget  on the way                                                          left  first token p95
      chat     1 s  user to region 40 ms, region to provider 20 ms, Amazon SQS 10 ms  930 ms           800 ms  fits

    Watch
      from 10x: Broker: needs a raised quota: turns in flight of 1,074, 200 by default

    Assumed of these products, not read from a page
      Broker  messagesPerSecond of node  as a test would have it"
  `);
});

describe('what is missing', () => {
  test('no stack, no section, null in the JSON', () => {
    const plan = makePlan(planOf({ scales: [1] }));
    expect(stackText(plan, { colour: false })).toBe('');
    expect(planJson(plan, 'test').stack).toBeNull();
    expect(infracostUsage(plan)).toBeNull();
  });

  test('nothing fits: question marks and the reasons', () => {
    const plan = planWith({
      needs: [{ component: 'queue', choose: 'sqs', options: [sqs], features: [], clouds: [] }],
    });
    const text = stackText(plan, { colour: false });
    expect(text).toMatch(/queue +nothing fits +\? +\? +\?/);
    expect(text).toContain(
      'nothing carries the load: no option for queue: Amazon SQS: messages per',
    );
    expect(plan.scales[0]!.cost.monthly.total).toBeNull();
    expect(plan.scales[1]!.cost.monthly).toMatchObject({ infra: null, ops: null, total: null });
  });
});

test('colour changes nothing else', () => {
  const plan = planWith();
  // eslint-disable-next-line no-control-regex -- colours are what is looked for
  const plainText = stackText(plan, { colour: true }).replaceAll(/\u001B\[\d+m/g, '');
  expect(plainText).toBe(stackText(plan, { colour: false }));
});

test('the JSON has every option with its reasons, and the load behind them', () => {
  const json = JSON.parse(JSON.stringify(planJson(planWith(), 'test'))) as {
    stack: {
      scales: {
        components: { ranked: unknown[]; excluded: { reason: string }[] }[];
        load: { month: { messages: number } };
      }[];
      flips: { from: string; to: string }[];
    };
  };
  const [one, ten] = json.stack.scales;
  expect(one!.components[0]!.ranked).toHaveLength(2);
  expect(ten!.components[0]!.excluded[0]!.reason).toContain('exceeds the 100 limit');
  // 480,000 turns a day on 22 days.
  expect(one!.load.month.messages).toBe(10_560_000);
  expect(json.stack.flips).toMatchObject([{ from: 'sqs', to: 'broker' }]);
});

describe('infracost-usage.yml', () => {
  const usage = z.object({
    version: z.number(),
    resource_type_default_usage: z.record(z.string(), z.unknown()),
  });

  test('usage of what is billed by use, at the scale to carry', () => {
    const text = infracostUsage(planWith())!;
    expect(parseYaml(usage, { file: 'infracost-usage.yml', text })).toEqual({
      version: 0.1,
      resource_type_default_usage: {
        aws_sqs_queue: { monthly_requests: 31_680_000, request_size_kb: 100 },
      },
    });
  });

  test('state and archive in one kind of table add up; machines need no usage', () => {
    const need = (component: 'hotState' | 'coldState' | 'queue', option: typeof sqs) => ({
      component,
      choose: 'auto',
      options: [option],
      features: [],
      clouds: [],
    });
    const plan = planWith({
      needs: [
        need('queue', broker),
        need('hotState', optionOf({ name: 'dynamodb' })),
        need('coldState', optionOf({ name: 'dynamodb-archive' })),
      ],
    });
    const { load } = plan.stack!.scales[0]!;
    const text = infracostUsage(plan)!;
    const read = parseYaml(usage, { file: 'infracost-usage.yml', text });
    expect(read.resource_type_default_usage).toEqual({
      aws_dynamodb_table: {
        monthly_write_request_units: load.month.stateWriteUnits! + load.month.coldWriteUnits!,
        monthly_read_request_units: load.month.stateReadUnits! + load.month.coldReads!,
        storage_gb: expect.closeTo(load.month.stateGb! + load.month.coldGb!, 2) as number,
      },
    });
  });
});
