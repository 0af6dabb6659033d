import type { JsonObject } from './json-value.ts';

/** Attribute names of all generations; the first one present wins. */
export const NAMES = {
  input: [
    'gen_ai.usage.input_tokens',
    'gen_ai.usage.prompt_tokens',
    'llm.token_count.prompt',
    'ai.usage.inputTokens',
    'ai.usage.promptTokens',
    'ai.usage.tokens',
  ],
  output: [
    'gen_ai.usage.output_tokens',
    'gen_ai.usage.completion_tokens',
    'llm.token_count.completion',
    'ai.usage.outputTokens',
    'ai.usage.completionTokens',
  ],
  cacheRead: [
    'gen_ai.usage.cache_read.input_tokens',
    'gen_ai.usage.cache_read_input_tokens',
    'gen_ai.usage.cache_read_tokens',
    'gen_ai.usage.details.cache_read_tokens',
    'gen_ai.usage.details.cache_read_input_tokens',
    'gen_ai.usage.input_cached_tokens',
    'gen_ai.usage.cached_input_tokens',
    'llm.token_count.prompt_details.cache_read',
    'ai.usage.cachedInputTokens',
  ],
  cacheWrite: [
    'gen_ai.usage.cache_write.input_tokens',
    'gen_ai.usage.cache_creation.input_tokens',
    'gen_ai.usage.cache_creation_input_tokens',
    'gen_ai.usage.cache_write_tokens',
    'gen_ai.usage.details.cache_write_tokens',
    'llm.token_count.prompt_details.cache_write',
  ],
  reasoning: [
    'gen_ai.usage.reasoning.output_tokens',
    'gen_ai.usage.reasoning_tokens',
    'llm.token_count.completion_details.reasoning',
    'ai.usage.reasoningTokens',
  ],
  total: [
    'gen_ai.usage.total_tokens',
    'llm.usage.total_tokens',
    'llm.token_count.total',
    'ai.usage.totalTokens',
  ],
  model: [
    'gen_ai.response.model',
    'ai.response.model',
    'ai.model.id',
    'gen_ai.request.model',
    'llm.response.model_name',
    'llm.model_name',
  ],
  provider: ['gen_ai.provider.name', 'gen_ai.system', 'llm.provider', 'ai.model.provider'],
  session: [
    'gen_ai.conversation.id',
    'session.id',
    'langfuse.session.id',
    'traceloop.association.properties.session_id',
    'ai.telemetry.metadata.sessionId',
    'thread_id',
    'exgentic.session.id',
  ],
  user: ['user.id', 'langfuse.user.id'],
  agent: ['gen_ai.agent.name', 'agent.name', 'gen_ai.agent.id'],
  tool: ['gen_ai.tool.name', 'tool.name', 'ai.toolCall.name', 'tool_name', 'traceloop.entity.name'],
  arguments: [
    'gen_ai.tool.call.arguments',
    'ai.toolCall.args',
    'input.value',
    'traceloop.entity.input',
  ],
  finishReason: [
    'gen_ai.response.finish_reasons',
    'gen_ai.response.finish_reason',
    'ai.response.finishReason',
    'llm.finish_reason',
    'llm.response.finish_reason',
  ],
  store: ['gen_ai.memory.store.id', 'gen_ai.data_source.id', 'db.system.name', 'db.system'],
  /** What a retrieval or memory operation returned or stored. */
  stateContent: [
    'gen_ai.retrieval.documents',
    'gen_ai.memory.records',
    'output.value',
    'traceloop.entity.output',
  ],
  stateRecords: ['gen_ai.memory.record.count', 'db.response.returned_rows'],
  promptContent: [
    'gen_ai.input.messages',
    'gen_ai.prompt',
    'ai.prompt.messages',
    'ai.prompt',
    'input.value',
  ],
  answerContent: [
    'gen_ai.output.messages',
    'gen_ai.output.text',
    'gen_ai.completion',
    'ai.response.text',
    'output.value',
  ],
} as const satisfies Record<string, readonly string[]>;

/** The first of the names that is present. */
export function first(attributes: JsonObject, names: readonly string[]): unknown {
  for (const name of names) {
    const value = attributes[name];
    if (value !== undefined && value !== null) return value;
  }
  return undefined;
}
