import { isObject, listOf, numberOf, objectOf } from './json-value.ts';

/** `[{key, value: {stringValue | intValue | …}}]` as a plain map. */
export function decodeAttributes(attributes: unknown): Record<string, unknown> {
  const map: Record<string, unknown> = {};
  for (const attribute of listOf(attributes)) {
    const { key, value } = objectOf(attribute) as {
      readonly key?: unknown;
      readonly value?: unknown;
    };
    if (typeof key === 'string') map[key] = decodeValue(value, 0);
  }
  return map;
}

function decodeValue(value: unknown, depth: number): unknown {
  if (!isObject(value) || depth > DEEPEST_VALUE) return undefined;
  for (const kind of ['stringValue', 'boolValue', 'doubleValue', 'bytesValue']) {
    if (value[kind] !== undefined) return value[kind];
  }
  if (value['intValue'] !== undefined) return numberOf(value['intValue']);
  const array = value['arrayValue'];
  if (array !== undefined) {
    return listOf(objectOf(array)['values']).map((item) => decodeValue(item, depth + 1));
  }
  const pairs = value['kvlistValue'];
  return pairs === undefined ? undefined : decodeAttributes(objectOf(pairs)['values']);
}

/** Lower-case hex of an id given as hex of any case, `0x…`, or base64 (generic protobuf JSON). */
export function hexId(id: unknown): string | undefined {
  if (typeof id !== 'string' || id === '') return undefined;
  if (BASE64_ID.test(id)) return Buffer.from(id, 'base64').toString('hex');
  const hex = id.toLowerCase().replace(/^0x/, '');
  return /^0+$/.test(hex) ? undefined : hex;
}

/** 16 or 8 bytes in base64: 24 or 12 characters with padding, which hex never has. */
const BASE64_ID = /^(?:[A-Za-z0-9+/]{22}==|[A-Za-z0-9+/]{11}=)$/;
const DEEPEST_VALUE = 16;
