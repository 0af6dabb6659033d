import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';

import { describe, expect, test } from 'vitest';

import { makePlan } from '../../src/capacity/plan.ts';
import type { Plan } from '../../src/capacity/plan.ts';
import { readGpus, readModels } from '../../src/catalog/gpus.ts';
import { checkPlan } from '../../src/catalog/plan-check.ts';
import { planInput } from '../../src/catalog/plan-input.ts';
import { readCatalogs } from '../../src/catalog/providers.ts';
import { loadPlan } from '../../src/config/plan.ts';
import { markdownCell } from '../../src/report/markdown-table.ts';
import { planMarkdown } from '../../src/report/plan-markdown.ts';
import { planOf } from '../capacity/example-plan.ts';
import { root } from '../support/requirements.ts';

/** The day of the bundled plans' prices (asOf), also for what asks for today. */
const TODAY = '2026-11-20';

async function planFile(name: string): Promise<Plan> {
  const file = resolve(root, `scenarios/plans/${name}.yaml`);
  const [catalogs, gpus, models] = await Promise.all([readCatalogs(), readGpus(), readModels()]);
  const document = await loadPlan(file, {
    check: (plan) =>
      checkPlan(plan, catalogs, { gpus: [...gpus.keys()], models: [...models.keys()] }),
  });
  return makePlan(await planInput(document, { file, today: TODAY, catalogs, gpus, models }));
}

const NAMES = [
  'azure-code',
  'azure-conversation',
  'coding-agent',
  'mooncake-conversation',
  'research-agent',
  'support-agent',
];

describe('plans of the bundled workloads at 1x, 3x and 10x', () => {
  test('there is one for each workload', async () => {
    const workloads = (await readdir(resolve(root, 'profiles/workloads')))
      .filter((file) => file.endsWith('.yaml'))
      .map((file) => file.slice(0, -5));
    expect(workloads.toSorted()).toEqual(NAMES);
  });

  test.for(NAMES)('%s: golden Markdown', { timeout: 180_000 }, async (name) => {
    const plan = await planFile(name);
    expect(plan.scales.map(({ scale }) => scale)).toEqual([1, 3, 10]);
    const markdown = planMarkdown(plan);
    // Refresh after a change that is meant: npx vitest run test/report/plan-markdown.test.ts -u
    await expect(markdown).toMatchFileSnapshot(resolve(root, `test/golden/plans/${name}.md`));
    holdsSources(plan, markdown);
  });
});

/** Limits and prices point at sources; every source has a page, and a date unless the plan gave it. */
function holdsSources(plan: Plan, markdown: string): void {
  const listed = [...markdown.matchAll(/^\| \[(\d+)\] \|/gm)].map(([, number]) => Number(number));
  expect(listed).toEqual(listed.map((_, index) => index + 1));
  const used = [...markdown.matchAll(/\[(\d+)\]/g)].map(([, number]) => Number(number));
  for (const number of used) expect(listed).toContain(number);
  const section = (title: string): string => markdown.split(`## ${title}`)[1]!.split('\n## ')[0]!;
  const limitRows = section('Limits')
    .split('\n')
    .filter((line) => /^\| \w/.test(line));
  expect(limitRows).toHaveLength(plan.scales[0]!.limits.length);
  for (const row of limitRows) expect(row).toMatch(/\[\d+\]( \[\d+\])* \|$/);
  expect(section('Cost per month')).toMatch(/Prices: \[\d+\]/);
  expect(section('Demand in the busy period')).toMatch(/whole sessions \[\d+\]\./);
  for (const { basis, date, page } of plan.sources) {
    expect(page).not.toBe('');
    // What the plan itself gives needs no date.
    const dated = basis === 'given' || /^\d{4}-\d{2}(?:-\d{2})?$/.test(date);
    expect({ page, date, dated }).toEqual({ page, date, dated: true });
  }
}

describe('Markdown from outside', () => {
  test('names cannot break a table or bring HTML', () => {
    expect(markdownCell('a|b <script>\n`x`')).not.toMatch(/[^\\]\||<|\n|[^\\]`/);
    const name = '| <img src=x> `\n# plan';
    const plan = makePlan(planOf({ name, scales: [1] }), { replications: 2 });
    const markdown = planMarkdown(plan);
    expect(markdown).not.toContain('<img');
    expect(markdown.split('\n').filter((line) => line.startsWith('# '))).toHaveLength(1);
  });
});
