import { expect, test } from 'vitest';
import { z } from 'zod';

import { planTemplate } from '../../src/catalog/plan-template.ts';
import { planSchema } from '../../src/config/plan.ts';
import { pageAt } from './pages.ts';

/** Every key that a document may have, however deep. */
function keysOf(schema: unknown, found = new Set<string>()): Set<string> {
  if (typeof schema !== 'object' || schema === null) return found;
  const { properties } = schema as { properties?: object };
  for (const key of Object.keys(properties ?? {})) found.add(key);
  for (const part of Object.values(schema)) keysOf(part, found);
  return found;
}

const keys = [...keysOf(z.toJSONSchema(planSchema(), { io: 'input' }))].toSorted();

test('the pages name every key of a plan', () => {
  const pages = ['docs/plan.md', 'docs/stack.md', 'docs/gpu.md']
    .map((path) => pageAt(path).text)
    .join('\n');
  expect(keys.length).toBeGreaterThan(100);
  expect(keys.filter((key) => !new RegExp(`\\b${key}\\b`).test(pages))).toEqual([]);
});

test('plan init shows every section of a plan', () => {
  const template = planTemplate('research-agent');
  const { properties } = z.toJSONSchema(planSchema(), { io: 'input' });
  const sections = Object.keys(properties ?? {});
  expect(sections.filter((key) => !new RegExp(`^[# ]*${key}:`, 'm').test(template))).toEqual([]);
});
