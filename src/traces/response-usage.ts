import type { TokenRecord } from '../core/tokens.ts';
import { anthropicUsage } from './claude-session.ts';
import { amountOf, isObject, objectOf, type JsonObject } from './json-value.ts';
import { inclusiveUsage } from './usage.ts';

/**
 * The usage object of a provider's response body, by its own rule: Anthropic's Messages (input
 * excludes cached tokens), OpenAI's Responses and Chat Completions and Gemini (input includes them).
 */
export function responseUsage(usage: unknown): TokenRecord | undefined {
  if (!isObject(usage)) return undefined;
  if (isAnthropic(usage)) return anthropicUsage(usage);
  if (usage['input_tokens'] !== undefined) return openaiResponses(usage);
  if (usage['prompt_tokens'] !== undefined) return openaiChat(usage);
  if (usage['promptTokenCount'] !== undefined) return gemini(usage);
  return undefined;
}

/** Both name their counts input_tokens; only OpenAI nests details, only Anthropic splits caches beside. */
function isAnthropic(usage: JsonObject): boolean {
  return (
    usage['input_tokens'] !== undefined &&
    usage['input_tokens_details'] === undefined &&
    usage['total_tokens'] === undefined
  );
}

function openaiResponses(usage: JsonObject): TokenRecord {
  return inclusiveUsage({
    input: amountOf(usage['input_tokens']),
    cacheRead: amountOf(objectOf(usage['input_tokens_details'])['cached_tokens']),
    output: amountOf(usage['output_tokens']),
    reasoning: amountOf(objectOf(usage['output_tokens_details'])['reasoning_tokens']),
  });
}

function openaiChat(usage: JsonObject): TokenRecord {
  const details = objectOf(usage['prompt_tokens_details']);
  return inclusiveUsage({
    input: amountOf(usage['prompt_tokens']),
    // LiteLLM and OpenRouter put Anthropic's cache counts beside OpenAI's names.
    cacheRead: amountOf(details['cached_tokens'] ?? usage['cache_read_input_tokens']),
    cacheWrite5m: amountOf(
      usage['cache_creation_input_tokens'] ?? details['cache_creation_tokens'],
    ),
    output: amountOf(usage['completion_tokens']),
    reasoning: amountOf(objectOf(usage['completion_tokens_details'])['reasoning_tokens']),
  });
}

/** Gemini counts thoughts beside the candidates; both are output. */
function gemini(usage: JsonObject): TokenRecord {
  const thoughts = amountOf(usage['thoughtsTokenCount']) ?? 0;
  return inclusiveUsage({
    input: amountOf(usage['promptTokenCount']),
    cacheRead: amountOf(usage['cachedContentTokenCount']),
    output: (amountOf(usage['candidatesTokenCount']) ?? 0) + thoughts,
    reasoning: thoughts,
  });
}
