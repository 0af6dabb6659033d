import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';
import { parseDocument } from 'yaml';
import { z } from 'zod';

import { gatewayConfigSchema } from '../../src/config/gateway.ts';
import { planSchema } from '../../src/config/plan.ts';
import { faultListSchema } from '../../src/config/provider-fault.ts';
import { PROVIDER_PRESETS } from '../../src/config/provider-presets.ts';
import { providerConfigSchema } from '../../src/config/provider.ts';
import { scenarioSchema } from '../../src/config/scenario.ts';
import { METRIC_NAMES, metricFacts } from '../../src/config/threshold.ts';
import { parseYaml } from '../../src/config/yaml.ts';
import { asError } from '../../src/errors.ts';
import { readers } from '../../src/traces/readers.ts';
import { root } from '../support/requirements.ts';
import { allFlags, commandsOf, invocations, unknownIn } from './commands.ts';
import { brokenLink, pageAt, pages, prose } from './pages.ts';
import { follow } from './walkthrough.ts';

const SCHEMAS: Readonly<Record<string, z.ZodType<object>>> = {
  Plan: planSchema(),
  Scenario: scenarioSchema,
  GatewayConfig: gatewayConfigSchema,
  ProviderConfig: providerConfigSchema,
};

/** Why a YAML text is not what its `kind` says; texts of other tools need only be YAML. */
function problemsOf(text: string, place: string): string[] {
  const document = parseDocument(text);
  if (document.errors.length > 0)
    return document.errors.map((error) => `${place}: ${error.message}`);
  const { apiVersion, kind = '' } = document.toJS() as { apiVersion?: string; kind?: string };
  if (apiVersion === undefined) return [];
  const schema = SCHEMAS[kind];
  if (schema === undefined) return [`${place}: unknown kind "${kind}"`];
  try {
    parseYaml(schema, { file: place, text, env: {} });
    return [];
  } catch (thrown) {
    return [asError(thrown).message];
  }
}

describe.for(pages)('$path', (page) => {
  test('relative links lead somewhere', () => {
    const links = [...prose(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(
      (match) => match[1]!,
    );
    const broken = links.flatMap((target) => brokenLink(page, target) ?? []);
    expect(broken).toEqual([]);
  });

  test('YAML blocks are documents of their kind', () => {
    const problems: string[] = [];
    for (const { language, lines, place } of page.blocks) {
      if (language !== 'yaml') continue;
      problems.push(...problemsOf(`${lines.join('\n')}\n`, place));
    }
    expect(problems).toEqual([]);
  });

  test('commands and flags exist', async () => {
    const lines = page.blocks.flatMap((block) => commandsOf(block).map(({ line }) => line));
    const inline = [...prose(page).matchAll(/`(agent-infra [^`]+)`/g)].map((match) => match[1]!);
    const fromYaml = page.blocks
      .filter(({ language }) => language === 'yaml')
      .flatMap((block) => block.lines);
    const wrong: string[] = [];
    for (const line of [...lines, ...inline, ...fromYaml]) {
      for (const words of invocations(line)) {
        const problem = await unknownIn(words);
        if (problem !== undefined) wrong.push(`${problem}: ${line}`);
      }
    }
    const known = await allFlags();
    for (const [, flag] of prose(page).matchAll(/`(?:-\w, )?(--[a-z][\w-]*)[^`]*`/g)) {
      if (!known.has(flag!)) wrong.push(`no command has ${flag}`);
    }
    expect(wrong).toEqual([]);
  });
});

describe('commands marked run do what the page says', () => {
  const marked = pages.filter(({ blocks }) => blocks.some(({ runs }) => runs));
  test.concurrent.for(marked)('$path', { timeout: 240_000 }, async (page) => {
    expect(await follow(page)).toBeGreaterThan(0);
  });
});

test('every page of docs/ is in its index', () => {
  const { text } = pageAt('docs/README.md');
  const missing = pages.filter(
    ({ path }) =>
      path.startsWith('docs/') && path !== 'docs/README.md' && !text.includes(path.slice(5)),
  );
  expect(missing.map(({ path }) => path)).toEqual([]);
});

test('the README is at most 200 lines', () => {
  expect(pageAt('README.md').text.trimEnd().split('\n').length).toBeLessThanOrEqual(200);
});

test('the demo in the README is the example report', () => {
  const block = pageAt('README.md').blocks.find(
    ({ lines }) => lines[0] === '$ npx agent-infra demo',
  )!;
  const report = readFileSync(join(root, 'reports/example/report.txt'), 'utf8').split('\n');
  const shown = block.lines.slice(1).filter((line) => line !== '…');
  expect(shown.filter((line) => !report.includes(line))).toEqual([]);
});

test('profile.md names every trace format, and the README their number', () => {
  const rows = [...pageAt('docs/profile.md').text.matchAll(/^\| `([a-z][\w-]+)` +\|.*\|.*\|$/gm)];
  const formats = rows.map((match) => match[1]!);
  expect(formats.toSorted()).toEqual(Object.keys(readers).toSorted());
  expect(pageAt('README.md').text).toContain(`[${formats.length} formats](docs/profile.md)`);
});

test('loadtest.md defines every metric as the report does', () => {
  const rows = pageAt('docs/loadtest.md').text.matchAll(/^\| `(\w+)` +\| (.+?) +\|$/gm);
  const written = new Map([...rows].map((match) => [match[1]!, match[2]!]));
  const wrong = METRIC_NAMES.filter(
    (metric) => written.get(metric) !== metricFacts(metric).definition,
  );
  expect(wrong).toEqual([]);
});

test('provider.md lists every preset and every kind of fault', () => {
  const schema = z.toJSONSchema(faultListSchema, { io: 'input' }) as unknown as {
    items: { oneOf: readonly { properties: { kind: { const: string } } }[] };
  };
  const kinds = schema.items.oneOf.map(({ properties }) => properties.kind.const);
  const rows = pageAt('docs/provider.md').text.matchAll(/^\| `([\w-]+)`/gm);
  const listed = new Set([...rows].map((match) => match[1]!));
  expect([...PROVIDER_PRESETS, ...kinds].filter((name) => !listed.has(name))).toEqual([]);
});
