import type { Dialect } from '../http/dialect.ts';
import { isRecord, listOf, recordsOf, stringOf } from '../http/dialect-json.ts';
import type { Json } from '../http/dialect-json.ts';

/** s(ystem), u(ser), a(ssistant), t(ool result), o(ther) */
type RoleLetter = 's' | 'u' | 'a' | 't' | 'o';

/** One message of a request: what it is, its content in one form, the tool results it brings. */
export interface MessageShape {
  readonly role: RoleLetter;
  /** Equal for equal content however it was written: text or one text block, with or without cache marks. */
  readonly text: string;
  readonly toolResults: readonly ToolResultShape[];
}

interface ToolResultShape {
  readonly id: string;
  readonly length: number;
  readonly isError: boolean;
}

/** The messages of a request body in order; system prompts outside the list are not messages. */
export function messageShapes(dialect: Dialect, body: Json): readonly MessageShape[] {
  switch (dialect) {
    case 'openai-chat':
      return recordsOf(body['messages']).map(chatMessage);
    case 'anthropic-messages':
      return recordsOf(body['messages']).map(anthropicMessage);
    case 'openai-responses': {
      const { input } = body;
      if (typeof input === 'string') return [{ role: 'u', text: input, toolResults: [] }];
      return recordsOf(input).map(responsesItem);
    }
  }
}

const CHAT_ROLES: Readonly<Record<string, RoleLetter>> = {
  system: 's',
  developer: 's',
  user: 'u',
  assistant: 'a',
  tool: 't',
  function: 't',
};

function chatMessage(message: Json): MessageShape {
  const role = CHAT_ROLES[stringOf(message['role']) ?? ''] ?? 'o';
  const { content, tool_call_id: id, tool_calls: calls } = message;
  const text = `${role}${contentText(content)}${calls === undefined ? '' : plainJson(calls)}`;
  const toolResults =
    role === 't' && typeof id === 'string'
      ? [{ id, length: contentText(content).length, isError: false }]
      : [];
  return { role, text, toolResults };
}

function anthropicMessage(message: Json): MessageShape {
  const results = recordsOf(message['content']).filter(({ type }) => type === 'tool_result');
  const isUser = message['role'] === 'user';
  const role = isUser ? (results.length > 0 ? 't' : 'u') : message['role'] === 'system' ? 's' : 'a';
  const toolResults = results.map((block) => ({
    id: stringOf(block['tool_use_id']) ?? '',
    length: contentText(block['content']).length,
    isError: block['is_error'] === true,
  }));
  return { role, text: `${role}${contentText(message['content'])}`, toolResults };
}

function responsesItem(item: Json): MessageShape {
  const type = stringOf(item['type']) ?? 'message';
  if (type === 'function_call_output' || type === 'custom_tool_call_output') {
    const id = stringOf(item['call_id']) ?? '';
    const text = contentText(item['output']);
    return {
      role: 't',
      text: `t${id}${text}`,
      toolResults: [{ id, length: text.length, isError: false }],
    };
  }
  if (type !== 'message') {
    // Items of the model's own reply: calls, reasoning. Ids and status vary between turns.
    const { id: _id, status: _status, ...rest } = item;
    return { role: 'a', text: `a${plainJson(rest)}`, toolResults: [] };
  }
  const role = CHAT_ROLES[stringOf(item['role']) ?? ''] ?? 'o';
  return { role, text: `${role}${contentText(item['content'])}`, toolResults: [] };
}

/** Text as it is; one list of blocks with the same text gives the same. */
function contentText(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content))
    return content === undefined || content === null ? '' : plainJson(content);
  return listOf(content)
    .map((block) => {
      if (!isRecord(block)) return plainJson(block);
      const text = stringOf(block['text']);
      const type = stringOf(block['type']) ?? '';
      return text !== undefined && TEXT_TYPES.has(type) ? text : plainJson(block);
    })
    .join('\n');
}

const TEXT_TYPES = new Set(['text', 'input_text', 'output_text']);

/** JSON without cache marks: they move from message to message while the content stays. */
function plainJson(value: unknown): string {
  const text = JSON.stringify(value, (key, inner: unknown) =>
    key === 'cache_control' ? undefined : inner,
  );
  return text ?? '';
}
