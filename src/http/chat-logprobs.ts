import type { Json } from './dialect-json.ts';
import { CHARACTERS_PER_TOKEN } from './dialect-prompt.ts';

/** Largest log probability of a simulated token, and the step to the next alternative. */
const MOST_LIKELY = -0.01;
const STEP = -1.25;

/**
 * `logprobs` of a Chat choice or chunk: an entry per token of the text. The figures follow from the
 * token alone; they are plausible in shape and mean nothing.
 */
export function chatLogprobs(text: string, alternatives: number): Json {
  const content: Json[] = [];
  for (let at = 0; at < text.length; at += CHARACTERS_PER_TOKEN) {
    content.push(entry(text.slice(at, at + CHARACTERS_PER_TOKEN), alternatives));
  }
  return { content, refusal: null };
}

function entry(token: string, alternatives: number): Json {
  const logprob = logprobOf(token);
  const others = Array.from({ length: alternatives }, (_, rank) =>
    rank === 0
      ? { token, logprob, bytes: bytesOf(token) }
      : alternative(`${token.trim()}${rank}`, logprob + rank * STEP),
  );
  return { token, logprob, bytes: bytesOf(token), top_logprobs: others };
}

function alternative(token: string, logprob: number): Json {
  return { token, logprob, bytes: bytesOf(token) };
}

/** Between MOST_LIKELY and about -1, by the token's characters. */
function logprobOf(token: string): number {
  let sum = 0;
  for (let index = 0; index < token.length; index += 1) sum += token.charCodeAt(index);
  return MOST_LIKELY - (sum % 100) / 100;
}

function bytesOf(token: string): readonly number[] {
  return [...Buffer.from(token)];
}
