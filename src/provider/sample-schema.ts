import type { Random } from '../core/random.ts';
import { isRecord, listOf, recordOf, stringOf } from '../http/dialect-json.ts';
import type { Json } from '../http/dialect-json.ts';
import { replyText } from './reply-text.ts';
import { samplePattern } from './sample-pattern.ts';

/** References and nesting deeper than this end in the emptiest value (recursive schemas). */
const DEEPEST = 12;

/** Values in one sample at most, and the longest text or list: schemas come from clients. */
const MOST_VALUES = 2000;
const LONGEST = 10_000;

/** Optional properties are filled down to this depth; below, only required ones, to end recursion. */
const OPTIONAL_DEPTH = 3;

/**
 * A deterministic value that satisfies a JSON Schema as tools use it: type, properties, required,
 * enum, const, items, lengths, ranges, multipleOf, formats, local $ref, anyOf, oneOf, allOf, and
 * patterns as far as sample-pattern.ts reads them. `true` gives an object.
 */
export function sampleSchema(schema: unknown, random: Random): unknown {
  const root = recordOf(schema) ?? {};
  const budget = { left: MOST_VALUES };
  return sample({ type: 'object', ...root }, { root, random, depth: 0, budget });
}

interface Place {
  readonly root: Json;
  readonly random: Random;
  readonly depth: number;
  readonly budget: { left: number };
}

function sample(given: unknown, place: Place): unknown {
  place.budget.left -= 1;
  const schema = resolve(recordOf(given) ?? {}, place);
  if ('const' in schema) return schema['const'];
  const listed = [...listOf(schema['enum'])];
  if (listed.length > 0) return place.random.pick(listed);
  if (schema['default'] !== undefined) return schema['default'];
  const examples = listOf(schema['examples']);
  if (examples.length > 0) return examples[0];
  switch (typeOf(schema)) {
    case 'object':
      return sampleObject(schema, place);
    case 'array':
      return sampleArray(schema, place);
    case 'string':
      return sampleString(schema, place.random);
    case 'integer':
      return sampleNumber(schema, place.random, 1);
    case 'number':
      return sampleNumber(schema, place.random, numberOf(schema['multipleOf']) ?? 0.5);
    case 'boolean':
      return place.random.uniform() < 0.5;
    default:
      return null;
  }
}

/** Follows `$ref`, takes the first branch of anyOf and oneOf, and joins allOf. */
function resolve(schema: Json, place: Place): Json {
  let current = schema;
  for (let step = 0; step < DEEPEST; step += 1) {
    const pointer = stringOf(current['$ref']);
    const branches = [...listOf(current['anyOf']), ...listOf(current['oneOf'])].filter(isRecord);
    if (pointer !== undefined) {
      const { $ref: _, ...rest } = current;
      current = { ...follow(place.root, pointer), ...rest };
    } else if (branches.length > 0) {
      const { anyOf: _any, oneOf: _one, ...rest } = current;
      // Deep inside a recursive schema the branch that ends it is the one without children.
      const simple = branches.find((branch) => branch['type'] === 'null');
      current = {
        ...rest,
        ...(place.depth > OPTIONAL_DEPTH ? (simple ?? branches[0]!) : branches[0]!),
      };
    } else if (Array.isArray(current['allOf'])) {
      const { allOf, ...rest } = current;
      current = listOf(allOf).filter(isRecord).reduce(join, rest);
    } else {
      return current;
    }
  }
  return {};
}

