import { CHARACTERS_PER_TOKEN } from '../http/dialect-prompt.ts';
import type { PromptPart } from '../http/dialect-prompt.ts';

/** A place in the prompt and the hash of everything before it. */
export interface PromptPoint {
  readonly hash: number;
  readonly tokens: number;
}

export interface PromptHashes {
  /** Hash of the whole prompt. */
  readonly whole: number;
  readonly tokens: number;
  /** After each full block of `blockTokens`. */
  readonly blocks: readonly number[];
  /** After each part, with the breakpoint that stands there. */
  readonly parts: readonly (PromptPoint & { readonly breakpoint: '5m' | '1h' | undefined })[];
}

export interface HashOptions {
  readonly blockTokens: number;
  /** Keeps owners apart: the same text of two keys has different hashes. */
  readonly salt: number;
}

/**
 * Chained hashes of a prompt: equal hashes mean equal prefixes. Two 32-bit multiply-xor lanes give
 * 53 bits, so that a billion blocks collide with probability below 6 %, one pair in a run hardly
 * ever. One pass over the characters.
 */
export function hashPrompt(
  prompt: readonly PromptPart[],
  { blockTokens, salt }: HashOptions,
): PromptHashes {
  const blockCharacters = blockTokens * CHARACTERS_PER_TOKEN;
  const lanes = { a: 0x811c9dc5 ^ salt, b: 0x9e3779b9 ^ salt };
  const blocks: number[] = [];
  const parts: PromptHashes['parts'][number][] = [];
  let position = 0;
  for (const part of prompt) {
    const { text, characters } = part;
    const end = position + characters;
    if (characters === text.length) {
      let at = 0;
      while (position < end) {
        const boundary = (blocks.length + 1) * blockCharacters;
        const count = Math.min(end, boundary) - position;
        mix(lanes, text, at, at + count);
        at += count;
        position += count;
        if (position === boundary) blocks.push(join(lanes));
      }
    } else {
      // Marks and images count differently from their text: they are taken as a whole.
      mix(lanes, text, 0, text.length);
      position = end;
      while ((blocks.length + 1) * blockCharacters <= position) blocks.push(join(lanes));
    }
    const tokens = Math.floor(position / CHARACTERS_PER_TOKEN);
    parts.push({ hash: join(lanes), tokens, breakpoint: part.breakpoint });
  }
  const tokens = Math.ceil(position / CHARACTERS_PER_TOKEN);
  return { whole: join(lanes), tokens, blocks, parts };
}

interface Lanes {
  a: number;
  b: number;
}

function mix(lanes: Lanes, text: string, from: number, to: number): void {
  let { a, b } = lanes;
  for (let index = from; index < to; index += 1) {
    const code = text.charCodeAt(index);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x85ebca6b);
    b ^= b >>> 13;
  }
  lanes.a = a;
  lanes.b = b;
}

/** 21 bits of one lane above 32 of the other: a safe integer. */
function join({ a, b }: Lanes): number {
  return ((b >>> 11) & 0x1fffff) * 0x1_0000_0000 + (a >>> 0);
}
