import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';

import {
  bytes,
  count,
  duration,
  oneOf,
  rate,
  share,
  strict,
  usd,
} from '../../src/config/fields.ts';
import { interpolate } from '../../src/config/interpolate.ts';
import { nearest } from '../../src/config/nearest.ts';
import { providerConfigSchema } from '../../src/config/provider.ts';
import { ConfigError } from '../../src/config/problem.ts';
import { parseYaml } from '../../src/config/yaml.ts';

const schema = strict({
  name: z.string(),
  wait: duration().optional(),
  tokens: count().optional(),
  price: usd().optional(),
  perSecond: rate().optional(),
  hit: share().optional(),
  size: bytes().optional(),
  mode: oneOf(['open', 'closed']).optional(),
  target: strict({ url: z.string(), retries: z.number().int().optional() }).optional(),
});

function parse(text: string, env?: Record<string, string>): z.output<typeof schema> {
  return parseYaml(schema, { file: 's.yaml', text, env });
}

function message(text: string, env?: Record<string, string>): string {
  try {
    parse(text, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('accepted');
}

test('quantities are read with their units', () => {
  expect(
    parse(
      'name: x\nwait: 1.5h\ntokens: 200k\nprice: $5\nperSecond: 600/min\nhit: 35%\nsize: 64KiB\nmode: open',
    ),
  ).toEqual({
    name: 'x',
    wait: 5_400_000,
    tokens: 200_000,
    price: 5,
    perSecond: 10,
    hit: 0.35,
    size: 65_536,
    mode: 'open',
  });
});

describe('every problem is reported with its place and a way out', () => {
  test.for([
    {
      why: 'unknown key',
      text: 'name: x\nwiat: 3s',
      says: ['s.yaml:2:1', 'wiat', 'did you mean "wait"?'],
    },
    {
      why: 'nested unknown key',
      text: 'name: x\ntarget:\n  ulr: y\n  url: z',
      says: ['s.yaml:3:3 target.ulr', '"url"'],
    },
    {
      why: 'a bare number has no unit',
      text: 'name: x\nwait: 30',
      says: ['s.yaml:2:7 wait', 'duration with its unit', '30'],
    },
    {
      why: 'a wrong unit',
      text: 'name: x\nwait: 30 parsecs',
      says: ['s.yaml:2:7', 'such as 250ms', '"30 parsecs"'],
    },
    {
      why: 'money without currency',
      text: 'name: x\nprice: 5',
      says: ['s.yaml:2:8', 'US dollars'],
    },
    {
      why: 'a share above one',
      text: 'name: x\nhit: 140%',
      says: ['s.yaml:2:6', 'share such as 35%'],
    },
    { why: 'a negative count', text: 'name: x\ntokens: -5', says: ['s.yaml:2:9', 'count'] },
    {
      why: 'a wrong choice',
      text: 'name: x\nmode: opne',
      says: ['s.yaml:2:7', 'open, closed', 'did you mean "open"?'],
    },
    {
      why: 'a missing key points at its parent',
      text: 'wait: 3s',
      says: ['s.yaml:1:1 name: missing'],
    },
    { why: 'a duplicate key', text: 'name: x\nname: y', says: ['s.yaml:2:1', 'unique'] },
    { why: 'an empty file', text: '', says: ['s.yaml:1:1'] },
    {
      why: 'a second document',
      text: 'name: x\n---\nname: y',
      says: ['s.yaml:2:1', 'multiple documents'],
    },
    { why: 'an unknown tag', text: 'name: !x y', says: ['s.yaml:1:7', 'tag'] },
    { why: 'broken syntax', text: 'name: [1, 2', says: ['s.yaml:1:'] },
    { why: 'a list instead of a map', text: '- 1', says: ['s.yaml:1:1', 'expected a mapping'] },
    {
      why: 'a wrong type, in words of YAML',
      text: 'name: [a]',
      says: ['s.yaml:1:7 name: expected text'],
    },
    { why: 'a missing one', text: 'wait: 5s', says: ['name: missing (expected text)'] },
  ])('$why', ({ text, says }) => {
    const reported = message(text);
    for (const part of says) expect(reported).toContain(part);
  });

  test('all problems at once, in order of the file', () => {
    const lines = message('wait: 3\nmode: x\nnam: y').split('\n');
    expect(lines.map((line) => line.split(' ')[0])).toEqual([
      's.yaml:1:1',
      's.yaml:1:7',
      's.yaml:2:7',
      's.yaml:3:1',
    ]);
  });

  test('of a file that is no YAML the first errors, not one for each line', () => {
    const text = Array.from({ length: 500 }, (_, at) => `{"a": [${at}, 2]}`).join('\n');
    const lines = message(text).split('\n');
    expect(lines).toHaveLength(5);
    expect(lines[0]).toContain('s.yaml:2:1');
  });

  test('an alias bomb ends in an error, not in memory', () => {
    const levels = Array.from(
      { length: 9 },
      (_, index) => `l${index + 1}: &l${index + 1} [${Array(9).fill(`*l${index}`).join(', ')}]`,
    );
    expect(message(`l0: &l0 [x]\n${levels.join('\n')}`)).toContain('alias');
  });

  test('a document over the limit is refused unread', () => {
    expect(message(`name: ${'x'.repeat(1024 * 1024)}`)).toContain('larger than 1024 KiB');
  });
});

describe('interpolation', () => {
  const env = { HOST: 'h', EMPTY: '' };
  test.for([
    { text: 'a ${HOST} b', gives: 'a h b', why: 'braced' },
    { text: '$HOST/x', gives: 'h/x', why: 'bare' },
    { text: '${NONE:-d}', gives: 'd', why: 'default for unset' },
    { text: '${EMPTY:-d}', gives: 'd', why: ':- counts empty as unset' },
    { text: '${EMPTY-d}', gives: '', why: '- does not' },
    { text: '${NONE:-${HOST}}', gives: 'h', why: 'nested default' },
    { text: '$$HOST $5', gives: '$HOST $5', why: 'escapes and money stay' },
  ])('$why', ({ text, gives }) => {
    expect(interpolate(text, env)).toEqual({ text: gives });
  });

  test.for([
    { text: '${NONE}', says: 'NONE is not set', why: 'unset is an error, never empty' },
    { text: '${NONE:?give a host}', says: 'give a host', why: 'own message' },
    { text: '${HOST', says: 'unclosed', why: 'no closing brace' },
    { text: '${1x}', says: 'not a variable', why: 'not a name' },
  ])('$why', ({ text, says }) => {
    expect(interpolate(text, env)).toMatchObject({ error: expect.stringContaining(says) });
  });

  test('only values are interpolated, with the place of a missing variable', () => {
    expect(parse('name: ${HOST}', env).name).toBe('h');
    expect(message('name: x\ntarget:\n  url: ${NONE}', env)).toContain('s.yaml:3:8');
  });

  test('text without a dollar sign is never changed', () => {
    fc.assert(
      fc.property(
        fc.string().filter((text) => !text.includes('$')),
        (text) => {
          expect(interpolate(text, {})).toEqual({ text });
        },
      ),
    );
  });
});

test('the nearest key is a typo away, or none', () => {
  expect(nearest('thinkTiem', ['thinkTime', 'toolTime'])).toBe('thinkTime');
  expect(nearest('zebra', ['thinkTime', 'toolTime'])).toBeUndefined();
});

test('a document of another kind has that one problem', () => {
  const other = 'apiVersion: agent-infra/v1\nkind: GatewayConfig\nagents: []\n';
  expect(() => parseYaml(providerConfigSchema, { file: 'p.yaml', text: other })).toThrow(
    /^p\.yaml:2:7 kind: expected kind: ProviderConfig, this is kind: GatewayConfig$/,
  );
});
