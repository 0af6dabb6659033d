import { describe, expect, test } from 'vitest';

import { checkPlan } from '../../src/catalog/plan-check.ts';
import { readCatalogs } from '../../src/catalog/providers.ts';
import { infraCatalogSchema } from '../../src/config/catalog-infra.ts';
import { planSchema } from '../../src/config/plan.ts';
import type { PlanDocument } from '../../src/config/plan.ts';
import { parseYaml } from '../../src/config/yaml.ts';

const catalogs = await readCatalogs();

/** The stack starts on line 6 of the file. */
function parse(stack: string): PlanDocument {
  const text = `apiVersion: agent-infra/v1
kind: Plan
workload: { numbers: { callsPerTurn: 2 } }
targets: { concurrentUsers: 5, interactionsPerMinute: 2 }
routes: [{ provider: custom, limits: { rpm: 1500 } }]
${stack}`;
  return parseYaml(
    planSchema((plan) => checkPlan(plan, catalogs, { gpus: [], models: [] })),
    { file: 'plan.yaml', text },
  );
}

describe('a bad stack: one clear message with its place', () => {
  test.for([
    {
      why: 'a key that does not exist',
      stack: 'stack: { queu: {} }',
      says: ['6:10 stack.queu', 'did you mean "queue"?'],
    },
    {
      why: 'a key of a component',
      stack: 'stack:\n  queue: { mesage: 8KiB }',
      says: ['7:12 stack.queue.mesage', 'did you mean "message"?'],
    },
    {
      why: 'an unknown option',
      stack: 'stack:\n  queue: { choose: sqss }',
      says: ['7:20 stack.queue.choose', 'unknown option "sqss"; did you mean "sqs"?'],
    },
    {
      why: 'an option of another component',
      stack: 'stack:\n  queue: { choose: lambda }',
      says: ['7:20', 'unknown option "lambda"; known: auto, none, sqs'],
    },
    {
      why: 'an unknown skill',
      stack: 'stack:\n  team: { skills: [aws, kafak] }',
      says: ['7:25 stack.team.skills.1', 'did you mean "kafka"?'],
    },
    {
      why: 'an unknown cloud',
      stack: 'stack: { cloud: awz }',
      says: ['6:17 stack.cloud', 'expected one of aws, gcp, cloudflare, or a list of them'],
    },
    {
      why: 'money without a unit',
      stack: 'stack: { team: { hourly: 90 } }',
      says: ['6:26 stack.team.hourly', 'US dollars'],
    },
    {
      why: 'hours without a unit',
      stack: 'stack: { operations: { managed: { base: 3 } } }',
      says: ['6:41 stack.operations.managed.base', 'a duration with its unit'],
    },
    {
      why: 'a size without a unit',
      stack: 'stack: { compute: { turnMemory: 64 } }',
      says: ['6:33', 'a size with its unit'],
    },
    {
      why: 'no memory at all',
      stack: 'stack: { compute: { turnMemory: 0B } }',
      says: ['6:33', 'greater than 0'],
    },
    {
      why: 'a negative count',
      stack: 'stack: { queue: { messagesPerTurn: -1 } }',
      says: ['6:36', 'a count'],
    },
    {
      why: 'no use of nodes',
      stack: 'stack: { utilisation: 0 }',
      says: ['6:23', 'greater than 0'],
    },
    { why: 'more than full', stack: 'stack: { utilisation: 120% }', says: ['6:23', 'a share'] },
    {
      why: 'vectors without dimensions',
      stack: 'stack: { vectorStore: { vectors: 1M } }',
      says: ['stack.vectorStore.dimensions'],
    },
    {
      why: 'half a dimension',
      stack: 'stack: { vectorStore: { vectors: 1M, dimensions: 1.5 } }',
      says: ['stack.vectorStore.dimensions'],
    },
    {
      why: 'an edge beyond the region',
      stack: 'stack: { latency: [{ name: chat, budget: 2s, regionRtt: 10ms, edgeRtt: 20ms }] }',
      says: ['stack.latency.0.edgeRtt', 'not farther'],
    },
    {
      why: 'a budget of nothing',
      stack: 'stack: { latency: [{ name: chat, budget: 0s }] }',
      says: ['stack.latency.0.budget', 'greater than 0'],
    },
    {
      why: 'known work slower than new work',
      stack: 'stack: { skillFactors: { known: 2, unknown: 1 } }',
      says: ['stack.skillFactors', 'not slower'],
    },
  ])('$why', ({ stack, says }) => {
    const message = messageOf(() => parse(stack));
    for (const text of says) expect(message).toContain(text);
    expect(message).toContain('plan.yaml:');
  });

  test('all problems at once', () => {
    const message = messageOf(() =>
      parse('stack:\n  cloud: x\n  utilisation: 2\n  queue: { choosy: 1 }'),
    );
    expect(message.split('\n')).toHaveLength(3);
  });
});

test('values with their units', () => {
  const { stack } = parse(
    'stack: { operations: { managed: { base: 90m } }, compute: { cpuPerCall: 20ms, turnMemory: 64MiB }, queue: { choose: kafka, retention: 7d }, cloud: [aws, gcp] }',
  );
  expect(stack).toEqual({
    operations: { managed: { base: 5_400_000 } },
    compute: { cpuPerCall: 20, turnMemory: 64 * 1024 ** 2 },
    queue: { choose: 'kafka', retention: 604_800_000 },
    cloud: ['aws', 'gcp'],
  });
});

describe('the catalog of options', () => {
  const catalog = (option: string): string => `apiVersion: agent-infra/v1
kind: InfraCatalog
sources: { page: { page: example.com, date: 2026-11-01 } }
items: []
options:
  - { name: q, title: Q, components: [queue], cloud: any, operations: managed, ${option} }`;
  const read = (option: string) =>
    parseYaml(infraCatalogSchema, { file: 'infra.yaml', text: catalog(option) });

  test.for([
    {
      why: 'a fact without its page',
      option: 'limits: [{ load: messageBytes, atMost: 1MiB }]',
      says: ['infra.yaml:6:', 'options.0.limits.0', 'either a source, or assumed'],
    },
    {
      why: 'a fact with both',
      option: 'limits: [{ load: messageBytes, atMost: 1MiB, source: page, assumed: x }]',
      says: ['either a source, or assumed'],
    },
    {
      why: 'a page that is not there',
      option: 'typical: { latency: 5ms, source: pagee }',
      says: ['options.0.typical.source', 'unknown source "pagee"'],
    },
    {
      why: 'a load that does not exist',
      option: 'limits: [{ load: mesageBytes, atMost: 1MiB, source: page }]',
      says: ['did you mean "messageBytes"?'],
    },
    {
      why: 'a meter that does not exist',
      option: 'prices: [{ item: a, per: mesages }]',
      says: ['did you mean "messages"?'],
    },
  ])('$why', ({ option, says }) => {
    const message = messageOf(() => read(option));
    for (const text of says) expect(message).toContain(text);
  });

  test.for([
    { text: '15m', is: 900 },
    { text: '14d', is: 1_209_600 },
    { text: '6MB', is: 6e6 },
    { text: '1MiB', is: 1_048_576 },
    { text: '1000', is: 1000 },
    { text: '0.6', is: 0.6 },
  ])('an amount of $text', ({ text, is }) => {
    const option = read(`limits: [{ load: messageBytes, atMost: ${text}, source: page }]`);
    expect(option.options?.[0]?.limits?.[0]?.atMost).toBe(is);
  });
});

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return (error as Error).message;
  }
  return 'nothing was wrong';
}
