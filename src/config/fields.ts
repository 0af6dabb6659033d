import { z } from 'zod';

import {
  parseBytes,
  parseCount,
  parseDurationMs,
  parseRatePerSecond,
  parseShare,
  parseUsd,
} from '../core/units.ts';
import { nearest } from './nearest.ts';

/**
 * Field types of the documents. Quantities are written with their unit; a bare number is refused
 * where the unit would be a guess. `config.ts` schemas use these instead of z.number().
 */

/** A strict object whose unknown keys are reported with the nearest known key. */
export function strict<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  return z.strictObject(shape, {
    error: (issue) => {
      // The YAML loader turns the known keys into "did you mean"; see config/yaml.ts.
      if (issue.code === 'unrecognized_keys') Object.assign(issue, { known: Object.keys(shape) });
      return undefined;
    },
  });
}

/** `30s`, `1.5h`, `250ms` → milliseconds. */
export function duration(): z.ZodType<number, string> {
  return quantity(parseDurationMs, 'a duration with its unit, such as 250ms, 30s, 5m or 1.5h');
}

/** `10/s`, `600/min` → per second. */
export function rate(): z.ZodType<number, string> {
  return quantity(parseRatePerSecond, 'a rate with its unit, such as 10/s, 600/min or 2k/h');
}

/** `$5`, `0.25 USD` → US dollars. */
export function usd(): z.ZodType<number, string> {
  return quantity(parseUsd, 'an amount in US dollars, such as $5 or $0.25');
}

/** `64KiB`, `1.5GB` → bytes. */
export function bytes(): z.ZodType<number, string> {
  return quantity(parseBytes, 'a size with its unit, such as 64KiB or 1.5GB');
}

/** `200k`, `1.5M` or a plain number ≥ 0. Counts (tokens, requests, users) carry no unit. */
export function count(): z.ZodType<number, string | number> {
  return quantityOrNumber(
    parseCount,
    'a count such as 500, 200k or 1.5M',
    0,
    Number.MAX_SAFE_INTEGER,
  );
}

/** `35%` or a fraction between 0 and 1. */
export function share(): z.ZodType<number, string | number> {
  return quantityOrNumber(parseShare, 'a share such as 35% or 0.35', 0, 1);
}

/** One of a closed list, with "did you mean". */
export function oneOf<const T extends readonly [string, ...string[]]>(
  values: T,
): z.ZodEnum<{ [K in T[number]]: K }> {
  return z.enum(values, {
    error: (issue) => {
      const input = typeof issue.input === 'string' ? issue.input : undefined;
      const guess = input === undefined ? undefined : nearest(input, values);
      const list = values.join(', ');
      return `expected one of ${list}${guess === undefined ? '' : `; did you mean "${guess}"?`}`;
    },
  }) as unknown as z.ZodEnum<{ [K in T[number]]: K }>;
}

function quantity(
  parse: (text: string) => number | undefined,
  expected: string,
): z.ZodType<number, string> {
  return z
    .string({ error: (issue) => `expected ${expected}, got ${JSON.stringify(issue.input)}` })
    .meta({ description: expected })
    .transform((text, context) => {
      const value = parse(text);
      if (value !== undefined) return value;
      context.addIssue({ code: 'custom', message: `expected ${expected}, got "${text}"` });
      return z.NEVER;
    });
}

function quantityOrNumber(
  parse: (text: string) => number | undefined,
  expected: string,
  min: number,
  max: number,
): z.ZodType<number, string | number> {
  return z
    .union([z.string(), z.number()], {
      error: (issue) => `expected ${expected}, got ${JSON.stringify(issue.input)}`,
    })
    .meta({ description: expected })
    .transform((input, context) => {
      const value = typeof input === 'number' ? input : parse(input);
      if (value !== undefined && value >= min && value <= max) return value;
      context.addIssue({
        code: 'custom',
        message: `expected ${expected}, got ${JSON.stringify(input)}`,
      });
      return z.NEVER;
    });
}