function follow(root: Json, pointer: string): Json {
  let node: unknown = root;
  for (const part of pointer.replace(/^#\/?/, '').split('/').filter(Boolean)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    node = Array.isArray(node) ? node[Number(key)] : recordOf(node)?.[key];
  }
  return recordOf(node) ?? {};
}

function join(a: Json, b: Json): Json {
  return {
    ...a,
    ...b,
    properties: { ...recordOf(a['properties']), ...recordOf(b['properties']) },
    required: [...listOf(a['required']), ...listOf(b['required'])],
  };
}

function typeOf(schema: Json): string {
  const { type } = schema;
  if (typeof type === 'string') return type;
  const first = listOf(type).find((name) => name !== 'null') ?? listOf(type)[0];
  if (typeof first === 'string') return first;
  if (schema['properties'] !== undefined) return 'object';
  return schema['items'] === undefined ? 'string' : 'array';
}

function sampleObject(schema: Json, place: Place): Json {
  const required = new Set(listOf(schema['required']));
  const properties = Object.entries(recordOf(schema['properties']) ?? {});
  const value: Record<string, unknown> = {};
  if (place.depth >= DEEPEST || place.budget.left <= 0) return value;
  for (const [name, inner] of properties) {
    if (!required.has(name) && place.depth >= OPTIONAL_DEPTH) continue;
    // defineProperty: a schema may name a property __proto__.
    Object.defineProperty(value, name, {
      value: sample(inner, { ...place, depth: place.depth + 1 }),
      enumerable: true,
    });
  }
  for (const name of required) {
    if (typeof name === 'string' && !Object.hasOwn(value, name)) {
      Object.defineProperty(value, name, { value: 'abc', enumerable: true });
    }
  }
  return value;
}

function sampleArray(schema: Json, place: Place): readonly unknown[] {
  const prefix = listOf(schema['prefixItems']);
  const least = Math.min(numberOf(schema['minItems']) ?? 0, LONGEST);
  const most = numberOf(schema['maxItems']) ?? Number.POSITIVE_INFINITY;
  const wish = place.depth >= OPTIONAL_DEPTH ? 0 : 1;
  const isEnd = place.depth >= DEEPEST || place.budget.left <= 0;
  const length = isEnd ? 0 : Math.min(Math.max(least, prefix.length, wish), most);
  const inner = { ...place, depth: place.depth + 1 };
  const values: unknown[] = [];
  for (let index = 0; index < length && place.budget.left > 0; index += 1) {
    const value = sample(prefix[index] ?? schema['items'] ?? { type: 'string' }, inner);
    values.push(schema['uniqueItems'] === true ? distinct(value, values, index) : value);
  }
  return values;
}

/** A value not yet in the list, as far as its type allows one to be made. */
function distinct(value: unknown, values: readonly unknown[], index: number): unknown {
  if (!values.includes(value)) return value;
  if (typeof value === 'number') return value + index;
  return typeof value === 'string' ? `${value}${index}` : value;
}

const FORMATS: Readonly<Record<string, string>> = {
  'date-time': '2026-01-01T00:00:00Z',
  date: '2026-01-01',
  time: '00:00:00Z',
  duration: 'PT1H',
  email: 'user@example.com',
  hostname: 'example.com',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
  uri: 'https://example.com/',
  url: 'https://example.com/',
  uuid: '00000000-0000-4000-8000-000000000000',
};

function sampleString(schema: Json, random: Random): string {
  const format = FORMATS[stringOf(schema['format']) ?? ''];
  if (format !== undefined) return format;
  const least = Math.min(numberOf(schema['minLength']) ?? 0, LONGEST);
  const most = numberOf(schema['maxLength']) ?? Number.POSITIVE_INFINITY;
  const pattern = stringOf(schema['pattern']);
  const matching =
    pattern === undefined
      ? undefined
      : samplePattern(pattern, random, { minLength: least, maxLength: most });
  if (matching !== undefined) return matching;
  let text = replyText(random, 2).slice(0, -1);
  if (text.length < least) text = replyText(random, Math.ceil(least / 4));
  return text.padEnd(least, 'x').slice(0, most);
}

/** Ranges without bounds are this wide. */
const RANGE = 100;

function sampleNumber(schema: Json, random: Random, grain: number): number {
  const step = numberOf(schema['multipleOf']) ?? grain;
  const above = numberOf(schema['exclusiveMinimum']);
  const below = numberOf(schema['exclusiveMaximum']);
  let least = numberOf(schema['minimum']) ?? above;
  const most = numberOf(schema['maximum']) ?? below;
  least ??= most === undefined ? 1 : Math.min(1, most - RANGE * step);
  let first = Math.ceil(least / step);
  let last = Math.floor((most ?? least + RANGE * step) / step);
  if (above !== undefined && first * step <= above) first += 1;
  if (below !== undefined && last * step >= below) last -= 1;
  // A range that holds no multiple (0 < x < 0.3): its middle.
  if (last < first) return least + ((most ?? least) - least) / 2;
  return (first + random.integer(last - first + 1)) * step;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
