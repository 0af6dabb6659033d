import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';

import { Random } from '../../src/core/random.ts';
import { replyText } from '../../src/provider/reply-text.ts';
import { sampleSchema } from '../../src/provider/sample-schema.ts';

function sample(schema: unknown, seed = 1): unknown {
  return sampleSchema(schema, new Random(seed));
}

describe('arguments satisfy the schema', () => {
  // Schemas are written with zod, turned into JSON Schema as frameworks do, and checked by zod.
  const node: z.ZodType = z.lazy(() => z.object({ value: z.number(), next: node.nullable() }));
  test.for([
    {
      why: 'scalars with bounds',
      schema: z.object({
        a: z.string().min(3).max(5),
        n: z.int().min(7).max(9),
        x: z.number().gt(0).lt(0.3),
        b: z.boolean(),
        u: z.null(),
      }),
    },
    {
      why: 'formats',
      schema: z.object({
        id: z.uuid(),
        mail: z.email(),
        at: z.iso.datetime(),
        day: z.iso.date(),
        url: z.url(),
        ip: z.ipv4(),
      }),
    },
    {
      why: 'enums and constants',
      schema: z.object({
        unit: z.enum(['C', 'F']),
        kind: z.literal('x'),
        level: z.literal([1, 2]),
      }),
    },
    {
      why: 'lists and tuples',
      schema: z.object({
        tags: z.array(z.string()).min(2).max(3),
        pair: z.tuple([z.string(), z.int()]),
      }),
    },
    {
      why: 'nested and optional',
      schema: z.object({
        where: z.object({ city: z.string(), zip: z.string().optional() }).optional(),
        limit: z.int().max(10).default(5),
      }),
    },
    {
      why: 'alternatives',
      schema: z.object({
        who: z.union([z.string(), z.object({ id: z.int() })]),
        maybe: z.string().nullable(),
      }),
    },
    {
      why: 'intersections',
      schema: z.intersection(z.object({ a: z.string() }), z.object({ b: z.int() })),
    },
    { why: 'recursion ends', schema: z.object({ head: node }) },
    { why: 'maps', schema: z.object({ env: z.record(z.string(), z.string()) }) },
    {
      why: 'multiples',
      schema: z.object({
        step: z.number().multipleOf(0.25).min(1).max(2),
        even: z.int().multipleOf(2),
      }),
    },
    { why: 'strict objects', schema: z.strictObject({ q: z.string() }) },
  ])('$why', ({ schema }) => {
    const json = z.toJSONSchema(schema, { io: 'input' });
    for (let seed = 0; seed < 50; seed += 1) {
      const result = schema.safeParse(sample(json, seed));
      expect(result.error?.issues ?? []).toEqual([]);
    }
  });

  test('a schema that is none gives an object', () => {
    for (const schema of [undefined, null, true, {}, [], 'x', { type: 'object' }]) {
      expect(sample(schema)).toEqual({});
    }
  });

  test('a property named __proto__ is a property', () => {
    const value = sample({
      properties: JSON.parse('{"__proto__":{"type":"string"}}') as object,
    }) as object;
    expect(Object.keys(value)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  test.for([
    { why: 'a tree of ten branches that never ends', schema: wide('abcdefghij') },
    {
      why: 'a billion characters',
      schema: { properties: { a: { type: 'string', minLength: 1e9 } } },
    },
    {
      why: 'a billion items',
      schema: {
        properties: {
          a: { type: 'array', minItems: 1e9, items: { type: 'array', minItems: 1e9 } },
        },
      },
    },
  ])('a hostile schema is cut: $why', ({ schema }) => {
    expect(JSON.stringify(sample(schema)).length).toBeLessThan(200_000);
  });

  test('whatever a client sends as schema, sampling ends and gives JSON', () => {
    const words = [
      'type',
      'properties',
      'items',
      'anyOf',
      'allOf',
      '$ref',
      'enum',
      'required',
      'minItems',
      'minimum',
      'maximum',
      'a',
    ];
    const any = fc.letrec((tie) => ({
      schema: fc.oneof(
        { depthSize: 'medium' },
        fc.constantFrom<unknown>(
          'object',
          'array',
          'string',
          'number',
          '#',
          '#/properties/a',
          '#/a',
          null,
          3,
          -1,
          true,
        ),
        fc.array(tie('schema'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...words), tie('schema'), { maxKeys: 4 }),
      ),
    })).schema;
    fc.assert(
      fc.property(any, (schema) => {
        const text = JSON.stringify(sample(schema));
        expect(typeof text).toBe('string');
        expect(text.length).toBeLessThan(100_000);
      }),
    );
  });
});

/** An object whose every property is the object again, all required. */
function wide(names: string): unknown {
  const letters = names.split('');
  const properties = Object.fromEntries(letters.map((name) => [name, { $ref: '#' }]));
  return { type: 'object', properties, required: letters };
}

test('text has exactly the tokens asked for, by four characters each', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3000 }), fc.string(), (tokens, seed) => {
      const text = replyText(new Random(seed), tokens);
      expect(text.length).toBe(tokens * 4);
      expect(text).toMatch(/^([a-z]{3} )+$/);
    }),
  );
  expect(replyText(new Random(1), 0)).toBe('');
});
