import { isObject } from './json-value.ts';

/** Characters of message content anywhere in a value, see contentTexts. */
export function contentChars(value: unknown): number {
  let chars = 0;
  for (const text of contentTexts(value)) chars += text.length;
  return chars;
}

/**
 * Message content anywhere in a value: texts, tool names and arguments, results. Roles, ids, types
 * and embedded media (`data:` addresses, base64 of images: no text to the model) are left out, and
 * so are values nested deeper than messages ever are.
 */
export function contentTexts(value: unknown): readonly string[] {
  const texts: string[] = [];
  collect(value, texts, 0);
  return texts;
}

function collect(value: unknown, texts: string[], depth: number): void {
  if (typeof value === 'string') {
    if (value !== '' && !value.startsWith('data:')) texts.push(value);
  } else if (depth > DEEPEST) return;
  else if (Array.isArray(value)) {
    for (const item of value as readonly unknown[]) collect(item, texts, depth + 1);
  } else if (isObject(value)) {
    const isMedia = value['type'] === 'base64';
    for (const [key, item] of Object.entries(value)) {
      if (NOT_CONTENT.has(key) || (isMedia && key === 'data')) continue;
      // The model reads and writes arguments as JSON, names and brackets included.
      if (ARGUMENTS.has(key) && isObject(item)) texts.push(JSON.stringify(item));
      else collect(item, texts, depth + 1);
    }
  }
}

const NOT_CONTENT = new Set(['role', 'id', 'type', 'tool_call_id', 'tool_use_id', 'finish_reason']);
/** Of tool calls: OpenAI's `arguments` (also unpacked), Anthropic's `input`, Gemini's `args`. */
const ARGUMENTS = new Set(['arguments', 'input', 'args']);
const DEEPEST = 12;
