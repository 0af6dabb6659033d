import { isRecord } from './dialect-json.ts';
import type { Json } from './dialect-json.ts';

/**
 * The prompt as a sequence of parts in the order the model sees them. Counts are an estimate from
 * characters, never a tokenizer: providers' limiters do the same, and the simulated provider, the
 * gateway and the load test must agree on one number.
 */
export interface PromptPart {
  readonly text: string;
  /** Characters the part counts for: its length, except for message marks and images. */
  readonly characters: number;
  /** An Anthropic cache breakpoint follows this part. */
  readonly breakpoint?: '5m' | '1h' | undefined;
}

/** Common English rule of thumb, stated by OpenAI's and Anthropic's token help pages. */
export const CHARACTERS_PER_TOKEN = 4;

/** Tokens that frame one message (role and separators): 3 + 1 in OpenAI's counting recipe. */
export const TOKENS_PER_MESSAGE = 4;

/** Tokens of one image: OpenAI's 1024×1024 at high detail (85 + 4 tiles × 170); others are alike. */
const TOKENS_PER_IMAGE = 765;

/** Tokens that a text of this many characters counts for. */
export function tokensOfCharacters(characters: number): number {
  return Math.ceil(characters / CHARACTERS_PER_TOKEN);
}

/** Estimated input tokens of a prompt. */
export function promptTokens(prompt: readonly PromptPart[]): number {
  let characters = 0;
  for (const part of prompt) characters += part.characters;
  return tokensOfCharacters(characters);
}

export function textPart(text: string, breakpoint?: '5m' | '1h'): PromptPart {
  return breakpoint === undefined
    ? { text, characters: text.length }
    : { text, characters: text.length, breakpoint };
}

/** The frame round a message: its role takes part in the prefix, its size is a constant. */
export function markPart(role: string): PromptPart {
  return { text: `<|${role}|>`, characters: TOKENS_PER_MESSAGE * CHARACTERS_PER_TOKEN };
}

/** An image or file: its data identifies it, its size does not matter. */
export function mediaPart(data: unknown, breakpoint?: '5m' | '1h'): PromptPart {
  const text = JSON.stringify(data) ?? '';
  const characters = TOKENS_PER_IMAGE * CHARACTERS_PER_TOKEN;
  return breakpoint === undefined ? { text, characters } : { text, characters, breakpoint };
}

/** Anything structured (a tool definition, tool input): counted as its JSON text. */
export function jsonPart(value: unknown, breakpoint?: '5m' | '1h'): PromptPart {
  return textPart(JSON.stringify(value) ?? '', breakpoint);
}

/** `cache_control` of an Anthropic block. */
export function breakpointOf(block: Json): '5m' | '1h' | undefined {
  const control = block['cache_control'];
  if (!isRecord(control) || control['type'] !== 'ephemeral') return undefined;
  return control['ttl'] === '1h' ? '1h' : '5m';
}
