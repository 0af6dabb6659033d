import { first, NAMES } from './attribute-names.ts';
import { textOf, type JsonObject } from './json-value.ts';
import type { SpanRole } from './span-record.ts';

/** Prefix of Claude Code's own span names; only below it do unprefixed attribute names count. */
export const CLAUDE_CODE = 'claude_code.';

/** What a span is, by name and attributes of all conventions. */
export function spanRole(name: string, attributes: JsonObject): SpanRole {
  if (name.startsWith(CLAUDE_CODE)) return CLAUDE_ROLES[name] ?? 'none';
  const operation = textOf(attributes['gen_ai.operation.name']);
  if (operation !== undefined && OPERATION_ROLES[operation] !== undefined) {
    return OPERATION_ROLES[operation];
  }
  const vercel = vercelRole(textOf(attributes['ai.operationId']) ?? name);
  if (vercel !== undefined) return vercel;
  const kind = textOf(attributes['openinference.span.kind']);
  if (kind !== undefined) return OPENINFERENCE_ROLES[kind.toUpperCase()] ?? 'group';
  const traceloop = textOf(attributes['traceloop.span.kind']);
  if (traceloop === 'tool' || attributes['mcp.method.name'] === 'tools/call') return 'tool';
  if (attributes['llm.request.type'] === 'embedding') return 'embedding';
  const isModelCall =
    first(attributes, NAMES.input) !== undefined ||
    first(attributes, NAMES.output) !== undefined ||
    attributes['gen_ai.request.model'] !== undefined ||
    attributes['gen_ai.input.messages'] !== undefined ||
    attributes['llm.request.type'] !== undefined;
  if (isModelCall || name.startsWith('chat ')) return 'llm';
  if (traceloop !== undefined) return 'group';
  if (attributes['db.system'] !== undefined || attributes['db.system.name'] !== undefined) {
    const statement = textOf(attributes['db.operation.name'] ?? attributes['db.operation']) ?? name;
    return DB_WRITE.test(statement) ? 'write' : 'read';
  }
  return 'none';
}

/** `ai.generateText.doGenerate` is the call; `ai.generateText` wraps it and repeats its usage. */
function vercelRole(operation: string): SpanRole | undefined {
  if (!operation.startsWith('ai.')) return undefined;
  if (/^ai\.\w+\.do(?:Generate|Stream)\b/.test(operation)) return 'llm';
  if (/^ai\.\w+\.doEmbed\b/.test(operation)) return 'embedding';
  if (operation.startsWith('ai.toolCall')) return 'tool';
  return 'group';
}

const DB_WRITE = /\b(?:insert|update|upsert|delete|create|drop|set|put|write|add|index)/i;

const CLAUDE_ROLES: Readonly<Record<string, SpanRole>> = {
  'claude_code.interaction': 'group',
  'claude_code.llm_request': 'llm',
  'claude_code.tool': 'tool',
  'claude_code.tool.blocked_on_user': 'wait',
  'claude_code.tool.execution': 'part',
};

const OPERATION_ROLES: Readonly<Record<string, SpanRole>> = {
  chat: 'llm',
  generate_content: 'llm',
  text_completion: 'llm',
  embeddings: 'embedding',
  retrieval: 'read',
  search_memory: 'read',
  create_memory: 'write',
  create_memory_store: 'write',
  update_memory: 'write',
  upsert_memory: 'write',
  delete_memory: 'write',
  delete_memory_store: 'write',
  execute_tool: 'tool',
  create_agent: 'group',
  invoke_agent: 'group',
  invoke_workflow: 'group',
  agent_step: 'group',
  plan: 'group',
};

const OPENINFERENCE_ROLES: Readonly<Record<string, SpanRole>> = {
  LLM: 'llm',
  EMBEDDING: 'embedding',
  RETRIEVER: 'read',
  TOOL: 'tool',
};
