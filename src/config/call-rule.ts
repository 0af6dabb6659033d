import { z } from 'zod';

import type { CallStep, CallTest } from '../capacity/routing-classes.ts';
import { parseCount } from '../core/units.ts';
import { nearest } from './nearest.ts';

/**
 * Routing rules as people write them: `inputTokens < 2k`, `step = last and inputTokens <= 8k`,
 * `model = gpt-4o`.
 */
const STEPS = ['only', 'first', 'middle', 'last', 'parallel'] as const satisfies CallStep[];
const FIELDS = ['inputTokens', 'outputTokens', 'step', 'model'] as const;

const SIZES = { '<': 'below', '<=': 'atMost', '>': 'above', '>=': 'atLeast' } as const;
const NAMES = { '=': 'equal', '!=': 'different' } as const;

/** A rule, or what is wrong with it. */
export function parseCallRule(text: string): readonly CallTest[] | { readonly error: string } {
  const tests: CallTest[] = [];
  for (const part of text.split(/\s+and\s+/)) {
    const test = parseTest(part.trim());
    if ('error' in test) return test;
    tests.push(test);
  }
  return tests;
}

function parseTest(text: string): CallTest | { readonly error: string } {
  const match = /^([A-Za-z]+)\s*(<=|>=|!=|<|>|=)\s*(\S+)$/.exec(text);
  if (match === null) return { error: `expected a rule such as "inputTokens < 2k", got "${text}"` };
  const [, field, sign, value] = match as unknown as [string, string, string, string];
  switch (field) {
    case 'inputTokens':
    case 'outputTokens': {
      const is = SIZES[sign as keyof typeof SIZES];
      const bound = parseCount(value);
      if (is === undefined) return { error: `${field} is compared with <, <=, > or >=` };
      if (bound === undefined) return { error: `expected a count such as 2k, got "${value}"` };
      return { field, is, value: bound };
    }
    case 'step':
    case 'model': {
      const is = NAMES[sign as keyof typeof NAMES];
      if (is === undefined) return { error: `${field} is compared with = or !=` };
      if (field === 'model') return { field, is, value };
      const step = STEPS.find((name) => name === value);
      if (step === undefined) return { error: `step is one of ${STEPS.join(', ')}` };
      return { field, is, value: step };
    }
    default: {
      const guess = nearest(field, FIELDS);
      return {
        error: `unknown field "${field}"; ${guess === undefined ? `known: ${FIELDS.join(', ')}` : `did you mean "${guess}"?`}`,
      };
    }
  }
}

/** A rule of a document. The text is kept: it names the class of calls in reports. */
export function callRule(): z.ZodType<{ text: string; tests: readonly CallTest[] }, string> {
  return z
    .string()
    .meta({
      description: 'Which calls: inputTokens < 2k, step = last, model = name; joined by and',
    })
    .transform((text, context) => {
      const tests = parseCallRule(text.trim());
      if (!('error' in tests)) return { text: text.trim(), tests };
      context.addIssue({ code: 'custom', message: tests.error });
      return z.NEVER;
    });
}
